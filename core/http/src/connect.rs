//! Builds the clients underneath, each at its first use, and resolves names to addresses that may be reached.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use coregit_model::{Origin, RedactedUrl};

use crate::{HttpError, Reach, Settings, Trust};

/// The roads to hosts. A command that makes no request builds none of them.
pub(crate) struct Roads {
    settings: Settings,
    plain: OnceLock<Built>,
    loopback: OnceLock<Built>,
    outside: OnceLock<Built>,
}

type Built = Result<reqwest::Client, HttpError>;

/// Which client a request takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Road {
    /// Without TLS, so without reading the machine's certificates.
    Plain,
    /// TLS to this machine itself: never through a proxy.
    Loopback,
    /// TLS, through a proxy where the environment or the settings name one.
    Outside,
}

impl Roads {
    pub(crate) fn new(settings: &Settings) -> Result<Self, HttpError> {
        if let Some(proxy) = &settings.proxy {
            explicit_proxy(proxy)?;
        }
        let settings = settings.clone();
        Ok(Self { settings, plain: OnceLock::new(), loopback: OnceLock::new(), outside: OnceLock::new() })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The client for this origin.
    pub(crate) fn to(&self, origin: &Origin) -> Result<&reqwest::Client, HttpError> {
        self.check_literal(origin)?;
        let (cell, road) = match (origin.scheme(), origin.is_loopback()) {
            ("http", _) => (&self.plain, Road::Plain),
            (_, true) if self.settings.proxy.is_none() => (&self.loopback, Road::Loopback),
            _ => (&self.outside, Road::Outside),
        };
        cell.get_or_init(|| build(&self.settings, road)).as_ref().map_err(Clone::clone)
    }

    /// Addresses written as numbers are never resolved, so they are looked at here.
    fn check_literal(&self, origin: &Origin) -> Result<(), HttpError> {
        let literal = origin.host().trim_start_matches('[').trim_end_matches(']').parse();
        match literal.ok().and_then(|address| self.settings.reach.flaw(address)) {
            None => Ok(()),
            Some(why) => {
                let text = format!("{} is not connected to: {why}", origin.host());
                Err(HttpError::unsent(text))
            }
        }
    }
}

fn build(settings: &Settings, road: Road) -> Built {
    install_tls();
    let mut builder = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // Old servers fold long `WWW-Authenticate` lines.
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .connect_timeout(settings.connect_timeout)
        .tcp_keepalive(Duration::from_secs(30))
        .tcp_user_timeout(settings.idle_timeout)
        .pool_idle_timeout(Duration::from_secs(50))
        .dns_resolver(Resolver { reach: settings.reach, proxy: proxy_host(settings) });
    builder = match (&settings.proxy, road) {
        (Some(proxy), _) => builder.proxy(explicit_proxy(proxy)?),
        (None, Road::Outside) => builder,
        (None, Road::Plain | Road::Loopback) => builder.no_proxy(),
    };
    builder = match (road, &settings.ca_file) {
        (Road::Plain, _) => builder.tls_certs_only([]),
        (_, Some(file)) if settings.trust == Trust::FileAlone => builder.tls_certs_only(authorities(file)?),
        (_, Some(file)) => builder.tls_certs_merge(authorities(file)?),
        (_, None) => builder,
    };
    builder.build().map_err(|flaw| {
        let text = format!("TLS cannot be set up: {}", std::error::Error::source(&flaw).unwrap_or(&flaw));
        HttpError::unsent(text)
            .with_hint("is the package ca-certificates installed? `http.ca_file` names another file")
    })
}

/// rustls runs on ring: its other provider costs about 22 ms of CPU in every process.
fn install_tls() {
    // Somebody else in this process may have installed one already; that is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn explicit_proxy(url: &str) -> Result<reqwest::Proxy, HttpError> {
    let wrong = || {
        let text = format!("{} is not the address of a proxy", RedactedUrl::new(url));
        HttpError::unsent(text).with_hint("http.proxy is http://HOST:PORT")
    };
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(wrong());
    }
    let proxy = reqwest::Proxy::all(url).map_err(|_| wrong())?;
    Ok(proxy.no_proxy(reqwest::NoProxy::from_env()))
}

