//! Where a credential comes from: the address itself, a connection, or git's own credential helpers.

use std::io::Write;
use std::process::{Command, Stdio};

use coregit_http::Credential;
use coregit_model::{Origin, Secret};

use crate::address::WebUrl;
use crate::gits_own;
use crate::trouble::Trouble;

/// A credential and who gave it.
#[derive(Clone, Debug)]
pub struct Login {
    /// Bound to one origin.
    pub credential: Credential,
    /// Who gave it.
    pub giver: Giver,
}

/// Who gave a credential, and so who is told when it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Giver {
    /// It stood in the address.
    Address,
    /// A connection of this home; how users call it.
    Connection(String),
    /// git's credential helpers, or a person; what they said, to be approved or rejected.
    Git(Vec<(String, String)>),
}

/// What a host asked for: the schemes of its `WWW-Authenticate` headers, whole.
pub type Challenges = Vec<String>;

/// The login that stands in the address.
pub fn of_address(url: &WebUrl, origin: &Origin) -> Option<Login> {
    let (user, password) = (url.user.as_deref()?, url.password.as_ref()?);
    let credential = Credential::basic(user, password.clone(), std::slice::from_ref(origin));
    Some(Login { credential, giver: Giver::Address })
}

/// Whether a challenge can be met here. Kerberos, NTLM and digests are met by git's own helper.
pub fn can_meet(challenges: &Challenges) -> bool {
    let scheme = |c: &String| c.split(' ').next().unwrap_or("").to_ascii_lowercase();
    challenges.is_empty() || challenges.iter().any(|c| matches!(scheme(c).as_str(), "basic" | "bearer"))
}

/// A challenge with single spaces: what is left of a line that was folded.
pub fn tidy(challenge: &str) -> String {
    let mut quoted = false;
    let mut tidy = String::with_capacity(challenge.len());
    for c in challenge.chars() {
        quoted ^= c == '"';
        if quoted || c != ' ' || !tidy.ends_with(' ') {
            tidy.push(c);
        }
    }
    tidy
}

/// Whom a login is for.
pub struct Whom<'a> {
    /// The host.
    pub origin: &'a Origin,
    /// The URL's path, without the first slash.
    pub path: &'a str,
    /// The user name that stood in the address.
    pub user: Option<&'a str>,
}

/// Asks git's credential helpers, and through git the person. `before`: what they gave in the round before,
/// for logins of several rounds.
pub fn ask_git(whom: &Whom<'_>, challenges: &Challenges, before: Option<&Login>) -> Result<Login, Trouble> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut lines = vec![pair("capability[]", "authtype"), pair("capability[]", "state")];
    lines.extend(description(whom));
    lines.extend(challenges.iter().map(|c| pair("wwwauth[]", c)));
    let kept = |line: &&(String, String)| matches!(line.0.as_str(), "state[]" | "authtype");
    lines.extend(before.iter().flat_map(|login| login.told()).filter(kept).cloned());
    let answer = credential_command("fill", &lines)?;
    let field = |name: &str| answer.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let origins = std::slice::from_ref(whom.origin);
    let credential = match (field("authtype"), field("credential"), field("username"), field("password")) {
        (Some(scheme), Some(secret), ..) => Credential::of_scheme(&scheme, Secret::new(secret), origins),
        (_, _, Some(user), Some(password)) => Credential::basic(&user, Secret::new(password), origins),
        _ => return Err(Trouble::new("git's credential helpers gave no user name and password")),
    };
    Ok(Login { credential, giver: Giver::Git(answer) })
}

fn description(whom: &Whom<'_>) -> Vec<(String, String)> {
    let host = whom.origin.to_string();
    let host = host.split_once("://").map_or(host.as_str(), |(_, host)| host);
    let mut lines = vec![
        ("protocol".to_owned(), whom.origin.scheme().to_owned()),
        ("host".to_owned(), host.to_owned()),
        ("path".to_owned(), whom.path.to_owned()),
    ];
    lines.extend(whom.user.map(|user| ("username".to_owned(), user.to_owned())));
    lines
}

