//! Where a host is: scheme, name and port, and addresses that are safe to show.

use serde::{Deserialize, Serialize};

/// An address that is not one we may use.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{url:?} cannot be used as an address: {why}")]
pub struct OriginError {
    /// What was given, printable and without userinfo.
    pub url: String,
    /// What is wrong with it, and what was expected.
    pub why: &'static str,
}

/// The origin that a token is bound to: `https://github.com`, `http://127.0.0.1:8080`.
///
/// Plain `http` exists for loopback addresses only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an http(s) URL, and the path behind it (`""` or `/…`).
    ///
    /// Refused: userinfo, query, fragment, control characters, backslashes, names that are not plain
    /// ASCII, and `http` to anything but loopback.
    pub fn parse(url: &str) -> Result<(Self, String), OriginError> {
        let wrong = |why| OriginError { url: RedactedUrl::new(url).to_string(), why };
        if !url.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return Err(wrong("it holds a space, a control character or a letter outside ASCII"));
        }
        let (tls, port, rest) = if let Some(rest) = url.strip_prefix("https://") {
            (true, 443, rest)
        } else if let Some(rest) = url.strip_prefix("http://") {
            (false, 80, rest)
        } else {
            return Err(wrong("expected https://HOST[:PORT][/PATH]"));
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong("it holds a user name or a password; give the token by itself"));
        }
        if path.contains(['?', '#']) {
            return Err(wrong("it holds a query or a fragment"));
        }
        let (host, port) =
            split_port(authority, port).ok_or_else(|| wrong("its host or port is malformed"))?;
        let origin = Self { tls, host: host.to_ascii_lowercase(), port };
        if !tls && !origin.is_loopback() {
            return Err(wrong("plain http is for loopback addresses only; use https"));
        }
        Ok((origin, path.trim_end_matches('/').to_owned()))
    }

    /// Whether this names the machine itself.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host == "[::1]"
            || self.host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The host name, lower case; IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where it is the scheme's own.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

fn split_port(authority: &str, default: u16) -> Option<(&str, u16)> {
    let at = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let (host, port) = match at {
        None => (authority, default),
        Some(at) => (&authority[..at], authority[at + 1..].parse().ok().filter(|p| *p != 0)?),
    };
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let fits = match v6 {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
                && host.split('.').all(|label| !label.is_empty() && !label.starts_with('-'))
                && host.len() < 254
        }
    };
    fits.then_some((host, port))
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let usual = if self.tls { 443 } else { 80 };
        match self.port == usual {
            true => write!(f, "{}://{}", self.scheme(), self.host),
            false => write!(f, "{}://{}:{}", self.scheme(), self.host, self.port),
        }
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;
    fn try_from(text: String) -> Result<Self, OriginError> {
        Self::parse(&text).map(|(origin, _)| origin)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> String {
        origin.to_string()
    }
}

/// A URL as it may be shown: printable, with what stands before an `@` replaced by `…`,
/// and without query and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedUrl(String);

impl RedactedUrl {
    /// Takes the secrets out of a URL.
    pub fn new(url: &str) -> Self {
        let url = crate::printable(url);
        let url = url.split(['?', '#']).next().unwrap_or("");
        let Some((scheme, rest)) = url.split_once("://") else { return Self(url.to_owned()) };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self(match authority.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://…@{host}{path}"),
            None => url.to_owned(),
        })
    }
}

impl std::fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_told_apart_by_scheme_host_and_port() {
        let (origin, path) = Origin::parse("https://Git.Example.com/sub/").unwrap();
        assert_eq!((origin.to_string().as_str(), path.as_str()), ("https://git.example.com", "/sub"));
        assert_eq!(Origin::parse("http://127.0.0.1:8080").unwrap().0.to_string(), "http://127.0.0.1:8080");
        assert!(Origin::parse("http://[::1]:1/x").unwrap().0.is_loopback());
    }

    #[test]
    fn traps_are_refused_and_never_echo_a_password() {
        for bad in [
            "",
            "github.com",
            "http://example.com",
            "https://",
            "https:///x",
            "https://a@b/",
            "ext::sh",
            "https://github.com@evil/a",
            "https://a\nb/",
            "https://h:0",
            "https://h:99999",
            "https://gіthub.com",
            "https://-x/",
            "https://a/b?c",
            "https://a/b#c",
            "file:///etc",
            "https://a\\b",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad:?}");
        }
        let error = Origin::parse("https://u:ghp_secret@h/").unwrap_err();
        assert!(!error.to_string().contains("ghp_secret"));
    }
}
