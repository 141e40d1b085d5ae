//! GitHub's published OpenAPI description: requests that arrive and answers that leave are held against it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Statuses that any operation may answer, listed or not.
const GENERAL: [u16; 12] = [301, 304, 400, 401, 403, 404, 413, 429, 451, 500, 502, 503];

/// The description, read once in a process.
pub(super) struct Description {
    components: Value,
    paths: Value,
    compiled: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

impl Description {
    /// The description, where it can be found: `COREGIT_GITHUB_OPENAPI`, else beside the workspace.
    pub(super) fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Description>> = OnceLock::new();
        FOUND.get_or_init(Self::read).as_ref()
    }

    fn read() -> Option<Self> {
        let beside =
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/contracts/github-openapi.json");
        let path = std::env::var_os("COREGIT_GITHUB_OPENAPI").map_or_else(beside, PathBuf::from);
        let mut document: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        modern(&mut document);
        let components = json!({"schemas": document["components"]["schemas"]});
        let (mut paths, parts) = (document["paths"].take(), &document["components"]);
        for operation in
            paths.as_object_mut()?.values_mut().flat_map(|p| p.as_object_mut().into_iter().flatten())
        {
            resolve(operation.1, parts);
        }
        Some(Self { components, paths, compiled: Mutex::new(HashMap::new()) })
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        &self.paths[path][method.to_lowercase()]
    }

    /// What is wrong with a request, in words.
    pub(super) fn request(&self, asked: &Request<'_>) -> Vec<String> {
        let operation = self.operation(asked.method, asked.path);
        if operation.is_null() {
            return vec!["no such operation".to_owned()];
        }
        let mut wrong: Vec<String> = asked.query.iter().filter_map(|q| query(operation, q)).collect();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        match (schema.is_null(), asked.body) {
            (true, None) => {}
            (true, Some(_)) => wrong.push("a body where none belongs".to_owned()),
            (false, None) if operation["requestBody"]["required"] == true => wrong.push("no body".to_owned()),
            (false, None) => {}
            (false, Some(body)) => {
                wrong.extend(self.hold(&format!("{} {} body", asked.method, asked.path), schema, body));
            }
        }
        wrong
    }

    /// What is wrong with an answer, in words.
    pub(super) fn answer(
        &self,
        (method, path): (&str, &str),
        status: u16,
        body: Option<&Value>,
    ) -> Vec<String> {
        let response = &self.operation(method, path)["responses"][status.to_string()];
        let error = json!({"$ref": "#/components/schemas/basic-error"});
        let schema = match response {
            Value::Null if GENERAL.contains(&status) => &error,
            Value::Null => return vec![format!("{status} is not among its answers")],
            response => &response["content"]["application/json"]["schema"],
        };
        let Some(body) = body else { return Vec::new() };
        match schema {
            Value::Null if status < 400 => vec![format!("{status} has no body")],
            // An error that is described without a body has the common one.
            Value::Null => self.hold("error", &error, body),
            schema => self.hold(&format!("{method} {path} {status} {}", response.is_null()), schema, body),
        }
    }

    fn hold(&self, key: &str, schema: &Value, body: &Value) -> Vec<String> {
        let Some(validator) = self.validator(key, schema) else {
            return vec![format!("the schema of {key} cannot be compiled")];
        };
        let flaw = |e: jsonschema::ValidationError<'_>| {
            let words: String = e.to_string().chars().take(300).collect();
            format!("at {:?}: {words}", e.instance_path().to_string())
        };
        validator.iter_errors(body).take(5).map(flaw).collect()
    }

    fn validator(&self, key: &str, schema: &Value) -> Option<Arc<Validator>> {
        let mut compiled = self.compiled.lock().expect("no panic under this lock");
        let compile = || {
            let whole = json!({"allOf": [schema], "components": self.components});
            let options =
                jsonschema::options().with_draft(jsonschema::Draft::Draft7).should_validate_formats(true);
            options.build(&whole).ok().map(Arc::new)
        };
        compiled.entry(key.to_owned()).or_insert_with(compile).clone()
    }
}

/// A request as the description looks at it.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) body: Option<&'a Value>,
}

/// What is wrong with one parameter of the query.
fn query(operation: &Value, (name, value): &(String, String)) -> Option<String> {
    let mut known = operation["parameters"].as_array()?.iter();
    let Some(parameter) = known.find(|p| p["in"] == "query" && p["name"] == name.as_str()) else {
        return Some(format!("no query parameter {name:?}"));
    };
    let schema = &parameter["schema"];
    let allowed = schema["enum"].as_array().is_none_or(|all| all.iter().any(|v| v == value.as_str()));
    let fits = schema["type"] != "integer" || value.parse::<i64>().is_ok();
    (!allowed || !fits).then(|| format!("query parameter {name:?} cannot be {value:?}"))
}

/// Puts referenced parameters, bodies and responses in place, so that only schemas stay references.
fn resolve(operation: &mut Value, components: &Value) {
    let follow = |value: &mut Value| {
        let target = value["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/"));
        if let Some((kind, name)) = target.and_then(|t| t.split_once('/')) {
            *value = components[kind][name].clone();
        }
    };
    operation["parameters"].as_array_mut().into_iter().flatten().for_each(follow);
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        follow(response);
        let schema = &mut response["content"]["application/json"]["schema"];
        // Errors that are "one of" several shapes fit more than one of them: the shapes demand next to nothing.
        if status.as_str() >= "400" && schema["oneOf"].is_array() {
            *schema = json!({"anyOf": schema["oneOf"]});
        }
    }
}

/// OpenAPI 3.0's `nullable` in the words of JSON Schema.
fn modern(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(modern),
        Value::Object(members) => {
            members.values_mut().for_each(modern);
            if members.get("nullable") == Some(&Value::Bool(true)) {
                members.remove("nullable");
                let strict = Value::Object(std::mem::take(members));
                *members = Map::from_iter([("anyOf".to_owned(), json!([strict, {"type": "null"}]))]);
            }
        }
        _ => {}
    }
}

/// What was found wrong since the forge started, each thing once, with how often.
#[derive(Default)]
pub(super) struct Violations(Mutex<BTreeMap<String, u32>>);

impl Violations {
    pub(super) fn add(&self, wrong: impl IntoIterator<Item = String>) {
        let mut all = self.0.lock().expect("no panic under this lock");
        wrong.into_iter().for_each(|w| *all.entry(w).or_default() += 1);
    }

    pub(super) fn list(&self) -> Vec<String> {
        let all = self.0.lock().expect("no panic under this lock");
        all.iter()
            .map(|(words, times)| if *times > 1 { format!("{words} ({times} times)") } else { words.clone() })
            .collect()
    }

    pub(super) fn clear(&self) {
        self.0.lock().expect("no panic under this lock").clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nullable_things_may_be_null() {
        let mut schema = json!({"properties": {"a": {"type": "string", "nullable": true}}});
        modern(&mut schema);
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(validator.is_valid(&json!({"a": null})) && validator.is_valid(&json!({"a": "x"})));
        assert!(!validator.is_valid(&json!({"a": 1})));
    }
}
