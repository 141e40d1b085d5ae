//! The GraphQL face: `viewer`, `repository`, `rateLimit`, `updateRefs`, `createCommitOnBranch`.
//!
//! Errors come with HTTP 200, as GitHub sends them; their `type`s and the stale-head text are its own, the
//! wording of `updateRefs` refusals follows the REST face, because GitHub documents none.

mod commit;
mod parse;
mod queries;
mod update_refs;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::access::{self, Level};
use super::auth::Caller;
use super::reply::{Reply, reply};
use super::shared::Shared;
use super::world::Repo;
use parse::{Field, Operation, parse};

/// A refusal inside an answer: GitHub's `type` and message.
pub(super) struct Trouble {
    kind: &'static str,
    message: String,
}

/// What a field comes to.
type Resolved = Result<Value, Trouble>;

fn trouble(kind: &'static str, message: impl Into<String>) -> Trouble {
    Trouble { kind, message: message.into() }
}

/// One request to GraphQL.
struct Asked {
    shared: Arc<Shared>,
    caller: Caller,
}

/// Answers the body of `POST /api/graphql`, and says whether it was a mutation.
pub(super) fn answer(shared: Arc<Shared>, caller: Caller, body: &Value) -> (Reply, bool) {
    let variables = if body["variables"].is_object() { body["variables"].clone() } else { json!({}) };
    match parse(body["query"].as_str().unwrap_or(""), &variables) {
        Ok(operation) => (reply(200, Asked { shared, caller }.run(&operation)), operation.mutation),
        Err(words) => (reply(200, json!({"errors": [{"message": words}]})), false),
    }
}

impl Asked {
    fn run(&self, operation: &Operation) -> Value {
        let (mut data, mut errors) = (Map::new(), Vec::new());
        for field in &operation.fields {
            let resolved = self.resolve(operation.mutation, field);
            let shown = resolved.and_then(|value| project(&value, field));
            data.insert(
                field.alias.clone(),
                match shown {
                    Ok(value) => value,
                    Err(trouble) => {
                        errors.push(json!({
                            "type": trouble.kind, "path": [field.alias], "message": trouble.message,
                            "locations": [{"line": 1, "column": 1}],
                        }));
                        Value::Null
                    }
                },
            );
        }
        match errors.is_empty() {
            true => json!({"data": data}),
            false => json!({"data": data, "errors": errors}),
        }
    }

    fn resolve(&self, mutation: bool, field: &Field) -> Resolved {
        match (mutation, field.name.as_str()) {
            (false, "viewer") => self.viewer(),
            (false, "rateLimit") => self.rate_limit(),
            (false, "repository") => self.repository(field),
            (true, "updateRefs") => self.update_refs(&field.arguments["input"]),
            (true, "createCommitOnBranch") => self.create_commit(&field.arguments["input"]),
            (_, name) => {
                let kind = if mutation { "Mutation" } else { "Query" };
                Err(trouble("undefinedField", format!("Field '{name}' doesn't exist on type '{kind}'")))
            }
        }
    }

    /// A repository that this caller may write to.
    fn writable(&self, found: Option<Repo>) -> Result<Repo, Trouble> {
        let world = self.shared.world();
        let repo = found.filter(|r| access::visible(&world, &self.caller, r));
        let repo =
            repo.ok_or_else(|| trouble("NOT_FOUND", "Could not resolve to a node with the global id"))?;
        if !access::may(&world, &self.caller, &repo, ("contents", Level::Write)) {
            let words = match self.caller.is_installation() {
                true => "Resource not accessible by integration".to_owned(),
                false => {
                    format!("{} does not have the correct permissions to execute this", self.caller.login())
                }
            };
            return Err(trouble("FORBIDDEN", words));
        }
        match repo.archived {
            true => Err(trouble("UNPROCESSABLE", "Repository was archived so is read-only.")),
            false => Ok(repo),
        }
    }
}

/// The members of a value that were asked for.
fn project(value: &Value, field: &Field) -> Resolved {
    let object = match value {
        Value::Object(object) if !field.fields.is_empty() => object,
        Value::Array(items) => return items.iter().map(|i| project(i, field)).collect(),
        other => return Ok(other.clone()),
    };
    let mut shown = Map::new();
    for wanted in &field.fields {
        let Some(member) = object.get(&wanted.name) else {
            let words = format!("Field '{}' doesn't exist on type '{}'", wanted.name, field.name);
            return Err(trouble("undefinedField", words));
        };
        shown.insert(wanted.alias.clone(), project(member, wanted)?);
    }
    Ok(Value::Object(shown))
}
