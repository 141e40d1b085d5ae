//! Settings: `HOME/config.toml`, overridden by `COREGIT_…` variables, each with where it came from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use coregit_model::Origin;

use crate::{Error, Home};

/// Every key, its default and what it is for.
const KEYS: [(&str, &str, &str); 10] = [
    ("providers.github.url", "", "where `github` points when a connection names no address"),
    ("http.ca_file", "", "certificate authorities to trust besides the system's (PEM)"),
    ("http.proxy", "", "the proxy for all hosts; empty: HTTPS_PROXY and NO_PROXY"),
    ("http.connect_timeout", "10s", "how long a connection may take to open"),
    ("http.idle_timeout", "120s", "how long a host may stay silent"),
    ("committer.name", "coregit", "who commits snapshots of several commits"),
    ("committer.email", "coregit@localhost", "that committer's address"),
    ("worker.runs", "4", "how many syncs one worker runs at the same time"),
    ("worker.sweep", "60s", "how often a worker compares refs with what was last synced"),
    ("verify.patience", "30s", "how long a host may still show the old state after a push"),
];

/// One setting as `coregit config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// The dotted key.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// `default`, the file, or the variable.
    pub source: String,
    /// What it is for.
    pub purpose: &'static str,
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings(Vec<Setting>);

impl Settings {
    /// Reads the file (which may be absent) and the environment. An unknown key, a wrong type or an
    /// unreadable duration is an error that names it.
    pub fn load(home: &Home) -> Result<Self, Error> {
        let file = home.config_file();
        let mut given = read_file(&file)?;
        let mut all = Vec::new();
        for (key, default, purpose) in KEYS {
            let variable = format!("COREGIT_{}", key.to_uppercase().replace('.', "_"));
            let from_file = given.remove(key);
            let (value, source) = match (std::env::var(&variable), from_file) {
                (Ok(value), _) => (value, variable),
                (Err(_), Some(value)) => (value, file.display().to_string()),
                (Err(_), None) => (default.to_owned(), "default".to_owned()),
            };
            all.push(Setting { key, value, source, purpose });
        }
        if let Some(key) = given.keys().next() {
            return Err(Error::usage(format!("{}: the setting {key:?} is not known", file.display()))
                .hint("`coregit config show` lists every setting"));
        }
        Self(all).checked()
    }

    fn checked(self) -> Result<Self, Error> {
        for key in ["http.connect_timeout", "http.idle_timeout", "worker.sweep", "verify.patience"] {
            self.parsed(key, parse_duration, "a time such as 30s, 15m or 2h")?;
        }
        self.parsed("worker.runs", |v| v.parse::<usize>().ok().filter(|n| (1..=64).contains(n)), "1 to 64")?;
        if let Some(url) = self.github_url() {
            Origin::parse(url).map_err(|e| Error::usage(e.to_string()))?;
        }
        Ok(self)
    }

    fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Option<T>, expected: &str) -> Result<T, Error> {
        let setting = self.0.iter().find(|s| s.key == key).expect("a key of the table");
        parse(&setting.value).ok_or_else(|| {
            let Setting { value, source, .. } = setting;
            Error::usage(format!("the setting {key} is {value:?} (from {source}); expected {expected}"))
        })
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|s| s.key == key).map(|s| s.value.as_str()).filter(|v| !v.is_empty())
    }

    fn duration(&self, key: &str) -> Duration {
        self.parsed(key, parse_duration, "a time").expect("checked when it was loaded")
    }

    /// Every setting, for `coregit config show`.
    pub fn all(&self) -> &[Setting] {
        &self.0
    }

    /// Where `github` points when a connection names no address.
    pub fn github_url(&self) -> Option<&str> {
        self.text("providers.github.url")
    }

    /// What the HTTP client needs.
    pub fn http(&self) -> coregit_http::Settings {
        coregit_http::Settings {
            ca_file: self.text("http.ca_file").map(PathBuf::from),
            proxy: self.text("http.proxy").map(str::to_owned),
            connect_timeout: self.duration("http.connect_timeout"),
            idle_timeout: self.duration("http.idle_timeout"),
            ..Default::default()
        }
    }

    /// Who commits snapshots: name and address.
    pub fn committer(&self) -> (String, String) {
        let text = |key| self.text(key).unwrap_or("coregit").to_owned();
        (text("committer.name"), text("committer.email"))
    }

    /// How many syncs one worker runs at the same time.
    pub fn worker_runs(&self) -> usize {
        self.parsed("worker.runs", |v| v.parse().ok(), "a number").expect("checked when it was loaded")
    }

    /// How often a worker sweeps.
    pub fn sweep(&self) -> Duration {
        self.duration("worker.sweep")
    }

    /// How long a host may still show the old state after a push.
    pub fn verify_patience(&self) -> Duration {
        self.duration("verify.patience")
    }
}

fn read_file(file: &std::path::Path) -> Result<BTreeMap<String, String>, Error> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(Error::failed(format!("{} cannot be read: {e}", file.display()))),
    };
    let table: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| Error::usage(format!("{}: {}", file.display(), e.message())))?;
    let mut flat = BTreeMap::new();
    flatten("", &table, &mut flat);
    Ok(flat)
}

fn flatten(prefix: &str, table: &toml::Table, flat: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{key}."), inner, flat),
            toml::Value::String(text) => drop(flat.insert(key, text.clone())),
            other => drop(flat.insert(key, other.to_string())),
        }
    }
}

/// Reads `30s`, `15m`, `2h`, `1d` or plain seconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return None,
    };
    number.parse::<u32>().ok().map(|n| Duration::from_secs(u64::from(n) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Settings, Error> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.toml"), text).unwrap();
        Settings::load(&Home::find(Some(dir.path())).unwrap())
    }

    #[test]
    fn every_setting_says_where_it_came_from() {
        let settings = load("[http]\nconnect_timeout = \"3s\"\n[worker]\nruns = 2\n").unwrap();
        assert_eq!(settings.http().connect_timeout, Duration::from_secs(3));
        assert_eq!(settings.worker_runs(), 2);
        let source = |key| settings.all().iter().find(|s| s.key == key).unwrap().source.clone();
        assert!(source("worker.runs").ends_with("config.toml"));
        assert_eq!(source("http.proxy"), "default");
    }

    #[test]
    fn wrong_settings_are_named() {
        assert!(load("[http]\nproxi = \"x\"\n").unwrap_err().sentence.contains("http.proxi"));
        assert!(load("[worker]\nsweep = \"soon\"\n").unwrap_err().sentence.contains("worker.sweep"));
        assert!(load("[providers.github]\nurl = \"http://example.com\"\n").is_err());
        assert!(load("= 1").is_err());
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(parse_duration("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse_duration("1w"), None);
        assert_eq!(parse_duration("99999999999s"), None);
    }
}
