//! `coregit init` and `coregit keyring …`

use coregit_engine::{Engine, Error, Home};

use crate::Exit;
use crate::cli::{Keyring, Recipients};
use crate::output::Output;

pub async fn init(home: Home, recipients: &[String], output: &Output) -> Result<Exit, Error> {
    let report = Engine::init(home, recipients).await?;
    output.answer(&report, |_| {
        let verb = if report.created { "made" } else { "found" };
        let identity = match &report.identity {
            Some(identity) => format!(
                "identity   {identity}\n\nKeep a copy of the identity in a safe place: without it no token opens again."
            ),
            None => "identity   the one that COREGIT_IDENTITY names".to_owned(),
        };
        format!("{verb} {}\nrecipients {}\n{identity}", report.home, report.recipients.join("\n           "))
    });
    Ok(Exit::Done)
}

pub async fn run(engine: &Engine, command: Keyring, output: &Output) -> Result<Exit, Error> {
    match command {
        Keyring::Rotate => {
            let report = engine.rotate_keyring().await?;
            output.answer(&report, |_| {
                let key = report.keys.iter().find(|k| k.active).map_or("", |k| k.id.as_str());
                format!("{} sealed fields are under the new key {key}", report.fields.len())
            });
        }
        Keyring::Check => {
            let report = engine.check_keyring().await?;
            output.answer(&report, |_| {
                let head = format!("{} keys, {} sealed fields", report.keys.len(), report.fields.len());
                match report.is_sound() {
                    true => format!("{head}: all open"),
                    false => format!(
                        "{head}; these do not open:\n{}",
                        coregit_engine::problems(&report).join("\n")
                    ),
                }
            });
            if !report.is_sound() {
                return Ok(Exit::Failed);
            }
        }
        Keyring::Export { output: file } => export(engine, file.as_deref(), output).await?,
        Keyring::Recipients(command) => recipients(engine, command, output).await?,
    }
    Ok(Exit::Done)
}

async fn export(engine: &Engine, file: Option<&std::path::Path>, output: &Output) -> Result<(), Error> {
    let armored = engine.export_keyring().await?;
    match file {
        None => output.answer(&serde_json::json!({ "age": armored }), |_| armored.clone()),
        Some(file) => {
            engine.write_private_file(file, armored.as_bytes())?;
            output.note(&format!("written to {}; `age -d -i IDENTITY {0}` opens it", file.display()));
        }
    }
    Ok(())
}

async fn recipients(engine: &Engine, command: Recipients, output: &Output) -> Result<(), Error> {
    match command {
        Recipients::Add { recipient } => engine.add_recipient(&recipient).await?,
        Recipients::Remove { recipient } => engine.remove_recipient(&recipient).await?,
        Recipients::List => {}
    }
    let all = engine.recipients().await?;
    output.answer(&serde_json::json!({ "recipients": all }), |_| all.join("\n"));
    Ok(())
}
