//! The test forge as a program, for scripts: prints one line of JSON with its address, then serves until SIGTERM
//! or the end of standard input.

use std::io::Read as _;
use std::process::ExitCode;

use coregit_tests::forge::{Forge, Options, Repo, Token};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let (options, demo) = match arguments(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(wrong) => return usage(&wrong),
    };
    let forge = Forge::start(options);
    serve(&forge, demo.as_deref());
    ExitCode::SUCCESS
}

/// How the forge starts, and the repository that `--demo` makes.
fn arguments(mut args: impl Iterator<Item = String>) -> Result<(Options, Option<String>), String> {
    let mut options = Options::default();
    let mut demo = None;
    while let Some(name) = args.next() {
        match name.as_str() {
            "--root" => options.root = Some(args.next().ok_or("--root DIR")?.into()),
            "--listen" => {
                let address = args.next().ok_or("--listen ADDR")?;
                options.listen = Some(address.parse().map_err(|_| format!("{address} is not ADDR:PORT"))?);
            }
            "--tls" => options.tls = true,
            "--demo" => {
                let name = args.next().filter(|name| name.split('/').count() == 2);
                demo = Some(name.ok_or("--demo OWNER/REPO")?);
            }
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok((options, demo))
}

#[expect(clippy::print_stderr, reason = "usage goes to people")]
fn usage(wrong: &str) -> ExitCode {
    eprintln!(
        "error: {wrong}\nusage: test-forge [--root DIR] [--listen ADDR:PORT] [--demo OWNER/REPO] [--tls]"
    );
    ExitCode::from(2)
}

/// One line of JSON: the addresses, and with `--demo` an empty repository, where it lies, and a token for it.
#[expect(clippy::print_stdout, reason = "the line is what scripts read")]
fn announce(forge: &Forge, demo: Option<&str>) {
    let mut line = serde_json::json!({"url": forge.url(), "api": forge.api(), "ca": forge.ca_file()});
    if let Some(name) = demo {
        let owner = name.split('/').next().unwrap_or_default();
        line["token"] = forge.token(Token::classic(owner)).into();
        forge.repo(Repo::new(name));
        line["bare"] = forge.bare(name).display().to_string().into();
    }
    println!("{line}");
}

/// Returns at SIGTERM, SIGINT or the end of standard input: a script that holds a pipe to it takes it along.
fn serve(forge: &Forge, demo: Option<&str>) {
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
        announce(forge, demo);
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
            _ = end => {}
        }
    });
}
