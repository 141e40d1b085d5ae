//! The table of rules. Refused: what can hurt whoever checks it out or reads it with another program.
//! Told: what is odd but legal, and what old tools wrote into histories that people still use.

use crate::finding::{Finding, Rule, Severity};

const REWRITE: &str = "rename or remove it in the commit that brought it in (git rebase -i, or git filter-repo), then push again";
const REMAKE: &str =
    "make the object again with an up-to-date git (git rebase, or git commit --amend), then push again";
const MODULES: &str = "correct .gitmodules in the commit that brought it in, then push again";
const KEPT: &str = "nothing needs to be done; it is kept as it is";
const PORTABLE: &str = "rename it if people on other systems are to check it out";

macro_rules! rules {
    ($($name:ident $severity:ident $id:literal, $sentence:literal, $way_out:expr;)+) => {
        $(pub(crate) static $name: Rule = Rule {
            id: $id,
            severity: Severity::$severity,
            sentence: $sentence,
            way_out: $way_out,
        };)+

        #[cfg(test)]
        pub(crate) static ALL: &[&Rule] = &[$(&$name),+];
    };
}

rules! {
    // Trees.
    BAD_TREE Refuse "bad-tree", "is cut short or malformed", REMAKE;
    EMPTY_NAME Refuse "empty-name", "has an entry without a name", REMAKE;
    HAS_DOT Refuse "has-dot", "has an entry called '.'", REWRITE;
    HAS_DOTDOT Refuse "has-dotdot", "has an entry called '..', which leads out of the checkout", REWRITE;
    FULL_PATHNAME Refuse "full-pathname", "has an entry with a '/' in its name", REWRITE;
    HAS_DOTGIT Refuse "has-dotgit",
        "has an entry that some file system takes for '.git', where it would be run as configuration or hooks", REWRITE;
    BACKSLASH_TRAVERSAL Refuse "backslash-traversal", "has an entry that leads out of the checkout on Windows", REWRITE;
    DUPLICATE_ENTRIES Refuse "duplicate-entries", "has two entries of the same name", REMAKE;
    NOT_SORTED Refuse "tree-not-sorted", "has entries in the wrong order", REMAKE;
    NULL_OID Refuse "null-oid", "names the all-zero oid", REMAKE;
    BAD_FILE_TYPE Refuse "bad-file-type", "has an entry that is no file, folder, link or submodule", REMAKE;
    GITMODULES_SYMLINK Refuse "gitmodules-symlink", "has a .gitmodules that is a symbolic link", REWRITE;
    GITMODULES_NOT_A_FILE Refuse "gitmodules-blob", "has a .gitmodules that is no file", REWRITE;
    ZERO_PADDED_MODE Warn "zero-padded-filemode", "has a file mode with a zero in front, as old tools wrote them", KEPT;
    BAD_FILEMODE Warn "bad-filemode", "has an unusual file mode, as old tools wrote them", KEPT;
    DOTFILE_SYMLINK Warn "dotfile-symlink", "has a .gitattributes, .gitignore or .mailmap that is a symbolic link; git ignores it", KEPT;
    TWINS Warn "case-twins", "has names that differ only in case or in how they spell an accent; some systems can hold only one of them", PORTABLE;
    CONTROL_CHARACTER Warn "control-character", "has a name with a control character", PORTABLE;
    BIDI Warn "bidirectional-control", "has a name with characters that turn the writing direction, so it shows as another one", PORTABLE;
    NOT_UTF8 Warn "not-utf8", "has a name that is not UTF-8", PORTABLE;
    LONG_NAME Warn "long-name", "has a name that is longer than most file systems can hold (255 bytes)", PORTABLE;
    WINDOWS_NAME Warn "windows-name", "has a name that Windows reserves or cannot hold", PORTABLE;
    LEADING_DASH Warn "leading-dash", "has a name that programs may take for an option", PORTABLE;
    PATHSPEC_MAGIC Warn "pathspec-magic", "has a name that git takes for a pathspec with magic", PORTABLE;

    // Commits and tags.
    NUL_IN_HEADER Refuse "nul-in-header", "has a NUL in its header", REMAKE;
    UNTERMINATED_HEADER Refuse "unterminated-header", "has a header that does not end", REMAKE;
    NUL_IN_COMMIT Refuse "nul-in-commit", "has a NUL in its message, behind which readers see different texts", REMAKE;
    MISSING_TREE Refuse "missing-tree", "names no tree", REMAKE;
    BAD_TREE_OID Refuse "bad-tree-oid", "names its tree by something that is no oid", REMAKE;
    BAD_PARENT_OID Refuse "bad-parent-oid", "names a parent by something that is no oid", REMAKE;
    MISSING_AUTHOR Refuse "missing-author", "has no author where one belongs", REMAKE;
    MULTIPLE_AUTHORS Refuse "multiple-authors", "has several authors", REMAKE;
    MISSING_COMMITTER Refuse "missing-committer", "has no committer where one belongs", REMAKE;
    MISPLACED_HEADER Refuse "misplaced-header", "repeats a tree, parent, author or committer line, of which readers take different ones", REMAKE;
    MISSING_EMAIL Refuse "missing-email", "has an author, committer or tagger without an e-mail", REMAKE;
    BAD_EMAIL Refuse "bad-email", "has a malformed e-mail", REMAKE;
    BAD_NAME Refuse "bad-name", "has a malformed name", REMAKE;
    BAD_DATE Refuse "bad-date", "has a date that is no number of seconds", REMAKE;
    BAD_DATE_OVERFLOW Refuse "bad-date-overflow", "has a date too large for a computer to hold", REMAKE;
    BAD_TIMEZONE Warn "bad-timezone", "has an impossible time zone, as old tools wrote them", KEPT;
    ZERO_PADDED_DATE Warn "zero-padded-date", "has a date with a zero in front, as old tools wrote them", KEPT;
    NO_SPACE_BEFORE_EMAIL Warn "missing-space-before-email", "has no space before an e-mail, as old tools wrote it", KEPT;
    NO_SPACE_BEFORE_DATE Warn "missing-space-before-date", "has no space before a date, as old tools wrote it", KEPT;
    NO_NAME_BEFORE_EMAIL Warn "missing-name-before-email", "has an e-mail without a name", KEPT;
    MISSING_OBJECT Refuse "missing-object", "names no object", REMAKE;
    BAD_OBJECT_OID Refuse "bad-object-oid", "names its object by something that is no oid", REMAKE;
    BAD_TYPE Refuse "bad-type", "names no type, or one that does not exist", REMAKE;
    MISSING_TAG Refuse "missing-tag", "has no name", REMAKE;
    BAD_TAG_NAME Warn "bad-tag-name", "has a name that could not be a ref", KEPT;
    MISSING_TAGGER Warn "missing-tagger-entry", "has no tagger, as tags of old git", KEPT;

    // .gitmodules, attributes, symbolic links, sizes.
    GITMODULES_LARGE Refuse "gitmodules-large", "is a .gitmodules of more than 4 MiB", MODULES;
    GITMODULES_PARSE Warn "gitmodules-parse", "is a .gitmodules that git cannot read to its end", KEPT;
    GITMODULES_NAME Refuse "gitmodules-name", "is a .gitmodules with a submodule name that leads out of .git/modules", MODULES;
    GITMODULES_CONTROL Refuse "gitmodules-control", "is a .gitmodules with a control character in a name, path or URL", MODULES;
    GITMODULES_PATH Refuse "gitmodules-path", "is a .gitmodules with a path that is an option, or leads out of the checkout or into .git", MODULES;
    GITMODULES_UPDATE Refuse "gitmodules-update", "is a .gitmodules with a command to run at an update", MODULES;
    GITMODULES_URL Refuse "gitmodules-url", "is a .gitmodules with a URL that is an option, hides a line break, or names no host", MODULES;
    GITMODULES_TRANSPORT Refuse "gitmodules-transport", "is a .gitmodules with a URL that starts a program (ext::, fd:: and the like)", MODULES;
    ATTRIBUTES_LINE Refuse "gitattributes-line-length", "is a .gitattributes with a line of more than 2,048 bytes, which overflows older git", REWRITE;
    ATTRIBUTES_LARGE Refuse "gitattributes-large", "is a .gitattributes of more than 100 MiB", REWRITE;
    LINK_ABSOLUTE Warn "symlink-absolute", "is a symbolic link to an absolute path", KEPT;
    LINK_CLIMBS Warn "symlink-climbs", "is a symbolic link that may lead out of the checkout", KEPT;
    LINK_INTO_GIT Warn "symlink-into-git", "is a symbolic link into a git folder", KEPT;
    LINK_NUL Warn "symlink-nul", "is a symbolic link with a NUL in its target", KEPT;
    LINK_LONG Warn "symlink-long", "is a symbolic link with a target that no system can hold", KEPT;
    LARGE_BLOB Warn "large-blob", "is larger than 100 MiB, which GitHub refuses", "keep it with git-lfs if it is to reach GitHub";
    TOO_LARGE Refuse "object-too-large", "is too large to be judged", "split it into smaller ones";
    TREE_BUDGET Refuse "tree-budget", "unfolds into more paths than any checkout holds", "keep fewer copies of the same folders in each other";
    TREE_DEPTH Refuse "tree-depth", "nests folders deeper than git allows (2,048)", "nest fewer folders";

    // Ref names.
    BAD_REF_NAME Refuse "bad-ref-name", "is not a name that git takes for a ref", "choose another name";
    REF_TOO_LONG Refuse "ref-too-long", "is longer than 4,096 bytes", "choose a shorter name";
    REF_LONG Warn "ref-long", "is longer than GitHub and most file systems allow (255 bytes)", "choose a shorter name";
    REF_DASH Warn "ref-leading-dash", "has a part that programs may take for an option", "choose another name";
    REF_LIKE_OID Warn "ref-like-oid", "looks like an oid, which GitHub refuses and git confuses with it", "choose another name";
    REF_LIKE_REF Warn "ref-like-ref", "looks like HEAD or like another full ref name", "choose another name";
    REF_BIDI Warn "ref-bidirectional-control", "has characters that turn the writing direction, so it shows as another one", "choose another name";
    REF_NOT_UTF8 Warn "ref-not-utf8", "is not UTF-8; hosts with an API only may not be able to name it", "choose another name";
    REF_CONTROL Warn "ref-control-character", "has a control character", "choose another name";
    REF_WINDOWS Warn "ref-windows-name", "has a part that Windows cannot hold as a file name", "choose another name";
}

/// The finding for an object whose declared size is over what its reader takes; it must not be read.
pub fn too_large() -> Finding {
    TOO_LARGE.broken(None)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn rule_ids_are_unlike_and_plain() {
        let ids: HashSet<_> = super::ALL.iter().map(|r| r.id).collect();
        assert_eq!(ids.len(), super::ALL.len());
        assert!(
            ids.iter()
                .all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
    }
}
