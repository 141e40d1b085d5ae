//! Which of git's settings this client honours, and which send the whole talk to git's own helper.

use std::path::PathBuf;
use std::time::Duration;

use coregit_http::{Settings, Trust};

use crate::config::{GitConfig, as_bool, as_bytes};

/// Who speaks HTTP.
#[derive(Debug, PartialEq, Eq)]
pub enum Road {
    /// This client, shaped by what the user set.
    Ours(Shape),
    /// git's own helper; the setting that asks for it.
    GitsOwn(String),
}

/// What the user set that this client honours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Certificate authorities in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// A proxy.
    pub proxy: Option<String>,
    /// The `User-Agent`, where the user sets one.
    pub user_agent: Option<String>,
    /// Bodies up to this many bytes are sent with their length and can be sent again.
    pub post_buffer: usize,
    /// Whether a redirect of the first request is followed.
    pub redirects: bool,
    /// Whether credentials are asked for before the host does.
    pub proactive: Proactive,
}

/// What `http.proactiveAuth` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proactive {
    /// The host asks first.
    #[default]
    No,
    /// A user name and a password.
    Basic,
    /// Whatever the credential helpers have.
    Auto,
}

impl Proactive {
    fn of(value: &str) -> Self {
        match value {
            "basic" => Proactive::Basic,
            "auto" => Proactive::Auto,
            _ => Proactive::No,
        }
    }
}

/// git holds nothing back that does not leave room for one more line: with its smallest buffer, nothing.
fn post_buffer(value: &str) -> usize {
    as_bytes(value).filter(|bytes| *bytes > LONGEST_LINE).unwrap_or(0)
}

const LONGEST_LINE: usize = 65_520;

impl Default for Shape {
    fn default() -> Self {
        Self {
            ca_file: None,
            proxy: None,
            user_agent: None,
            post_buffer: 1 << 20,
            redirects: true,
            proactive: Proactive::No,
        }
    }
}

impl Shape {
    /// The client's settings: the home's, what the connection trusts, and above both what the user told git.
    pub fn applied(&self, home: Settings, connection_ca: Option<String>) -> Settings {
        let besides = connection_ca.map(PathBuf::from).or(home.ca_file.clone());
        Settings {
            trust: if self.ca_file.is_some() { Trust::FileAlone } else { Trust::SystemToo },
            ca_file: self.ca_file.clone().or(besides),
            proxy: self.proxy.clone().or(home.proxy.clone()),
            // Some hosts look for git at the beginning.
            user_agent: self.user_agent.clone().unwrap_or_else(|| AGENT.to_owned()),
            // git itself waits for ever; a hook may be silent for minutes.
            idle_timeout: IDLE.max(home.idle_timeout),
            ..home
        }
    }
}

const AGENT: &str = concat!("git/2.0 (coregit ", env!("CARGO_PKG_VERSION"), ")");
const IDLE: Duration = Duration::from_secs(600);

/// What becomes of a setting below `http.`.
enum Verdict {
    /// Honoured here.
    Ours(fn(&mut Shape, &str)),
    /// Says nothing to this client: it is for the dumb protocol, for FTP or for another system.
    Nothing,
    /// Honoured by git's own helper when this says so.
    GitsOwn(fn(&str) -> bool),
}

