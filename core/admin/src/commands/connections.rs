//! `coregit connections …`

use coregit_engine::{AppInstallation, Engine, Error, NewConnection, TestReport};
use coregit_model::Connection;

use super::or_dash;
use crate::Exit;
use crate::cli::{Connections, CreateConnection, TokenSource};
use crate::output::Output;
use crate::secrets;

pub async fn run(engine: &Engine, command: Connections, output: &Output) -> Result<Exit, Error> {
    match command {
        Connections::Create(new) => create(engine, new, output).await?,
        Connections::List => {
            let all = engine.connections().await?;
            output.answer(&serde_json::json!({ "connections": all }), |o| list(&all, o));
        }
        Connections::Show { id } => {
            let connection = engine.connection(&id).await?;
            output.answer(&connection, |_| show(&connection));
        }
        Connections::Update { id, label, token } => update(engine, &id, label, token, output).await?,
        Connections::Test { ids, all } => return test(engine, ids, all, output).await,
        Connections::Delete { id } => {
            let gone = engine.delete_connection(&id).await?;
            output.answer(&serde_json::json!({ "deleted": true }), |_| {
                format!("deleted {} ({}) and the syncs that used it", gone.label, gone.id)
            });
        }
    }
    Ok(Exit::Done)
}

async fn create(engine: &Engine, new: CreateConnection, output: &Output) -> Result<(), Error> {
    let made = engine.create_connection(wanted(new)?).await?;
    output.answer(&made, |_| {
        format!("connected to {} as {} ({}, {})", made.origin, made.external_username, made.label, made.id)
    });
    warn_of_expiry(&made, output);
    Ok(())
}

async fn update(
    engine: &Engine,
    id: &str,
    label: Option<String>,
    token: TokenSource,
    output: &Output,
) -> Result<(), Error> {
    let secret = match secrets::is_given(&token) {
        true => Some(secrets::token(&token)?),
        false => None,
    };
    let changed = engine.update_connection(id, label, secret).await?;
    output.answer(&serde_json::json!({ "updated": true }), |_| {
        format!("updated {} ({}), as {}", changed.label, changed.id, changed.external_username)
    });
    Ok(())
}

fn wanted(create: CreateConnection) -> Result<NewConnection, Error> {
    let secret = match &create.private_key_file {
        Some(file) => secrets::read_file(file)?,
        None => secrets::token(&create.token)?,
    };
    let app = create.app_id.map(|app_id| AppInstallation { app_id, installation_id: create.installation });
    let ca_file = match create.ca_file {
        None => None,
        Some(file) => {
            let full = file.canonicalize();
            let full = full.map_err(|e| Error::usage(format!("{} cannot be read: {e}", file.display())))?;
            Some(full.display().to_string())
        }
    };
    Ok(NewConnection {
        provider: create.provider,
        label: create.label,
        url: create.url,
        secret,
        app,
        ca_file,
    })
}

fn warn_of_expiry(connection: &Connection, output: &Output) {
    if let Some(at) = connection.token_expires_at {
        output.note(&format!("the token ends {at}; `coregit doctor` reminds you two weeks before"));
    }
}

fn list(all: &[Connection], output: &Output) -> String {
    let row = |c: &Connection| {
        vec![
            c.id.to_string(),
            c.label.clone(),
            c.origin.to_string(),
            c.external_username.clone(),
            or_dash(c.token_expires_at),
            or_dash(c.last_synced_at),
            if c.invalid_since.is_some() { "refused".to_owned() } else { "ok".to_owned() },
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    output.table(&["ID", "LABEL", "HOST", "USER", "EXPIRES", "LAST SYNC", "TOKEN"], &rows)
}

fn show(c: &Connection) -> String {
    let scopes =
        if c.scopes.is_empty() { "not told by the provider".to_owned() } else { c.scopes.join(", ") };
    [
        ("id", c.id.to_string()),
        ("label", c.label.clone()),
        ("provider", c.provider.title().to_owned()),
        ("host", c.origin.to_string()),
        ("user", c.external_username.clone()),
        ("token", c.token_kind.as_str().replace('_', " ")),
        ("scopes", scopes),
        ("expires", or_dash(c.token_expires_at)),
        ("last sync", or_dash(c.last_synced_at)),
        ("refused since", or_dash(c.invalid_since)),
        ("created", c.created_at.to_string()),
        ("updated", c.updated_at.to_string()),
    ]
    .map(|(key, value)| format!("{key:<14} {value}"))
    .join("\n")
}

async fn test(engine: &Engine, ids: Vec<String>, all: bool, output: &Output) -> Result<Exit, Error> {
    let ids = match all {
        true => engine.connections().await?.into_iter().map(|c| c.id.to_string()).collect(),
        false => ids,
    };
    let mut reports = Vec::with_capacity(ids.len());
    for id in ids {
        reports.push(engine.test_connection(&id).await?);
    }
    output.answer(&reports, |o| reports.iter().map(|r| tested(r, o)).collect::<Vec<_>>().join("\n"));
    match reports.iter().all(|r| r.valid) {
        true => Ok(Exit::Done),
        false => Ok(Exit::Failed),
    }
}

fn tested(report: &TestReport, output: &Output) -> String {
    let Some(username) = &report.username else {
        let error = report.error.as_deref().unwrap_or("refused");
        return format!("{}: {} ({error})", report.label, output.paint("31;1", "invalid"));
    };
    let mut lines = vec![format!(
        "{}: {} as {username}, scopes: {}, expires: {}",
        report.label,
        output.paint("32", "valid"),
        if report.scopes.is_empty() { "not told".to_owned() } else { report.scopes.join(" ") },
        or_dash(report.expires_at)
    )];
    for sync in &report.syncs {
        let word = |right: Option<bool>| match right {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not told",
        };
        lines.push(format!(
            "  {} ({}): read {}, write {}, hooks {}, workflows {}",
            sync.remote,
            sync.label,
            word(sync.rights.read),
            word(sync.rights.write),
            word(sync.rights.hooks),
            word(sync.rights.workflows)
        ));
    }
    lines.join("\n")
}
