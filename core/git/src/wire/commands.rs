//! What a push asks: commands with the oids that they expect, options, and what goes before the pack.

use coregit_model::{Oid, RefUpdate};

use super::advertisement::Capabilities;
use super::{AGENT, pkt};
use crate::GitError;

/// A push: what moves, and how it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Push<'a> {
    /// The refs that move, each with the oid that it must still stand at.
    pub updates: &'a [RefUpdate],
    /// All refs or none, where the server can do that; see [`crate::PushReport::atomic`].
    pub atomic: bool,
    /// Push options (`-o`), sent where the server takes them.
    pub options: Vec<String>,
    /// A tree that the server has: that of the commit that a single new commit stands on, where that commit
    /// itself is not here (an API told its tree). What is in it is not sent, and what differs is sent as its
    /// difference. `repo` must be a shadow then: a commit that stands for the absent one is written into it.
    pub onto_tree: Option<Oid>,
}

impl<'a> Push<'a> {
    /// A push of these updates, each for itself.
    pub fn of(updates: &'a [RefUpdate]) -> Self {
        Self { updates, ..Self::default() }
    }
}

/// Everything of a push but its pack.
#[derive(Debug)]
pub(crate) struct Commands {
    /// The bytes, up to and with the last flush.
    pub body: Vec<u8>,
    /// Whether a pack follows: not when refs are only deleted.
    pub pack: bool,
    /// Whether the report comes in a sideband.
    pub sideband: bool,
    /// Whether it is all or nothing.
    pub atomic: bool,
}

/// Writes the commands of a push for a server that can do this much.
pub(crate) fn commands(push: &Push<'_>, capabilities: &Capabilities) -> Result<Commands, GitError> {
    let wants_report = ["report-status-v2", "report-status"].into_iter().find(|c| capabilities.has(c));
    let report = wants_report.ok_or_else(|| {
        GitError::Unsupported("the server reports nothing about a push, so none is made".into())
    })?;
    let atomic = push.atomic && capabilities.has("atomic");
    let with_options = !push.options.is_empty() && capabilities.has("push-options");
    let mut words = vec![report.to_owned()];
    let asked =
        [(true, "side-band-64k"), (true, "quiet"), (atomic, "atomic"), (with_options, "push-options")];
    words.extend(asked.iter().filter(|(ask, c)| *ask && capabilities.has(c)).map(|(_, c)| (*c).to_owned()));
    if let Some(format) = push.updates.first().filter(|_| capabilities.has("object-format")) {
        words.push(format!("object-format={}", format.new.format().as_str()));
    }
    words.push(AGENT.to_owned());
    let mut body = lines(push.updates, &words.join(" "))?;
    if with_options {
        push.options.iter().try_for_each(|option| pkt::write(&mut body, option.as_bytes()))?;
        body.extend_from_slice(pkt::FLUSH);
    }
    let pack = push.updates.iter().any(|u| !u.new.is_zero());
    Ok(Commands { body, pack, sideband: capabilities.has("side-band-64k"), atomic })
}

/// One line for each update; the first carries the words.
fn lines(updates: &[RefUpdate], words: &str) -> Result<Vec<u8>, GitError> {
    let mut body = Vec::new();
    for (n, update) in updates.iter().enumerate() {
        let mut line = format!("{} {} ", update.expected, update.new).into_bytes();
        line.extend_from_slice(update.name.as_bytes());
        if n == 0 {
            line.push(0);
            line.extend_from_slice(words.as_bytes());
        }
        pkt::write(&mut body, &line)?;
    }
    body.extend_from_slice(pkt::FLUSH);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use coregit_model::RefName;

    use super::*;
    use crate::wire::advertisement;

    fn offered(words: &str) -> Capabilities {
        let mut raw = b"001f# service=git-receive-pack\n0000".to_vec();
        pkt::write(&mut raw, format!("{} capabilities^{{}}\0{words}\n", "0".repeat(40)).as_bytes()).unwrap();
        raw.extend_from_slice(b"0000");
        advertisement::parse("git-receive-pack", &raw).unwrap().capabilities
    }

    fn update(name: &str, new: u8) -> RefUpdate {
        let oid = |n| Oid::from_bytes(&[n; 20]).unwrap();
        RefUpdate { name: RefName::parse(name).unwrap(), expected: oid(1), new: oid(new) }
    }

    fn text(push: &Push<'_>, words: &str) -> (String, Commands) {
        let made = commands(push, &offered(words)).unwrap();
        (String::from_utf8(made.body.clone()).unwrap(), made)
    }

    #[test]
    fn only_what_is_offered_is_asked_for() {
        let updates = [update("refs/heads/a", 2), update("refs/heads/b", 0)];
        let all = Push { atomic: true, options: vec!["ci.skip".into()], ..Push::of(&updates) };
        let words =
            "report-status report-status-v2 side-band-64k quiet atomic push-options object-format=sha1";
        let (body, made) = text(&all, words);
        let asked =
            "report-status-v2 side-band-64k quiet atomic push-options object-format=sha1 agent=coregit/";
        assert!(body.contains(&format!("refs/heads/a\0{asked}")), "{body}");
        assert!(body.ends_with("refs/heads/b0000000bci.skip0000"), "{body}");
        assert!(made.pack && made.sideband && made.atomic);
        let (body, made) = text(&Push { updates: &updates[1..], ..all }, "report-status");
        assert!(body.contains("\0report-status agent=coregit/") && body.ends_with("0000"), "{body}");
        assert!(!made.pack && !made.sideband && !made.atomic);
    }

    #[test]
    fn a_server_that_reports_nothing_is_not_pushed_to() {
        let made = commands(&Push::of(&[update("refs/heads/a", 2)]), &offered("delete-refs"));
        assert!(matches!(made, Err(GitError::Unsupported(_))));
    }
}
