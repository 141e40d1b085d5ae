//! The three forms of an address, and everything that is refused before a process or a connection is started.

use coregit_model::{Origin, RedactedUrl, RemoteRepo, RepoSlug, Secret, printable};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::trouble::Trouble;

/// What git was asked to speak with (`contracts/cli.md`, "git-remote-coregit").
#[derive(Debug)]
pub enum Address {
    /// `coregit://CONNECTION/OWNER/REPO`.
    Connection {
        /// An id, a label or a provider's name; percent-decoded.
        connection: String,
        /// The repository there.
        repo: RemoteRepo,
    },
    /// `coregit::URL`.
    Url(WebUrl),
    /// `coregit::SLUG`: a repository of this home.
    Slug(RepoSlug),
}

/// An http(s) URL of a repository.
#[derive(Clone, Debug)]
pub struct WebUrl {
    /// Without user information and without a slash at the end.
    pub base: String,
    /// The origin that credentials are bound to; `None`: plain `http` to another machine, or a query,
    /// which only git's own helper takes.
    pub origin: Option<Origin>,
    /// The user name that stood in it, percent-decoded.
    pub user: Option<String>,
    /// The password that stood in it, percent-decoded.
    pub password: Option<Secret>,
    /// As it was given, for git's own helper.
    pub given: String,
}

const SPELLED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');

impl Address {
    /// Reads what git gives as the second argument: the text behind `coregit::`, or the whole of `coregit://…`.
    pub fn parse(text: &str) -> Result<Self, Trouble> {
        check_bytes(text)?;
        if let Some(rest) = text.strip_prefix("coregit://") {
            return connection(rest, text);
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return web_url(text).map(Address::Url);
        }
        if text.contains("::") || text.contains("://") || text.contains('@') {
            return Err(refused(text, "only http and https addresses go through coregit")
                .hint("coregit://CONNECTION/OWNER/REPO, coregit::https://HOST/PATH or coregit::SLUG"));
        }
        RepoSlug::parse(text).map(Address::Slug).map_err(|e| Trouble::new(e.to_string()))
    }
}

fn refused(text: &str, why: &str) -> Trouble {
    Trouble::new(format!("the address {} cannot be used: {why}", RedactedUrl::new(text)))
}

/// Control characters, also percent-encoded, could end a line of the credential protocol (CVE-2020-5260,
/// CVE-2024-52006).
fn check_bytes(text: &str) -> Result<(), Trouble> {
    let bad = |b: u8| b < 0x20 || b == 0x7f;
    match text {
        "" => Err(Trouble::new("the address is empty")),
        t if t.len() > 8192 => Err(Trouble::new("the address is longer than 8192 characters")),
        t if t.bytes().any(bad) || percent_decode_str(t).any(bad) => {
            Err(refused(text, "it holds a control character"))
        }
        t if t.starts_with('-') => Err(refused(text, "it begins with a dash")),
        _ => Ok(()),
    }
}

fn connection(rest: &str, whole: &str) -> Result<Address, Trouble> {
    let form = || {
        refused(whole, "expected coregit://CONNECTION/OWNER/REPO")
            .hint("`coregit connections list` shows the connections")
    };
    let (name, path) = rest.split_once('/').ok_or_else(form)?;
    let name = decoded(name).ok_or_else(form)?;
    if name.is_empty() || name.starts_with('-') {
        return Err(form());
    }
    let path = decoded(path).ok_or_else(form)?;
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let repo = RemoteRepo::parse(path).map_err(|e| Trouble::new(e.to_string()))?;
    Ok(Address::Connection { connection: name, repo })
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|t| t.into_owned())
}

