//! GraphQL: refusals come with status 200, in `errors`.

use std::time::Duration;

use coregit_http::{Cost, Effect, HttpError, Request, Retry, class_of_words};
use coregit_model::{ErrorClass, RemoteRepo};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Github;

/// The wait after a limit that comes without headers (`facts/providers.md`, 2.11).
const UNTOLD: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Answer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<Refusal>,
}

/// One of `errors`.
#[derive(Clone, Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    extensions: Value,
}

impl Github {
    /// Asks a question.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        remote: Option<&RemoteRepo>,
        text: &str,
        variables: Value,
    ) -> Result<T, HttpError> {
        self.graphql(
            remote,
            json!({ "query": text, "variables": variables }),
            (Cost::READ, Retry::Idempotent),
        )
        .await
    }

    /// Asks for a change. It is repeated only while it certainly had no effect.
    pub(super) async fn mutate<T: DeserializeOwned>(
        &self,
        remote: &RemoteRepo,
        text: &str,
        variables: Value,
    ) -> Result<T, HttpError> {
        let body = json!({ "query": text, "variables": variables });
        self.graphql(Some(remote), body, (Cost::WRITE, Retry::IfNoEffect)).await
    }

    async fn graphql<T: DeserializeOwned>(
        &self,
        remote: Option<&RemoteRepo>,
        body: Value,
        (cost, retry): (Cost, Retry),
    ) -> Result<T, HttpError> {
        let request = || Request::post(self.addresses.graphql()).json(&body).cost(cost).retry(retry);
        let reply = self.call(remote, request).await?;
        let answer: Answer = reply.json()?;
        if let Some(first) = answer.errors.first() {
            return Err(first.classified(reply.head.request_id()));
        }
        let data =
            answer.data.ok_or_else(|| HttpError::invalid("the host answered neither data nor errors"))?;
        serde_json::from_value(data)
            .map_err(|_| HttpError::invalid("the host's answer lacks what was asked for"))
    }
}

impl Refusal {
    fn classified(&self, request_id: Option<String>) -> HttpError {
        let effect = if self.kind.is_empty() { Effect::Unknown } else { Effect::Refused };
        let class = self.class();
        let error = HttpError::new(class, effect, coregit_http::redact(&self.message));
        if class == ErrorClass::Rate {
            return error.with_effect(Effect::Refused).with_wait(UNTOLD);
        }
        match request_id {
            Some(id) if self.kind.is_empty() => error.with_hint(format!("the host calls this request {id}")),
            _ => error,
        }
    }

    fn class(&self) -> ErrorClass {
        let says = |words: &[&str]| words.iter().any(|word| self.message.contains(word));
        match self.kind.as_str() {
            "FORBIDDEN" if self.extensions.get("saml_failure") == Some(&Value::Bool(true)) => ErrorClass::Sso,
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => ErrorClass::Scope,
            "NOT_FOUND" => ErrorClass::NotFound,
            "RATE_LIMITED" | "RATE_LIMIT" => ErrorClass::Rate,
            "STALE_DATA" => ErrorClass::Conflict,
            _ if says(&["rate limit"]) => ErrorClass::Rate,
            _ if says(&["workflow"]) && says(&["scope", "permission"]) => ErrorClass::Scope,
            _ if says(&["Something went wrong", "timed out", "timeout"]) => ErrorClass::Transient,
            _ => class_of_words(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_with_status_200_have_their_class() {
        use ErrorClass::*;
        for (kind, message, expected) in [
            ("STALE_DATA", "Expected branch to point to \"a\" but it did not. Pull and try again.", Conflict),
            ("NOT_FOUND", "Could not resolve to a node with the global id of 'x'.", NotFound),
            ("FORBIDDEN", "Resource not accessible by personal access token", Scope),
            ("INSUFFICIENT_SCOPES", "Your token has not been granted the required scopes", Scope),
            ("RATE_LIMITED", "API rate limit exceeded for user ID 1.", Rate),
            ("UNPROCESSABLE", "Repository rule violations found", RejectedByRule),
            (
                "",
                "refusing to allow an OAuth App to update workflow `.github/workflows/x.yml` without `workflow` scope",
                Scope,
            ),
            ("", "Something went wrong while executing your query.", Transient),
            ("UNPROCESSABLE", "A ref is malformed", Invalid),
        ] {
            let refusal = Refusal { kind: kind.into(), message: message.into(), extensions: Value::Null };
            assert_eq!(refusal.class(), expected, "{message}");
        }
    }
}