impl Login {
    /// What git's credential helpers said.
    fn told(&self) -> &[(String, String)] {
        match &self.giver {
            Giver::Git(told) => told,
            Giver::Address | Giver::Connection(_) => &[],
        }
    }

    /// Whether a credential helper has another round to go.
    pub fn has_more(&self) -> bool {
        self.told().iter().any(|(name, value)| name == "continue" && value == "1")
    }

    /// Lets git's credential helpers keep what worked. What they do about it is their matter.
    pub fn approve(&self) {
        self.tell("approve", &Vec::new());
    }

    /// Lets git's credential helpers forget what was refused with these challenges.
    pub fn reject(&self, challenges: &Challenges) {
        self.tell("reject", challenges);
    }

    fn tell(&self, what: &str, challenges: &Challenges) {
        let mut lines = self.told().to_vec();
        if !lines.is_empty() {
            lines.extend(challenges.iter().map(|c| ("wwwauth[]".to_owned(), c.clone())));
            let _ = credential_command(what, &lines);
        }
    }
}

/// `git credential <what>`: the lines go in by a pipe, so they stand in no argv and no environment.
fn credential_command(what: &str, lines: &[(String, String)]) -> Result<Vec<(String, String)>, Trouble> {
    let input = spelled(lines)?;
    let mut command: Command = gits_own::git();
    command.args(["credential", what]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let started = |e| Trouble::new(format!("git cannot be started: {e}"));
    let mut child = command.spawn().map_err(started)?;
    let mut stdin = child.stdin.take().expect("it is piped");
    // A helper that does not read its input tells so by its status.
    let _ = stdin.write_all(input.expose().as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(started)?;
    if !output.status.success() && what == "fill" {
        return Err(Trouble::new("there is no credential for this address").hint(
            "`coregit connections create` keeps a token for a host; git's own credential helpers work too",
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The lines of the credential protocol. A value with a line end in it would be two lines (CVE-2020-5260).
fn spelled(lines: &[(String, String)]) -> Result<Secret, Trouble> {
    let mut text = String::new();
    for (name, value) in lines {
        if value.bytes().any(|b| matches!(b, b'\n' | b'\r' | 0)) {
            return Err(Trouble::new(format!("the {name} for git's credential helpers holds a line end")));
        }
        text.push_str(&format!("{name}={value}\n"));
    }
    Ok(Secret::new(text + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::parse(url).unwrap().0
    }

    #[test]
    fn what_is_asked_names_scheme_host_and_path() {
        let origin = origin("https://git.example.com:8443");
        let lines = description(&Whom { origin: &origin, path: "team/app.git", user: Some("ada") });
        let text = spelled(&lines).unwrap();
        assert_eq!(
            text.expose(),
            "protocol=https\nhost=git.example.com:8443\npath=team/app.git\nusername=ada\n\n"
        );
    }

    #[test]
    fn a_line_end_in_a_value_is_never_written() {
        for bad in ["x\nhost=evil.example", "x\rhost=evil", "x\0"] {
            let origin = origin("https://h");
            let lines = description(&Whom { origin: &origin, path: "p", user: Some(bad) });
            assert!(spelled(&lines).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn folded_challenges_are_one_line() {
        assert_eq!(tidy("Foo a=\"x  y\"   b=1"), "Foo a=\"x  y\" b=1");
    }

    #[test]
    fn only_basic_and_bearer_are_met_here() {
        let list = |all: &[&str]| all.iter().map(|c| (*c).to_owned()).collect::<Challenges>();
        assert!(can_meet(&list(&["Negotiate", "Basic realm=\"x\""])));
        assert!(can_meet(&list(&[])));
        assert!(!can_meet(&list(&["Negotiate", "NTLM", "Digest realm=\"x\""])));
    }
}