fn web_url(text: &str) -> Result<WebUrl, Trouble> {
    let (scheme, rest) = text.split_once("://").expect("the caller saw the scheme");
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('\\') {
        return Err(refused(text, "programs read a backslash before the path in different ways"));
    }
    let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(l, h)| (Some(l), h));
    let (user, password) = login.map_or(Ok((None, None)), |login| user_information(login, text))?;
    let path = utf8_percent_encode(path, SPELLED).to_string();
    let base = format!("{scheme}://{host}{}", path.trim_end_matches('/'));
    let given = text.to_owned();
    match Origin::parse(&base) {
        Ok((origin, path)) => {
            let base = format!("{origin}{path}");
            Ok(WebUrl { base, origin: Some(origin), user, password, given })
        }
        Err(why) => {
            // Well-formed but not for us: git's own helper takes it, without a credential of ours.
            let host_alone = Origin::parse(&format!("https://{host}"));
            match host_alone {
                Ok(_) => Ok(WebUrl { base, origin: None, user, password, given }),
                Err(_) => Err(Trouble::new(why.to_string())),
            }
        }
    }
}

fn user_information(login: &str, whole: &str) -> Result<(Option<String>, Option<Secret>), Trouble> {
    let (user, password) = login.split_once(':').map_or((login, None), |(u, p)| (u, Some(p)));
    let wrong = || refused(whole, "its user name or password is malformed");
    let user = decoded(user).ok_or_else(wrong)?;
    if user.starts_with('-') {
        return Err(refused(whole, "its user name begins with a dash"));
    }
    let password = password.map(|p| decoded(p).ok_or_else(wrong)).transpose()?;
    Ok((Some(user).filter(|u| !u.is_empty()), password.map(Secret::new)))
}

/// A URL as messages show it.
pub fn shown(url: &str) -> String {
    printable(&RedactedUrl::new(url).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> WebUrl {
        match Address::parse(text).unwrap() {
            Address::Url(url) => url,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_three_forms_are_told_apart() {
        let Address::Connection { connection, repo } =
            Address::parse("coregit://my%20work/octocat/app.git").unwrap()
        else {
            panic!()
        };
        assert_eq!((connection.as_str(), repo.as_str()), ("my work", "octocat/app"));
        assert!(matches!(Address::parse("team/app").unwrap(), Address::Slug(_)));
        assert_eq!(url("https://Git.Example.com/team/app.git/").base, "https://git.example.com/team/app.git");
        assert_eq!(url("https://h/a b/\u{e9}").base, "https://h/a%20b/%C3%A9");
    }

    #[test]
    fn user_information_is_taken_out_and_not_shown() {
        let url = url("https://user%40host:p%3aw@git.example.com/x");
        assert_eq!((url.user.as_deref(), url.password.unwrap().expose()), (Some("user@host"), "p:w"));
        assert_eq!(url.base, "https://git.example.com/x");
        let error = Address::parse("https://u:ghp_secret@-host/x").unwrap_err();
        assert!(!error.lines().contains("ghp_secret"), "{error}");
    }

    #[test]
    fn what_only_git_itself_takes_carries_no_origin() {
        assert!(url("http://git.example.com/x").origin.is_none());
        assert!(url("https://git.example.com/x?token=a").origin.is_none());
        assert!(url("http://127.0.0.1:8080/x").origin.is_some());
    }

    #[test]
    fn traps_are_refused_before_anything_is_started() {
        for bad in TRAPS {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
    }

    const TRAPS: &[&str] = &[
        "",
        "-oProxyCommand=touch x",
        "--upload-pack=touch x",
        "coregit://-oProxyCommand=x/a/b",
        "coregit://%2doProxyCommand=x/a/b",
        "coregit://work/-x/y",
        "coregit://work/x/-y",
        "coregit://work/../y",
        "coregit://work/x",
        "coregit:///octocat/app",
        "coregit://work",
        "coregit://evil%0aprotocol=https/a/b",
        "coregit://work/a/b%0d",
        "coregit://work/a/b%7f",
        "https://one.example/?%0ahost=two.example/r.git",
        "https://one.example/%0dhost=two.example",
        "https:///two.example/r",
        "https://u%1b]0;x%07@h/",
        "https://-host/x",
        "https://-F$CFG@h/x",
        "http:/x",
        "https://g\u{456}thub.com/a/b",
        "https://github.com\\@evil.example/a",
        "ext::sh -c id",
        "fd::17/foo",
        "file:///srv/git/private.git",
        "/srv/git/private.git",
        "../private.git",
        "git://h/x",
        "ssh://h/x",
        "git@h:x",
        "coregit::coregit::x",
        "coregit::x",
        "a/b/c",
    ];
}
