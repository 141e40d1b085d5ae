//! `coregit hooks …`

use coregit_engine::{Engine, Error, HookState, Shared};

use crate::Exit;
use crate::cli::Hooks;
use crate::output::Output;

pub async fn run(engine: &Engine, command: Hooks, output: &Output) -> Result<Exit, Error> {
    let states = match command {
        Hooks::Install { repo, shared } => {
            let repo = engine.repo(&repo).await?;
            let report = engine.install_hooks(&repo, if shared { Shared::Yes } else { Shared::No }).await?;
            output.answer(&report, |o| table(&report.hooks, o));
            report.notes().iter().for_each(|n| output.note(n));
            report.hooks
        }
        Hooks::Uninstall { repo } => {
            let repo = engine.repo(&repo).await?;
            let notes = engine.uninstall_hooks(&repo).await?;
            notes.iter().for_each(|n| output.note(n));
            output.answer(&serde_json::json!({ "uninstalled": true }), |_| {
                format!("{} is as it was before `hooks install`", repo.path.display())
            });
            return Ok(Exit::Done);
        }
        Hooks::Status { repo } => {
            let repo = engine.repo(&repo).await?;
            let states = engine.hook_states(&repo)?;
            output.answer(&states, |o| table(&states, o));
            states
        }
    };
    match states.iter().all(|s| s.works) {
        true => Ok(Exit::Done),
        false => Ok(Exit::Failed),
    }
}

fn table(states: &[HookState], output: &Output) -> String {
    let row = |s: &HookState| {
        let works = if s.works { "ok" } else { "not working" };
        vec![s.name.to_owned(), works.to_owned(), s.found.clone(), s.path.display().to_string()]
    };
    output.table(&["HOOK", "STATE", "FOUND", "PATH"], &states.iter().map(row).collect::<Vec<_>>())
}
