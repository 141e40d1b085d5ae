//! git's configuration as git itself would read it here, from one `git config --list`.

use std::process::Stdio;

use crate::gits_own;
use crate::trouble::Trouble;
use crate::urlmatch;

/// Every setting, in git's order: a later one wins.
#[derive(Clone, Debug, Default)]
pub struct GitConfig(Vec<(String, Option<String>)>);

impl GitConfig {
    /// Asks git. Includes, `-c` and `GIT_CONFIG_COUNT` count as they do for git.
    pub fn read() -> Result<Self, Trouble> {
        let mut command = gits_own::git();
        command.args(["config", "--list", "-z"]).stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = command.output().map_err(|e| Trouble::new(format!("git cannot be started: {e}")))?;
        match output.status.success() {
            true => Ok(Self::parse(&String::from_utf8_lossy(&output.stdout))),
            false => Err(Trouble::new("git's configuration cannot be read")),
        }
    }

    /// Reads the form of `git config --list -z`: `key LF value NUL`, or `key NUL` for a key without a value.
    pub fn parse(listed: &str) -> Self {
        let entries = listed.split('\0').filter(|entry| !entry.is_empty());
        Self(
            entries
                .map(|entry| match entry.split_once('\n') {
                    Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                    None => (entry.to_owned(), None),
                })
                .collect(),
        )
    }

    /// The value of a key (in git's canonical spelling), where it has one.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(k, _)| k == key)?.1.as_deref()
    }

    /// The settings below `http.` that count for this URL, as `git config --get-urlmatch http` chooses them.
    pub fn http(&self, url: &str) -> Vec<(&str, Option<&str>)> {
        let mut chosen: Vec<(&str, Option<&str>, urlmatch::Closeness)> = Vec::new();
        for (key, value) in &self.0 {
            let Some((pattern, name)) = key.strip_prefix("http.").map(urlmatch::split) else { continue };
            let Some(closeness) = urlmatch::closeness(pattern, url) else { continue };
            match chosen.iter_mut().find(|(n, ..)| *n == name) {
                Some(best) if closeness >= best.2 => *best = (name, value.as_deref(), closeness),
                Some(_) => {}
                None => chosen.push((name, value.as_deref(), closeness)),
            }
        }
        chosen.into_iter().map(|(name, value, _)| (name, value)).collect()
    }
}

/// git's booleans. A key without a value is true.
pub fn as_bool(value: Option<&str>) -> Option<bool> {
    let Some(value) = value else { return Some(true) };
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" | "" => Some(false),
        number => number.parse::<i64>().ok().map(|n| n != 0),
    }
}

/// git's whole numbers, with `k`, `m` or `g` behind them.
pub fn as_bytes(value: &str) -> Option<usize> {
    let (digits, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts() {
        let config = GitConfig::parse("a.b\nold\0a.b\nnew\nline\0a.flag\0");
        assert_eq!(config.get("a.b"), Some("new\nline"));
        assert_eq!(config.get("a.flag"), None);
    }

    #[test]
    fn http_settings_are_chosen_by_url() {
        let config = GitConfig::parse(
            "http.proxy\nall\0http.https://git.example.com.proxy\none\0http.https://git.example.com/team.sslverify\nfalse\0\
             http.https://other.example.com.useragent\nx\0http.sslverify\ntrue\0",
        );
        let mut http = config.http("https://git.example.com/team/app");
        http.sort_unstable();
        assert_eq!(http, [("proxy", Some("one")), ("sslverify", Some("false"))]);
        assert_eq!(
            config.http("https://git.example.com/x"),
            [("proxy", Some("one")), ("sslverify", Some("true"))]
        );
    }

    #[test]
    fn numbers_have_units() {
        assert_eq!((as_bytes("65536"), as_bytes("2m"), as_bytes("x")), (Some(65536), Some(2 << 20), None));
        assert_eq!(
            (as_bool(Some("2")), as_bool(Some("Yes")), as_bool(Some(""))),
            (Some(true), Some(true), Some(false))
        );
    }
}
