//! What a push asks: commands with the oids that they expect, options, and what goes before the pack.

use coregit_model::{ObjectFormat, RefUpdate};

use super::advertisement::Capabilities;
use super::{AGENT, pkt};
use crate::GitError;

/// How a push is asked for.
#[derive(Clone, Debug, Default)]
pub struct PushOptions {
    /// All refs or none, where the server can do that; see [`crate::PushReport::atomic`].
    pub atomic: bool,
    /// Push options (`-o`), sent where the server takes them.
    pub options: Vec<String>,
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
pub(crate) fn commands(
    updates: &[RefUpdate],
    capabilities: &Capabilities,
    format: ObjectFormat,
    options: &PushOptions,
) -> Result<Commands, GitError> {
    let wants_report = ["report-status-v2", "report-status"].into_iter().find(|c| capabilities.has(c));
    let report = wants_report.ok_or_else(|| {
        GitError::Unsupported("the server reports nothing about a push, so none is made".into())
    })?;
    let atomic = options.atomic && capabilities.has("atomic");
    let with_options = !options.options.is_empty() && capabilities.has("push-options");
    let mut words = vec![report.to_owned()];
    let asked =
        [(true, "side-band-64k"), (true, "quiet"), (atomic, "atomic"), (with_options, "push-options")];
    words.extend(asked.iter().filter(|(ask, c)| *ask && capabilities.has(c)).map(|(_, c)| (*c).to_owned()));
    if capabilities.has("object-format") {
        words.push(format!("object-format={}", format.as_str()));
    }
    words.push(AGENT.to_owned());
    let mut body = Vec::new();
    for (n, update) in updates.iter().enumerate() {
        let mut line = format!("{} {} ", update.expected, update.new).into_bytes();
        line.extend_from_slice(update.name.as_bytes());
        if n == 0 {
            line.push(0);
            line.extend_from_slice(words.join(" ").as_bytes());
        }
        pkt::write(&mut body, &line)?;
    }
    body.extend_from_slice(pkt::FLUSH);
    if with_options {
        for option in &options.options {
            pkt::write(&mut body, option.as_bytes())?;
        }
        body.extend_from_slice(pkt::FLUSH);
    }
    let pack = updates.iter().any(|u| !u.new.is_zero());
    Ok(Commands { body, pack, sideband: capabilities.has("side-band-64k"), atomic })
}

#[cfg(test)]
mod tests {
    use coregit_model::{Oid, RefName};

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

    fn text(updates: &[RefUpdate], words: &str, options: &PushOptions) -> (String, Commands) {
        let made = commands(updates, &offered(words), ObjectFormat::Sha1, options).unwrap();
        (String::from_utf8(made.body.clone()).unwrap(), made)
    }

    #[test]
    fn only_what_is_offered_is_asked_for() {
        let all = PushOptions { atomic: true, options: vec!["ci.skip".into()] };
        let words =
            "report-status report-status-v2 side-band-64k quiet atomic push-options object-format=sha1";
        let (body, made) = text(&[update("refs/heads/a", 2), update("refs/heads/b", 0)], words, &all);
        assert!(body.contains("refs/heads/a\0report-status-v2 side-band-64k quiet atomic push-options object-format=sha1 agent=coregit/"), "{body}");
        assert!(body.ends_with("refs/heads/b0000000bci.skip0000"), "{body}");
        assert!(made.pack && made.sideband && made.atomic);
        let (body, made) = text(&[update("refs/heads/a", 0)], "report-status", &all);
        assert!(body.contains("\0report-status agent=coregit/") && body.ends_with("0000"), "{body}");
        assert!(!made.pack && !made.sideband && !made.atomic);
    }

    #[test]
    fn a_server_that_reports_nothing_is_not_pushed_to() {
        let made = commands(
            &[update("refs/heads/a", 2)],
            &offered("delete-refs"),
            ObjectFormat::Sha1,
            &Default::default(),
        );
        assert!(matches!(made, Err(GitError::Unsupported(_))));
    }
}
