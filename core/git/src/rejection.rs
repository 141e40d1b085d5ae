//! What a host's refusal of a push means: a class, a sentence, and what mends it. Pure.
//!
//! GitHub's texts are those of `facts/providers.md`, 2.12; the others are git's own.

use coregit_model::ErrorClass;

/// Where a text is looked for.
#[derive(Clone, Copy, PartialEq)]
enum In {
    /// In the reason of this ref alone.
    Reason,
    /// Also in what was said to people; other refs of the push share it.
    Anywhere,
}

struct Known {
    text: &'static str,
    place: In,
    class: ErrorClass,
    sentence: &'static str,
    hint: &'static str,
}

const fn known(text: &'static str, class: ErrorClass, sentence: &'static str, hint: &'static str) -> Known {
    Known { text, place: In::Reason, class, sentence, hint }
}

const fn said(text: &'static str, class: ErrorClass, sentence: &'static str, hint: &'static str) -> Known {
    Known { text, place: In::Anywhere, class, sentence, hint }
}

use ErrorClass::{Auth, Conflict, Invalid, NotFound, RejectedByRule, Scope, TooLarge, Transient};

/// In order: what is more telling stands first. All lower case.
const KNOWN: &[Known] = &[
    known(
        "without `workflow` scope",
        Scope,
        "the token may not change files below .github/workflows",
        "give the token the `workflow` scope",
    ),
    known(
        "without `workflows` permission",
        Scope,
        "the App or token may not change files below .github/workflows",
        "give it the permission Workflows: write",
    ),
    known(
        "refusing to allow",
        Scope,
        "the token may not make this change",
        "give the token the scope that the host names",
    ),
    known(
        "protected branch hook declined",
        RejectedByRule,
        "the branch is protected there (GH006)",
        "allow this account to push in the branch's protection rule, or sync another branch",
    ),
    known(
        "email privacy restrictions",
        RejectedByRule,
        "a commit would publish a private e-mail address (GH007)",
        "make the address public or allow it in the account's e-mail settings, or commit with the noreply address",
    ),
    said(
        "secrets detected",
        RejectedByRule,
        "the host found a secret in the commits (GH009)",
        "revoke the secret and take it out of the history, or allow it at the link that the host names",
    ),
    said(
        "push cannot contain secrets",
        RejectedByRule,
        "the host's push protection found a secret in the commits (GH013)",
        "revoke the secret and take it out of the history, or allow it at the link that the host names",
    ),
    known(
        "repository rule violations",
        RejectedByRule,
        "a ruleset of the repository there forbids it (GH013)",
        "add this account to the ruleset's bypass list, or change what the rule asks for",
    ),
    known(
        "deny updating a hidden ref",
        RejectedByRule,
        "the host keeps this ref for itself",
        "leave it out of the sync's refs",
    ),
    known(
        "refusing to delete the current branch",
        RejectedByRule,
        "the host does not delete its default branch",
        "make another branch the default there first",
    ),
    known(
        "deletion of the current branch prohibited",
        RejectedByRule,
        "the host does not delete its default branch",
        "make another branch the default there first",
    ),
    known("deletion prohibited", RejectedByRule, "the host does not let refs be deleted", ""),
    known(
        "branch is currently checked out",
        RejectedByRule,
        "the branch is checked out in a work tree there",
        "",
    ),
    said(
        "gh001",
        TooLarge,
        "a file is over the host's limit of 100 MB (GH001)",
        "keep large files in git-lfs, and take them out of the history",
    ),
    said(
        "gh003",
        RejectedByRule,
        "the host does not let this branch be forced (GH003)",
        "allow force pushes in the branch's protection rule",
    ),
    said(
        "gh008",
        RejectedByRule,
        "the host misses objects of git-lfs (GH008)",
        "push them first: `git lfs push --all`",
    ),
    said(
        "pack exceeds maximum allowed size",
        TooLarge,
        "the pack is over the host's limit",
        "push the history in several parts",
    ),
    said(
        "exceeds maximum allowed size",
        TooLarge,
        "an object or the pack is over the host's limit",
        "keep large files in git-lfs",
    ),
    known("is at ", Conflict, "somebody moved the ref meanwhile", ""),
    known("incorrect old value", Conflict, "somebody moved the ref meanwhile", ""),
    known("reference already exists", Conflict, "somebody created the ref meanwhile", ""),
    known("fetch first", Conflict, "somebody moved the ref meanwhile", ""),
    known(
        "non-fast-forward",
        Conflict,
        "the host takes only fast-forwards of this ref",
        "allow force pushes there, or merge",
    ),
    known("file exists", Transient, "the ref is locked there by another process", ""),
    known(
        "atomic transaction failed",
        Conflict,
        "the push was all or nothing, and one of its refs had moved or was refused",
        "",
    ),
    known(
        "atomic push failure",
        Conflict,
        "the push was all or nothing, and one of its refs was refused",
        "",
    ),
    known(
        "transaction failed",
        Conflict,
        "the refs could not be moved together; one of them may have moved",
        "",
    ),
    known(
        "failed to update ref",
        Conflict,
        "the host could not move the ref; it may have moved, or another ref's name stands in its way",
        "",
    ),
    known(
        "cannot lock ref",
        Conflict,
        "the host could not move the ref; it may have moved, or another ref's name stands in its way",
        "",
    ),
    known("failed to lock", Transient, "the ref is locked there by another process", ""),
    known(
        "missing necessary objects",
        Invalid,
        "the host misses objects that the refs need",
        "`git fsck --full` here shows what is missing",
    ),
    known(
        "shallow update not allowed",
        Invalid,
        "our history is cut off and the host takes only whole ones",
        "`git fetch --unshallow` in the repository here",
    ),
    known("unpacker error", Transient, "the host could not take the pack in", ""),
    known("internal server error", Transient, "the host failed", ""),
    known("hook declined", RejectedByRule, "a hook of the host refused it", "the host's own words say why"),
    known(
        "funny refname",
        Invalid,
        "the host does not take this name for a ref",
        "leave it out of the sync's refs",
    ),
    known(
        "invalid refname",
        Invalid,
        "the host does not take this name for a ref",
        "leave it out of the sync's refs",
    ),
];

