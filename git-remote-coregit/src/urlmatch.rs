//! Which of the settings `http.<url>.*` counts for a URL (git-config(1)).

/// How closely a pattern fits: longer host, longer path, user named. Greater is closer.
pub type Closeness = (usize, usize, bool);

/// Splits what stands behind `http.` into the pattern (empty: all hosts) and the setting's name.
pub fn split(rest: &str) -> (&str, &str) {
    rest.rsplit_once('.').map_or(("", rest), |(pattern, name)| (pattern, name))
}

/// Whether and how closely the pattern fits the URL.
pub fn closeness(pattern: &str, url: &str) -> Option<Closeness> {
    if pattern.is_empty() {
        return Some((0, 0, false));
    }
    let (pattern, url) = (Parts::of(pattern)?, Parts::of(url)?);
    let user = match (pattern.user, url.user) {
        (None, _) => false,
        (Some(wanted), Some(user)) if wanted == user => true,
        _ => return None,
    };
    let same = pattern.scheme == url.scheme
        && pattern.port == url.port
        && host_fits(&pattern.host, &url.host)
        && path_fits(pattern.path, url.path);
    same.then_some((pattern.host.len(), pattern.path.len(), user))
}

struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    host: String,
    port: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(u, h)| (Some(u), h));
        let user = user.map(|u| u.split(':').next().unwrap_or(u));
        let usual = if scheme == "https" { "443" } else { "80" };
        let at = host.rfind(':').filter(|at| !host[*at..].contains(']'));
        let (host, port) = at.map_or((host, usual), |at| (&host[..at], &host[at + 1..]));
        Some(Self { scheme, user, host: host.to_ascii_lowercase(), port, path: path.trim_end_matches('/') })
    }
}

/// Label by label; `*` stands for one label.
fn host_fits(pattern: &str, host: &str) -> bool {
    let (mut pattern, mut host) = (pattern.split('.'), host.split('.'));
    loop {
        match (pattern.next(), host.next()) {
            (None, None) => return true,
            (Some(p), Some(h)) if p == "*" || p == h => {}
            _ => return false,
        }
    }
}

/// A prefix that ends where a part of the path ends.
fn path_fits(pattern: &str, path: &str) -> bool {
    path.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_git_says() {
        let url = "https://ada@git.example.com:443/team/app.git";
        for fits in [
            "",
            "https://git.example.com",
            "https://git.example.com/",
            "https://GIT.example.com:443/team",
            "https://*.example.com/team/",
            "https://ada@git.example.com",
        ] {
            assert!(closeness(fits, url).is_some(), "{fits}");
        }
        for other in [
            "http://git.example.com",
            "https://git.example.com:8443",
            "https://example.com",
            "https://git.example.com/tea",
            "https://bob@git.example.com",
            "https://*.com",
            "git.example.com",
        ] {
            assert!(closeness(other, url).is_none(), "{other}");
        }
    }

    #[test]
    fn the_closest_wins() {
        let url = "https://ada@git.example.com/team/app";
        let order = [
            "",
            "https://*.example.com",
            "https://git.example.com",
            "https://ada@git.example.com",
            "https://git.example.com/team",
        ];
        assert!(order.windows(2).all(|pair| closeness(pair[0], url) < closeness(pair[1], url)));
    }
}
