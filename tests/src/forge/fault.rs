//! Faults as data: which requests go wrong, how, and how often.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

/// A fault and the requests that meet it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// The method; `*` is any.
    pub method: String,
    /// The path, `*` standing for any run of characters; with a `?` in it, the path and its query.
    pub path: String,
    /// How many matching requests pass before the first that meets the fault.
    pub skip: u32,
    /// How many meet it; `None` is all.
    pub times: Option<u32>,
    /// What goes wrong.
    pub effect: Effect,
}

/// What goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing; a placeholder of the data form.
    #[default]
    Nothing,
    /// This answer instead of the forge's, and no effect.
    Answer(Canned),
    /// The effect takes place, but this is the answer.
    AnswerAfter(Canned),
    /// The answer is late by so many milliseconds, before the effect.
    Delay(u64),
    /// The connection is cut before anything happens.
    CutBefore,
    /// The connection is cut after the effect, before the answer.
    CutAfter,
    /// The connection is cut after so many bytes of the answer's body.
    CutAnswer(u64),
    /// The connection is cut after so many bytes of the request's body arrived.
    CutRequest(u64),
    /// The request's token is revoked as it arrives.
    Revoke,
}

/// An answer given by a fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Canned {
    /// The status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            method: "*".to_owned(),
            path: "*".to_owned(),
            skip: 0,
            times: Some(1),
            effect: Effect::Nothing,
        }
    }
}

impl Fault {
    /// A fault that the next matching request meets, once.
    pub fn on(method: &str, path: &str, effect: Effect) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), effect, ..Self::default() }
    }

    /// Lets so many matching requests pass first.
    pub fn skip(mut self, requests: u32) -> Self {
        self.skip = requests;
        self
    }

    /// How many requests meet it.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Every matching request meets it.
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }
}

impl Canned {
    /// A status with a JSON message in GitHub's form.
    pub fn message(status: u16, message: &str) -> Self {
        let body = serde_json::json!({
            "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()
        });
        Self { status, body: body.to_string(), ..Self::default() }
            .header("content-type", "application/json; charset=utf-8")
    }

    /// The 502 page that GitHub's front door gives.
    pub fn bad_gateway() -> Self {
        let body = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<center><h1>502 Bad Gateway\
                    </h1></center>\n</body>\n</html>\n";
        Self { status: 502, body: body.to_owned(), ..Self::default() }.header("content-type", "text/html")
    }

    /// The secondary limit, with `retry-after` where seconds are given.
    pub fn secondary_limit(retry_after: Option<u32>) -> Self {
        let limited = Self::message(403, super::limits::SECONDARY);
        match retry_after {
            Some(seconds) => limited.header("retry-after", &seconds.to_string()),
            None => limited,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The faults that wait for their requests.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.0.lock().expect("no panic under this lock").push(fault);
    }

    /// Takes all faults away.
    pub(super) fn clear(&self) {
        self.0.lock().expect("no panic under this lock").clear();
    }

    /// What this request meets, in the order in which the faults were set.
    pub(super) fn meet(&self, method: &str, path: &str, query: &str) -> Vec<Effect> {
        let mut faults = self.0.lock().expect("no panic under this lock");
        let whole = format!("{path}?{query}");
        let mut met = Vec::new();
        for fault in faults.iter_mut() {
            let target = if fault.path.contains('?') { &whole } else { path };
            if (fault.method == "*" || fault.method == method) && glob(&fault.path, target) {
                met.extend(fault.strike());
            }
        }
        faults.retain(|f| f.times != Some(0));
        met
    }
}

impl Fault {
    fn strike(&mut self) -> Option<Effect> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        match &mut self.times {
            Some(0) => return None,
            Some(times) => *times -= 1,
            None => {}
        }
        Some(self.effect.clone())
    }
}

/// Whether text fits a pattern in which `*` stands for any run of characters.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((middle, after)) = rest.split_once('*') {
        let Some(at) = text.find(middle) else { return false };
        text = &text[at + middle.len()..];
        rest = after;
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_runs_of_characters() {
        assert!(glob("*", "/a/b"));
        assert!(glob("/api/v3/repos/*/git/blobs", "/api/v3/repos/o/r/git/blobs"));
        assert!(glob("*/info/refs?*receive-pack", "/o/r.git/info/refs?service=git-receive-pack"));
        assert!(!glob("/a/*/b", "/a/b"));
        assert!(!glob("/a", "/a/b"));
    }

    #[test]
    fn a_fault_strikes_the_nth_request_and_so_often() {
        let faults = Faults::default();
        faults.add(Fault::on("GET", "/x", Effect::CutBefore).skip(1).times(2));
        let met: Vec<usize> = (0..4).map(|_| faults.meet("GET", "/x", "").len()).collect();
        assert_eq!(met, [0, 1, 1, 0]);
        assert!(faults.meet("POST", "/x", "").is_empty());
    }
}