/// Every `http.*` setting of git-config(1). One that is not here is newer than this table: git's own helper
/// then serves, which knows it.
const TABLE: &[(&str, Verdict)] = &[
    ("proxy", Verdict::Ours(|shape, v| shape.proxy = Some(v.to_owned()).filter(|v| !v.is_empty()))),
    ("sslcainfo", Verdict::Ours(|shape, v| shape.ca_file = Some(v.into()))),
    ("useragent", Verdict::Ours(|shape, v| shape.user_agent = Some(v.to_owned()))),
    ("postbuffer", Verdict::Ours(|shape, v| shape.post_buffer = post_buffer(v))),
    ("followredirects", Verdict::Ours(|shape, v| shape.redirects = as_bool(Some(v)) != Some(false))),
    ("proactiveauth", Verdict::Ours(|shape, v| shape.proactive = Proactive::of(v))),
    ("maxrequests", Verdict::Nothing),
    ("minsessions", Verdict::Nothing),
    ("noepsv", Verdict::Nothing),
    ("ssltry", Verdict::Nothing),
    ("schannelcheckrevoke", Verdict::Nothing),
    ("schannelusesslcainfo", Verdict::Nothing),
    ("keepaliveidle", Verdict::Nothing),
    ("keepaliveinterval", Verdict::Nothing),
    ("keepalivecount", Verdict::Nothing),
    ("receivepack", Verdict::Nothing),
    ("uploadpack", Verdict::Nothing),
    ("getanyfile", Verdict::Nothing),
    ("uploadarchive", Verdict::Nothing),
    ("sslverify", Verdict::GitsOwn(|v| as_bool(Some(v)) != Some(true))),
    ("emptyauth", Verdict::GitsOwn(|v| as_bool(Some(v)) == Some(true))),
    ("savecookies", Verdict::GitsOwn(|v| as_bool(Some(v)) == Some(true))),
    ("proxysslcertpasswordprotected", Verdict::GitsOwn(|v| as_bool(Some(v)) == Some(true))),
    ("sslcertpasswordprotected", Verdict::GitsOwn(|v| as_bool(Some(v)) == Some(true))),
    ("lowspeedlimit", Verdict::GitsOwn(|v| v != "0")),
    ("lowspeedtime", Verdict::GitsOwn(|v| v != "0")),
    ("extraheader", Verdict::GitsOwn(|v| !v.is_empty())),
    ("cookiefile", Verdict::GitsOwn(|v| !v.is_empty())),
    ("sslcert", Verdict::GitsOwn(|v| !v.is_empty())),
    ("sslkey", Verdict::GitsOwn(|v| !v.is_empty())),
    ("sslcapath", Verdict::GitsOwn(|v| !v.is_empty())),
    ("curloptresolve", Verdict::GitsOwn(|v| !v.is_empty())),
    ("proxyauthmethod", Verdict::GitsOwn(|_| true)),
    ("proxysslcert", Verdict::GitsOwn(|v| !v.is_empty())),
    ("proxysslkey", Verdict::GitsOwn(|v| !v.is_empty())),
    ("proxysslcainfo", Verdict::GitsOwn(|v| !v.is_empty())),
    ("delegation", Verdict::GitsOwn(|v| v != "none")),
    ("version", Verdict::GitsOwn(|v| v != "HTTP/2")),
    ("sslversion", Verdict::GitsOwn(|v| !v.is_empty())),
    ("sslcipherlist", Verdict::GitsOwn(|v| !v.is_empty())),
    ("sslbackend", Verdict::GitsOwn(|v| !v.is_empty())),
    ("sslcerttype", Verdict::GitsOwn(|v| !v.is_empty())),
    ("sslkeytype", Verdict::GitsOwn(|v| !v.is_empty())),
    ("pinnedpubkey", Verdict::GitsOwn(|v| !v.is_empty())),
];

/// Variables that do what a setting does, and win over it.
const VARIABLES: [(&str, &str); 9] = [
    ("GIT_SSL_NO_VERIFY", "sslverify"),
    ("GIT_SSL_CAINFO", "sslcainfo"),
    ("GIT_SSL_CAPATH", "sslcapath"),
    ("GIT_SSL_CERT", "sslcert"),
    ("GIT_SSL_KEY", "sslkey"),
    ("GIT_HTTP_USER_AGENT", "useragent"),
    ("GIT_HTTP_LOW_SPEED_LIMIT", "lowspeedlimit"),
    ("GIT_HTTP_LOW_SPEED_TIME", "lowspeedtime"),
    ("GIT_HTTP_PROXY_AUTHMETHOD", "proxyauthmethod"),
];

