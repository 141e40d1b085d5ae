//! Rules over a submodule's URL: what `git clone --recurse-submodules` would do with it.

use crate::finding::Rule;
use crate::rules;

/// Prefixes `name::` that lead to HTTP or to ourselves; every other one starts a program of that name,
/// `ext::` any program at all.
const HARMLESS_TRANSPORTS: [&[u8]; 5] = [b"http", b"https", b"ftp", b"ftps", b"coregit"];
const WEB: [&[u8]; 4] = [b"http", b"https", b"ftp", b"ftps"];

/// The rule that this URL breaks, if any.
pub(crate) fn flaw(url: &[u8]) -> Option<&'static Rule> {
    let mut url = url;
    while let Some((transport, rest)) = transport(url) {
        if !HARMLESS_TRANSPORTS.contains(&&transport.to_ascii_lowercase()[..]) {
            return Some(&rules::GITMODULES_TRANSPORT);
        }
        url = rest;
    }
    let wrong = url.starts_with(b"-") || bad_relative(url) || bad_host(url) || bad_web(url);
    wrong.then_some(&rules::GITMODULES_URL)
}

/// `name::rest`.
fn transport(url: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = url.iter().position(|b| !b.is_ascii_alphanumeric() && !b"+-.".contains(b))?;
    let rest = url[end..].strip_prefix(b"::")?;
    Some((&url[..end], rest))
}

/// A relative URL is joined to the superproject's: steps up past its path can replace the host, and an
/// escaped line break then speaks to the credential helper (CVE-2020-11008).
fn bad_relative(url: &[u8]) -> bool {
    if !url.starts_with(b"./") && !url.starts_with(b"../") {
        return false;
    }
    let mut rest = url;
    let mut up = false;
    loop {
        if let Some(after) = rest.strip_prefix(b"../") {
            (rest, up) = (after, true);
        } else if let Some(after) = rest.strip_prefix(b"./") {
            rest = after;
        } else {
            break;
        }
    }
    (up && (rest.starts_with(b":") || rest.starts_with(b"/"))) || hides_control(url)
}

/// A host that a program started for the URL would take for an option (CVE-2017-1000117).
fn bad_host(url: &[u8]) -> bool {
    let authority = match find(url, b"://") {
        Some(at) => url[at + 3..].split(|b| *b == b'/').next().unwrap_or_default(),
        // `host:path` of scp, unless a slash comes first.
        None => match url.iter().position(|b| b":/".contains(b)) {
            Some(at) if url[at] == b':' => &url[..at],
            _ => return false,
        },
    };
    authority.starts_with(b"-")
        || authority.rsplit(|b| *b == b'@').next().is_some_and(|h| h.starts_with(b"-"))
}

/// A web address without a host, or with an escaped line break (CVE-2020-5260, CVE-2020-11008).
fn bad_web(url: &[u8]) -> bool {
    let Some(colon) = url.iter().position(|b| *b == b':') else { return false };
    if !WEB.contains(&&url[..colon].to_ascii_lowercase()[..]) {
        return false;
    }
    let Some(rest) = url[colon..].strip_prefix(b"://") else { return true };
    let authority = rest.split(|b| b"/?#".contains(b)).next().unwrap_or_default();
    let host = authority.rsplit(|b| *b == b'@').next().unwrap_or_default();
    host.is_empty() || host.starts_with(b":") || hides_control(url)
}

/// Whether `%0a` and the like hide in it.
fn hides_control(url: &[u8]) -> bool {
    let digit = |b: u8| (b as char).to_digit(16);
    url.windows(3).any(|w| {
        w[0] == b'%' && matches!((digit(w[1]), digit(w[2])), (Some(a), Some(b)) if a * 16 + b < 0x20 || a * 16 + b == 0x7f)
    })
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|w| w == word)
}

#[cfg(test)]
mod tests {
    use super::flaw;

    #[rustfmt::skip]
    const USUAL: &[&str] = &[
        "https://github.com/octocat/app.git", "https://github.com:443/a%20b",
        "git@github.com:octocat/app.git", "ssh://git@host:22/x", "../sibling.git", "../../group/x",
        "./x", "/srv/git/x.git", "file:///srv/x", "git://host/x", "https::https://host/x",
        "coregit::https://host/o/r", "coregit://work/o/r", "C:\\x", "x", "coregit::team/app",
        "host-a:x/-y", "", "https://u@host/x",
    ];

    #[test]
    fn urls_that_people_use_pass() {
        for url in USUAL {
            assert_eq!(flaw(url.as_bytes()), None, "{url}");
        }
    }

    #[rustfmt::skip]
    const LIES: &[&str] = &[
        "-u./p", "--upload-pack=x", "https://host/%0ahost=evil", "https://host?%0Dx", "https:///x",
        "http:/x", "https://", "https://@/x", "https://:1/x", "../../:evil/x", "..//evil/x",
        "./../%0ax", "ssh://-oProxyCommand=x/y", "ssh://git@-x/y", "-oProxyCommand=x:y", "git@-x:y",
        "coregit::-x", "coregit::coregit::https:///x",
    ];

    #[test]
    fn urls_that_run_something_or_lie_do_not() {
        for url in LIES {
            assert_eq!(flaw(url.as_bytes()).map(|r| r.id), Some("gitmodules-url"), "{url}");
        }
        for url in [
            "ext::sh -c id",
            "EXT::x",
            "fd::17/foo",
            "coregit::ext::sh",
            "hg::https://host/x",
            "::x",
            "https::ext::x",
        ] {
            assert_eq!(flaw(url.as_bytes()).map(|r| r.id), Some("gitmodules-transport"), "{url}");
        }
    }
}
