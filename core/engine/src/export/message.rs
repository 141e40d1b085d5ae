//! The one commit that a snapshot export makes: who, when and what it says. Pure.

use coregit_git::{CommitParts, Signature};
use coregit_model::{Oid, RepoSlug, SyncId};
use sha2::{Digest, Sha256};

/// What a plan is about, as its digest sees it.
pub struct PlanId<'a> {
    /// The sync.
    pub sync: &'a SyncId,
    /// The head there that the commit stands on.
    pub base: Option<&'a Oid>,
    /// Our tip.
    pub source: &'a Oid,
    /// The tree that shall stand there.
    pub tree: &'a Oid,
}

impl PlanId<'_> {
    /// 16 hex digits of SHA-256 over sync, base head, source oid and tree; the same plan has the same.
    pub fn digest(&self) -> String {
        let base = self.base.map_or_else(|| "none".to_owned(), Oid::to_string);
        let text = format!("{}\n{base}\n{}\n{}\n", self.sync, self.source, self.tree);
        Sha256::digest(text.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect()
    }
}

/// Who and what stands on our side.
pub struct Source<'a> {
    /// Our repository.
    pub slug: &'a RepoSlug,
    /// Our tip.
    pub tip: &'a Oid,
    /// The commit of our tip.
    pub commit: &'a CommitParts,
    /// Whether the tip is the only commit since the last sync: then it keeps its author and message.
    pub only_commit: bool,
    /// The committer of the settings: name and address.
    pub committer: (String, String),
}

/// The commit to make there. Its dates come from our tip and never from a clock, so that a retry after a
/// lost answer makes the same object.
pub fn snapshot_commit(source: &Source<'_>, plan: &PlanId<'_>) -> CommitParts {
    let when = &source.commit.committer;
    let (name, email) = &source.committer;
    let coregit = Signature { name: name.clone().into(), email: email.clone().into(), ..when.clone() };
    let keeps = source.only_commit && plain(source.commit);
    let (author, body) = match keeps {
        true => (source.commit.author.clone(), source.commit.message.clone()),
        false => {
            let title = format!("Sync from coregit: {}@{}\n", source.slug, source.tip.short());
            (coregit.clone(), title.into_bytes())
        }
    };
    CommitParts {
        tree: *plan.tree,
        parents: plan.base.copied().into_iter().collect(),
        author,
        committer: coregit,
        message: with_trailer(body, &plan.digest()),
        extra_headers: Vec::new(),
    }
}

/// Whether author and message can be said in JSON: UTF-8, none empty, no NUL.
fn plain(commit: &CommitParts) -> bool {
    let text = |raw: &[u8]| std::str::from_utf8(raw).is_ok_and(|t| !t.trim().is_empty() && !t.contains('\0'));
    text(&commit.author.name) && text(&commit.author.email) && text(&commit.message)
}

fn with_trailer(mut message: Vec<u8>, digest: &str) -> Vec<u8> {
    while message.last().is_some_and(|b| b.is_ascii_whitespace()) {
        message.pop();
    }
    let last = message.rsplit(|b| *b == b'\n').next().unwrap_or(&[]);
    let in_block = message.contains(&b'\n') && is_trailer(last);
    message.extend_from_slice(if in_block { b"\n" } else { b"\n\n" });
    message.extend_from_slice(format!("Coregit-Plan: {digest}\n").as_bytes());
    message
}

/// `Some-Key: value`.
fn is_trailer(line: &[u8]) -> bool {
    let colon = line.iter().position(|b| *b == b':');
    colon.is_some_and(|at| at > 0 && line[..at].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-'))
        && colon.is_some_and(|at| line.get(at + 1) == Some(&b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(name: &str) -> Signature {
        Signature {
            name: name.into(),
            email: "a@example.com".into(),
            seconds: 1_700_000_000,
            offset: "+0130".into(),
        }
    }

    fn made(message: &str, only_commit: bool) -> CommitParts {
        let oid = Oid::from_bytes(&[7; 20]).unwrap();
        let commit = CommitParts {
            tree: oid,
            parents: vec![],
            author: signature("Ada"),
            committer: signature("Ben"),
            message: message.into(),
            extra_headers: vec![],
        };
        let slug = RepoSlug::parse("team/app").unwrap();
        let committer = ("coregit".into(), "c@example.com".into());
        let source = Source { slug: &slug, tip: &oid, commit: &commit, only_commit, committer };
        let sync = SyncId::parse("sync_1").unwrap();
        snapshot_commit(&source, &PlanId { sync: &sync, base: Some(&oid), source: &oid, tree: &oid })
    }

    #[test]
    fn one_commit_keeps_its_author_date_and_message() {
        let commit = made("Fix it\n\nBecause.\n", true);
        assert_eq!(commit.author, signature("Ada"));
        let text = String::from_utf8(commit.message).unwrap();
        assert!(text.starts_with("Fix it\n\nBecause.\n\nCoregit-Plan: "), "{text}");
    }

    #[test]
    fn several_commits_are_told_by_their_tip() {
        let commit = made("Fix it\n", false);
        assert_eq!(commit.author.name, b"coregit");
        assert_eq!(commit.author.seconds, 1_700_000_000);
        assert!(commit.message.starts_with(b"Sync from coregit: team/app@0707070\n\nCoregit-Plan: "));
    }

    #[test]
    fn a_trailer_joins_the_trailers_that_are_there() {
        let text = String::from_utf8(made("Fix\n\nSigned-off-by: A <a@b>\n", true).message).unwrap();
        assert!(text.contains("<a@b>\nCoregit-Plan: "), "{text}");
        assert_eq!(made("x", true), made("x", true));
    }
}