/// Settings of TLS itself, which only git's own helper has.
const TLS_VARIABLES: [&str; 4] =
    ["GIT_SSL_VERSION", "GIT_SSL_CIPHER_LIST", "GIT_SSL_CERT_PASSWORD_PROTECTED", "GIT_PROXY_SSL_CERT"];

/// Ask for what only git's own helper gives: curl's own words, or the dumb protocol.
const GITS_OWN_VARIABLES: [&str; 3] = ["GIT_TRACE_CURL", "GIT_CURL_VERBOSE", "GIT_SMART_HTTP"];

/// The variables that curl takes a proxy from.
const PROXIES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// What decides: the configuration, the remote's name, its URL, and the environment.
pub struct Circumstances<'a> {
    /// git's configuration.
    pub config: &'a GitConfig,
    /// The name that git gave the remote.
    pub remote: &'a str,
    /// The URL, user name included.
    pub url: &'a str,
    /// The environment; tests say something else.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

impl Circumstances<'_> {
    /// Decides.
    pub fn road(&self) -> Road {
        let asks = |name: &&&str| match ((self.environment)(name).as_deref(), **name) {
            (None, _) => false,
            (Some(value), "GIT_SMART_HTTP") => as_bool(Some(value)) == Some(false),
            (Some(value), _) => as_bool(Some(value)) != Some(false),
        };
        if let Some(variable) = GITS_OWN_VARIABLES.iter().find(asks) {
            return Road::GitsOwn((*variable).to_owned());
        }
        let set = match self.settings() {
            Ok(set) => set,
            Err(variable) => return Road::GitsOwn(variable),
        };
        let mut shape = Shape::default();
        for (name, value) in &set {
            match TABLE.iter().find(|(known, _)| known == name).map(|(_, verdict)| verdict) {
                Some(Verdict::Ours(honour)) => honour(&mut shape, value),
                Some(Verdict::Nothing) => {}
                Some(Verdict::GitsOwn(asks)) if !asks(value) => {}
                Some(Verdict::GitsOwn(_)) | None => return Road::GitsOwn(format!("http.{name}")),
            }
        }
        let proxy_is_set = set.iter().any(|(name, _)| name == "proxy");
        self.beyond_http(shape, proxy_is_set)
    }

    /// The settings below `http.` that count, lower case, variables over configuration.
    fn settings(&self) -> Result<Vec<(String, String)>, String> {
        if let Some(variable) = TLS_VARIABLES.iter().find(|v| (self.environment)(v).is_some()) {
            return Err((*variable).to_owned());
        }
        let listed = self.config.http(self.url).into_iter();
        let mut set: Vec<_> =
            listed.map(|(n, v)| (n.to_ascii_lowercase(), v.unwrap_or("true").to_owned())).collect();
        for (variable, name) in VARIABLES {
            let Some(value) = (self.environment)(variable) else { continue };
            let value = if name == "sslverify" { "false".to_owned() } else { value };
            set.retain(|(n, _)| n != name);
            set.push((name.to_owned(), value));
        }
        Ok(set)
    }

    /// What is not below `http.`: the remote's proxy, proxies of the environment, the protocol's version.
    fn beyond_http(&self, mut shape: Shape, proxy_is_set: bool) -> Road {
        let of_remote = |key: &str| self.config.get(&format!("remote.{}.{key}", self.remote));
        if of_remote("proxyauthmethod").is_some() {
            return Road::GitsOwn("remote.<name>.proxyAuthMethod".to_owned());
        }
        let own_proxy = of_remote("proxy");
        if let Some(proxy) = own_proxy {
            shape.proxy = Some(proxy.to_owned()).filter(|p| !p.is_empty());
        }
        if let Some(why) = self.odd_proxy(&shape, proxy_is_set || own_proxy.is_some()) {
            return Road::GitsOwn(why);
        }
        // git's own tests set the variable.
        let version = (self.environment)("GIT_TEST_PROTOCOL_VERSION").filter(|v| !v.is_empty());
        match version.as_deref().or(self.config.get("protocol.version")) {
            None | Some("2") => Road::Ours(shape),
            Some(_) => Road::GitsOwn("protocol.version".to_owned()),
        }
    }

    /// A proxy that this client does not speak with: one with a password, one that is not HTTP, or none
    /// where the environment names one.
    fn odd_proxy(&self, shape: &Shape, is_set: bool) -> Option<String> {
        let plain = |p: &str| (p.starts_with("http://") || !p.contains("://")) && !p.contains('@');
        let variable = |name: &&&str| {
            let value = (self.environment)(name).filter(|p| !p.is_empty());
            value.is_some_and(|p| is_set || !plain(&p))
        };
        match &shape.proxy {
            Some(proxy) if plain(proxy) && proxy.contains("://") => None,
            Some(_) => Some("http.proxy".to_owned()),
            None => PROXIES.iter().find(variable).map(|name| (*name).to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://git.example.com/team/app";

    fn road(config: &str, variables: &[(&str, &str)]) -> Road {
        let config = GitConfig::parse(&config.replace('=', "\n").replace(' ', "\0"));
        let environment =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Circumstances { config: &config, remote: "origin", url: URL, environment: &environment }.road()
    }

    #[test]
    fn settings_that_this_client_honours_shape_it() {
        let config = "http.proxy=http://p:1 http.sslcainfo=/ca http.useragent=me http.postbuffer=2m http.followredirects=false";
        let Road::Ours(shape) = road(config, &[("GIT_SSL_CAINFO", "/other")]) else { panic!() };
        assert_eq!((shape.proxy.as_deref(), shape.ca_file), (Some("http://p:1"), Some("/other".into())));
        assert_eq!(
            (shape.user_agent.as_deref(), shape.post_buffer, shape.redirects),
            (Some("me"), 2 << 20, false)
        );
    }

    #[test]
    fn what_this_client_does_not_do_goes_to_gits_own_helper() {
        for (config, variables, why) in [
            ("http.extraheader=X-A:b", &[][..], "http.extraheader"),
            ("http.cookiefile=c", &[], "http.cookiefile"),
            ("http.https://git.example.com.sslcert=c", &[], "http.sslcert"),
            ("http.sslverify=false", &[], "http.sslverify"),
            ("http.proxy=http://u:p@h:1", &[], "http.proxy"),
            ("http.proxy=socks5://h:1", &[], "http.proxy"),
            ("http.somethingnew=1", &[], "http.somethingnew"),
            ("http.version=HTTP/1.1", &[], "http.version"),
            ("remote.origin.proxyauthmethod=basic", &[], "remote.<name>.proxyAuthMethod"),
            ("protocol.version=0", &[], "protocol.version"),
            ("a.b=c", &[("GIT_SSL_NO_VERIFY", "1")], "http.sslverify"),
            ("a.b=c", &[("GIT_SSL_VERSION", "tlsv1.2")], "GIT_SSL_VERSION"),
            ("a.b=c", &[("ALL_PROXY", "socks5h://h")], "ALL_PROXY"),
            ("a.b=c", &[("GIT_TRACE_CURL", "1")], "GIT_TRACE_CURL"),
            ("a.b=c", &[("GIT_SMART_HTTP", "0")], "GIT_SMART_HTTP"),
            ("http.proxy=", &[("https_proxy", "http://h:1")], "https_proxy"),
        ] {
            assert_eq!(road(config, variables), Road::GitsOwn(why.to_owned()), "{config} {variables:?}");
        }
    }

    #[test]
    fn settings_that_say_the_usual_change_nothing() {
        for config in [
            "http.sslverify=true http.emptyauth=false http.lowspeedlimit=0 http.maxrequests=3",
            "http.https://other.example.com.sslcert=c",
            "http.followredirects=initial",
            "protocol.version=2",
        ] {
            assert_eq!(
                road(config, &[("HTTPS_PROXY", "http://h:1")]),
                Road::Ours(Shape::default()),
                "{config}"
            );
        }
    }
}
