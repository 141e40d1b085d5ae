//! One function for each command: call the engine, print what it says.

mod connections;
mod hooks;
mod keyring;
mod repos;
mod syncs;

use clap::CommandFactory;
use coregit_engine::{Engine, Error, Home, Level, WorkerOptions};

use crate::Exit;
use crate::cli::{Cli, Command, Config, Service};
use crate::output::Output;

/// Runs the command.
pub async fn run(cli: Cli, output: &Output) -> Result<Exit, Error> {
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut Cli::command(), "coregit", &mut std::io::stdout());
        return Ok(Exit::Done);
    }
    let home = Home::find(cli.home.as_deref())?;
    if let Command::Init { recipient } = &cli.command {
        return keyring::init(home, recipient, output).await;
    }
    let engine = Engine::open(home).await?;
    dispatch(&engine, cli.command, output).await
}

async fn dispatch(engine: &Engine, command: Command, output: &Output) -> Result<Exit, Error> {
    match command {
        Command::Init { .. } | Command::Completions { .. } => Ok(Exit::Done),
        Command::Connections(command) => connections::run(engine, command, output).await,
        Command::Repos(command) => repos::run(engine, command, output).await,
        Command::Sync(command) => syncs::run(engine, command, output).await,
        Command::Hooks(command) => hooks::run(engine, command, output).await,
        Command::Keyring(command) => keyring::run(engine, command, output).await,
        Command::Config(Config::Show) => {
            show_config(engine, output);
            Ok(Exit::Done)
        }
        Command::Worker { drain, repo } => {
            engine.unlock(&mut |prompt| crate::secrets::passphrase(prompt))?;
            engine.work(WorkerOptions { drain, repo }).await?;
            Ok(Exit::Done)
        }
        Command::Service(command) => service(engine, command, output),
        Command::Doctor => doctor(engine, output).await,
    }
}

fn show_config(engine: &Engine, output: &Output) {
    let settings = engine.settings().all();
    let row = |s: &coregit_engine::Setting| {
        vec![s.key.to_owned(), s.value.clone(), s.source.clone(), s.purpose.to_owned()]
    };
    let rows: Vec<_> = settings.iter().map(row).collect();
    output.answer(&settings, |o| o.table(&["KEY", "VALUE", "FROM", "WHAT"], &rows));
}

fn service(engine: &Engine, command: Service, output: &Output) -> Result<Exit, Error> {
    let (report, verb) = match command {
        Service::Install { print } => {
            (engine.install_service(!print)?, if print { "would write" } else { "wrote" })
        }
        Service::Uninstall => (engine.uninstall_service()?, "removed"),
    };
    let place = report.file.as_ref().map_or("the crontab".to_owned(), |f| f.display().to_string());
    output.answer(&report, |_| format!("{verb} {place} ({}):\n{}", report.kind, report.text));
    report.notes.iter().for_each(|n| output.note(n));
    Ok(Exit::Done)
}

async fn doctor(engine: &Engine, output: &Output) -> Result<Exit, Error> {
    let findings = engine.doctor().await?;
    output.answer(&findings, |o| {
        let line = |f: &coregit_engine::Finding| {
            let mark = match f.level {
                Level::Ok => o.paint("32", "ok     "),
                Level::Warning => o.paint("33", "warning"),
                Level::Error => o.paint("31;1", "error  "),
            };
            let mend = f.mend.as_ref().filter(|m| !m.is_empty()).map(|m| format!("\n         mend: {m}"));
            format!("{mark}  {}: {}{}", f.subject, f.sentence, mend.unwrap_or_default())
        };
        findings.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    match findings.iter().any(|f| f.level == Level::Error) {
        true => Ok(Exit::Failed),
        false => Ok(Exit::Done),
    }
}

/// `-` for what is not there.
fn or_dash<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| v.to_string())
}