/// What a refusal of one ref means: its class; what happened, in one sentence (with the host's own reason);
/// and what mends it. `reason` is that of the report, `messages` what was said to people.
pub fn classify_rejection(reason: &str, messages: &[String]) -> (ErrorClass, String, Option<String>) {
    let low = reason.to_lowercase();
    let all = messages.join("\n").to_lowercase();
    // Only a reason that leaves it open is explained by words that all refs of the push share.
    let open = ["declined", "unpacker error"].iter().any(|word| low.contains(word));
    let fits = |k: &&Known| low.contains(k.text) || (open && k.place == In::Anywhere && all.contains(k.text));
    let Some(known) = KNOWN.iter().find(fits) else {
        let sentence = format!(
            "the host refused it: {}",
            if reason.is_empty() { "no reason was given" } else { reason }
        );
        return (RejectedByRule, sentence, None);
    };
    let link = messages.iter().find_map(|m| unblock_link(m));
    let hint = match link {
        Some(link) if known.sentence.contains("secret") => format!("{}: {link}", known.hint),
        _ => known.hint.to_owned(),
    };
    let sentence = match reason.is_empty() {
        true => known.sentence.to_owned(),
        false => format!("{} ({reason})", known.sentence),
    };
    (known.class, sentence, (!hint.is_empty()).then_some(hint))
}

/// The page at GitHub where a found secret can be allowed.
fn unblock_link(message: &str) -> Option<&str> {
    let link = &message[message.find("https://")?..];
    let link = link.split_whitespace().next().unwrap_or(link);
    link.contains("/security/secret-scanning/unblock-secret/").then_some(link)
}

/// The class of a message with which a server ended the talk (`ERR`, or the third sideband).
pub(crate) fn classify_fatal(text: &str) -> ErrorClass {
    let low = text.to_lowercase();
    let table: [(&str, ErrorClass); 9] = [
        ("not our ref", Conflict),
        ("repository not found", NotFound),
        ("does not exist", NotFound),
        ("exceeds maximum allowed size", TooLarge),
        ("permission", Scope),
        ("access denied", Scope),
        ("authentication", Auth),
        ("protocol error", Invalid),
        ("mismatched object format", Invalid),
    ];
    table.iter().find(|(part, _)| low.contains(part)).map_or(Transient, |(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKFLOW: &str = "refusing to allow a Personal Access Token to create or update workflow \
        `.github/workflows/x.yml` without `workflow` scope";
    const LARGE: &str = "error: GH001: Large files detected.";

    /// Reason, what was said to people, class.
    const REFUSALS: &[(&str, &str, ErrorClass)] = &[
        ("pre-receive hook declined", LARGE, TooLarge),
        ("pre-receive hook declined", "GH003: Sorry, force-pushing to main is not allowed.", RejectedByRule),
        ("pre-receive hook declined", "a hook's own words", RejectedByRule),
        ("protected branch hook declined", "GH006: Protected branch update failed", RejectedByRule),
        ("push declined due to email privacy restrictions", "GH007: a private email", RejectedByRule),
        ("push declined due to repository rule violations", "GH013: Repository rule", RejectedByRule),
        (WORKFLOW, "", Scope),
        ("refusing to allow a GitHub App to … without `workflows` permission", "", Scope),
        ("deny updating a hidden ref", "", RejectedByRule),
        ("refusing to delete the current branch: refs/heads/main", "", RejectedByRule),
        ("n/a (unpacker error)", "fatal: pack exceeds maximum allowed size", TooLarge),
        ("cannot lock ref 'refs/heads/main': is at 1234 but expected 5678", "", Conflict),
        ("non-fast-forward", LARGE, Conflict),
        ("atomic transaction failed", LARGE, Conflict),
        ("Internal Server Error", "", Transient),
        ("something new", LARGE, RejectedByRule),
    ];

    #[test]
    fn githubs_refusals_have_their_classes() {
        for (reason, said, expected) in REFUSALS {
            let (class, sentence, _) = classify_rejection(reason, &[(*said).to_owned()]);
            assert_eq!(class, *expected, "{reason}");
            assert!(sentence.contains(reason), "{sentence}");
        }
    }

    #[test]
    fn a_found_secret_comes_with_the_link_that_allows_it() {
        let link = "https://github.com/o/r/security/secret-scanning/unblock-secret/2x";
        let messages = [
            "GITHUB PUSH PROTECTION".to_owned(),
            "  - Push cannot contain secrets".into(),
            format!("   {link}"),
        ];
        let (_, sentence, hint) =
            classify_rejection("push declined due to repository rule violations", &messages);
        assert!(sentence.contains("secret") && hint.unwrap().ends_with(link));
    }

    #[test]
    fn an_unknown_refusal_keeps_the_hosts_words() {
        assert_eq!(classify_rejection("computer says no", &[]).1, "the host refused it: computer says no");
        assert_eq!(classify_rejection("", &[]).1, "the host refused it: no reason was given");
    }
}
