//! `git-remote-coregit --credential CONNECTION OWNER/REPO get`: a credential helper for git's own HTTPS, so
//! that the token goes through a pipe and stands in no argv, no environment and no URL.

use std::io::{BufRead, Write};

use coregit_engine::GitLogin;
use coregit_model::Origin;

use crate::trouble::Trouble;

/// Answers one `get`; nothing for another host than the token's. `store` and `erase` change nothing here.
pub fn answer(login: &GitLogin, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<(), Trouble> {
    let asked = asked_origin(input)?;
    if !asked.is_some_and(|origin| login.credential.is_for(&origin)) {
        return Ok(());
    }
    let Some((user, password)) = login.credential.as_login() else { return Ok(()) };
    let text = coregit_model::Secret::new(format!("username={user}\npassword={}\n", password.expose()));
    output.write_all(text.expose().as_bytes()).map_err(|e| Trouble::io("git cannot be answered", &e))
}

/// The origin that git asks for.
fn asked_origin(input: &mut dyn BufRead) -> Result<Option<Origin>, Trouble> {
    let (mut protocol, mut host) = (None, None);
    for line in input.lines() {
        let line = line.map_err(|e| Trouble::io("git cannot be heard", &e))?;
        match line.split_once('=') {
            Some(("protocol", value)) => protocol = Some(value.to_owned()),
            Some(("host", value)) => host = Some(value.to_owned()),
            Some(_) => {}
            None => break,
        }
    }
    Ok(protocol.zip(host).and_then(|(p, h)| Some(Origin::parse(&format!("{p}://{h}")).ok()?.0)))
}

#[cfg(test)]
mod tests {
    use coregit_http::Credential;
    use coregit_model::{ConnectionId, Secret};

    use super::*;

    fn said(asked: &str) -> String {
        let origin = Origin::parse("https://git.example.com").unwrap().0;
        let login = GitLogin {
            connection_id: ConnectionId::random(),
            label: "work".into(),
            url: "https://git.example.com/team/app.git".into(),
            credential: Credential::basic("x-access-token", Secret::new("canary".into()), &[origin]),
            ca_file: None,
        };
        let mut output = Vec::new();
        answer(&login, &mut asked.as_bytes(), &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn the_token_is_told_for_its_own_host_only() {
        let own = "protocol=https\nhost=git.example.com\nwwwauth[]=Basic\n\n";
        assert_eq!(said(own), "username=x-access-token\npassword=canary\n");
        for other in [
            "protocol=https\nhost=git.example.com.evil.example\n\n",
            "protocol=http\nhost=git.example.com\n\n",
            "protocol=https\nhost=git.example.com:8443\n\n",
            "protocol=https\n\n",
            "",
        ] {
            assert_eq!(said(other), "", "{other:?}");
        }
    }
}