/// The proxy's own name, which may lie on a private network whatever the hosts behind it may.
fn proxy_host(settings: &Settings) -> Vec<String> {
    let env = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let named = env.iter().filter_map(|name| std::env::var(name).ok()).chain(settings.proxy.clone());
    named.filter_map(|url| Some(url::Url::parse(&url).ok()?.host_str()?.to_owned())).collect()
}

fn authorities(file: &std::path::Path) -> Result<Vec<reqwest::Certificate>, HttpError> {
    let wrong = |why: String| {
        let text = format!("the certificate authorities in {} cannot be used: {why}", file.display());
        HttpError::unsent(text)
    };
    let pem = std::fs::read(file).map_err(|e| wrong(e.to_string()))?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong("it holds no certificate in PEM form".into())),
    }
}

/// A name without an address.
#[derive(Debug, thiserror::Error)]
#[error("the name {host} cannot be resolved: {why}")]
pub(crate) struct Unresolved {
    host: String,
    why: String,
    /// The name servers answered that there is no such name.
    pub(crate) for_good: bool,
}

/// A name whose every address is out of reach.
#[derive(Debug, thiserror::Error)]
#[error("{host} is not connected to: {why}")]
pub(crate) struct OutOfReach {
    host: String,
    why: &'static str,
}

/// Resolves once; the addresses that were looked at are those that are connected to.
struct Resolver {
    reach: Reach,
    proxy: Vec<String>,
}

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let host = name.as_str().to_owned();
        let reach = if self.proxy.contains(&host) { Reach::Private } else { self.reach };
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.clone(), 0)).await;
            let found: Vec<_> = found.map_err(|error| unresolved(&host, &error))?.collect();
            Ok(Box::new(within_reach(reach, host, found)?.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

fn unresolved(host: &str, error: &std::io::Error) -> Unresolved {
    let text = error.to_string();
    let why = text.rsplit(": ").next().unwrap_or(&text).to_owned();
    Unresolved { host: host.to_owned(), for_good: !why.contains("emporary"), why }
}

/// One address out of reach is enough to refuse the name: it may come first the next time.
fn within_reach(reach: Reach, host: String, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, OutOfReach> {
    match found.iter().find_map(|address| reach.flaw(address.ip())) {
        None => Ok(found),
        Some(why) => Err(OutOfReach { host, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Effect;

    #[test]
    fn one_bad_address_among_good_ones_refuses_the_name() {
        let both: Vec<SocketAddr> = vec!["8.8.8.8:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap()];
        assert!(within_reach(Reach::PublicOnly, "evil.example".into(), both.clone()).is_err());
        assert!(within_reach(Reach::Private, "own.example".into(), both).is_ok());
    }

    #[test]
    fn a_name_that_does_not_exist_is_told_from_one_that_cannot_be_asked_for() {
        let error = |text: &str| unresolved("git.example.com", &std::io::Error::other(text.to_owned()));
        let gone = error("failed to lookup address information: Name or service not known");
        assert_eq!(
            gone.to_string(),
            "the name git.example.com cannot be resolved: Name or service not known"
        );
        assert!(gone.for_good);
        assert!(
            !error("failed to lookup address information: Temporary failure in name resolution").for_good
        );
    }

    #[test]
    fn addresses_in_numbers_are_looked_at_too() {
        let settings = Settings { reach: Reach::PublicOnly, ..Settings::default() };
        let roads = Roads::new(&settings).unwrap();
        for inside in
            ["https://127.0.0.1", "http://[::1]:8080", "https://169.254.169.254", "https://[::ffff:7f00:1]"]
        {
            let origin = Origin::parse(inside).unwrap().0;
            assert_eq!(roads.to(&origin).unwrap_err().effect(), Effect::NotSent, "{inside}");
        }
    }

    #[test]
    fn a_proxy_that_is_none_is_told_without_its_password() {
        let settings = Settings { proxy: Some("socks://u:canary@h".into()), ..Settings::default() };
        let error = Roads::new(&settings).err().unwrap();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
