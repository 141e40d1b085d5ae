//! `coregit repos …`

use coregit_engine::{Engine, Error};
use coregit_model::{Repo, SyncConfig};

use crate::Exit;
use crate::cli::Repos;
use crate::output::Output;

pub async fn run(engine: &Engine, command: Repos, output: &Output) -> Result<Exit, Error> {
    match command {
        Repos::Create { slug, path } => {
            let repo = engine.create_repo(&slug, path.as_deref()).await?;
            let verb = if repo.created_here { "created" } else { "adopted" };
            output
                .answer(&repo, |_| format!("{verb} {} at {} ({})", repo.slug, repo.path.display(), repo.id));
        }
        Repos::List => list(&engine.repos().await?, output),
        Repos::Show { repo } => show(engine, &repo, output).await?,
        Repos::Delete { repo, purge } => {
            let repo = engine.repo(&repo).await?;
            engine.delete_repo(&repo, purge).await?;
            let files = if purge { "removed" } else { "untouched" };
            output.answer(&serde_json::json!({ "deleted": true }), |_| {
                format!("{} is forgotten; its files at {} are {files}", repo.slug, repo.path.display())
            });
        }
    }
    Ok(Exit::Done)
}

fn list(all: &[Repo], output: &Output) {
    output.answer(&serde_json::json!({ "repos": all }), |o| {
        let row = |r: &Repo| vec![r.id.to_string(), r.slug.to_string(), r.path.display().to_string()];
        o.table(&["ID", "SLUG", "PATH"], &all.iter().map(row).collect::<Vec<_>>())
    });
}

async fn show(engine: &Engine, repo: &str, output: &Output) -> Result<(), Error> {
    let repo = engine.repo(repo).await?;
    let syncs = engine.syncs_of(&repo).await?;
    output.answer(&serde_json::json!({ "repo": repo, "syncs": syncs }), |_| {
        let head = format!(
            "{} ({})\n  path    {}\n  branch  {}\n  since   {}",
            repo.slug,
            repo.id,
            repo.path.display(),
            repo.default_branch,
            repo.created_at
        );
        let sync = |s: &SyncConfig| {
            format!("\n  sync    {} {} {} to {} ({})", s.label, s.direction, s.mode, s.remote, s.id)
        };
        head + &syncs.iter().map(sync).collect::<String>()
    });
    Ok(())
}
