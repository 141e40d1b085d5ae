//! Measures the figures that coregit holds itself to; see `scripts/bench`.

use std::process::ExitCode;

use coregit_tests::bench::{Ask, run};

fn main() -> ExitCode {
    match Ask::parse(std::env::args().skip(1)) {
        Ok(ask) => run(&ask),
        Err(wrong) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("error: {wrong}\n").as_bytes());
            ExitCode::from(2)
        }
    }
}
