//! The test forge as a program, for scripts: prints one line of JSON with its address, then serves until SIGTERM
//! or the end of standard input.

use std::io::Read as _;
use std::process::ExitCode;

use coregit_tests::forge::{Forge, Options};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let options = match arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) => return usage(&wrong),
    };
    let forge = Forge::start(options);
    serve(&forge);
    ExitCode::SUCCESS
}

fn arguments(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(name) = args.next() {
        match name.as_str() {
            "--root" => options.root = Some(args.next().ok_or("--root DIR")?.into()),
            "--listen" => {
                let address = args.next().ok_or("--listen ADDR")?;
                options.listen = Some(address.parse().map_err(|_| format!("{address} is not ADDR:PORT"))?);
            }
            "--tls" => options.tls = true,
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok(options)
}

#[expect(clippy::print_stderr, reason = "usage goes to people")]
fn usage(wrong: &str) -> ExitCode {
    eprintln!("error: {wrong}\nusage: test-forge [--root DIR] [--listen ADDR:PORT] [--tls]");
    ExitCode::from(2)
}

#[expect(clippy::print_stdout, reason = "the line is what scripts read")]
fn announce(forge: &Forge) {
    println!("{}", serde_json::json!({"url": forge.url(), "api": forge.api(), "ca": forge.ca_file()}));
}

/// Returns at SIGTERM, SIGINT or the end of standard input: a script that holds a pipe to it takes it along.
fn serve(forge: &Forge) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be started");
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    runtime.block_on(async {
        let mut term = signal(SignalKind::terminate()).expect("SIGTERM can be watched");
        let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be watched");
        // Only now: who reads the line may send a signal at once.
        announce(forge);
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
            _ = end => {}
        }
    });
}
