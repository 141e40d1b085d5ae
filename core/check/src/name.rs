//! What file systems make of a name: HFS+ ignores code points, NTFS has short names, streams and
//! trailing dots, most fold case, some normalise accents.
//!
//! Sources: Apple TN1150 (case-insensitive comparison of HFS+), Microsoft "Naming Files, Paths, and
//! Namespaces", and the behaviour of `git fsck`.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// A file that git reads from a tree for its own use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DotFile {
    /// `.gitmodules`: URLs and paths of submodules.
    Gitmodules,
    /// `.gitattributes`.
    Gitattributes,
    /// `.gitignore`.
    Gitignore,
    /// `.mailmap`.
    Mailmap,
}

/// The file, its name, the six characters of its NTFS short name, and the six of the short name that
/// NTFS falls back to (a checksum of the long one).
const DOT_FILES: [(DotFile, &str, &str, &str); 4] = [
    (DotFile::Gitmodules, ".gitmodules", "gitmod", "gi7eba"),
    (DotFile::Gitattributes, ".gitattributes", "gitatt", "gi7d29"),
    (DotFile::Gitignore, ".gitignore", "gitign", "gi250a"),
    (DotFile::Mailmap, ".mailmap", "mailma", "maba30"),
];

/// Which of git's own files some file system takes this name for.
pub fn dot_file(name: &[u8]) -> Option<DotFile> {
    if !may_be_special(name) {
        return None;
    }
    let (hfs, ntfs) = (hfs_form(name), ntfs_form(name));
    let found = DOT_FILES.iter().find(|(_, long, short, fallback)| {
        [&*hfs, &*ntfs].contains(&long.as_bytes())
            || is_short_name(&ntfs, short)
            || is_fallback(&ntfs, fallback)
    });
    found.map(|(file, ..)| *file)
}

/// Whether some file system takes this name for `.git`.
pub(crate) fn is_dotgit(name: &[u8]) -> bool {
    if !may_be_special(name) {
        return false;
    }
    let ntfs = ntfs_form(name);
    let numbered =
        ntfs.strip_prefix(b"git~").is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit));
    numbered || &*ntfs == b".git" || &*hfs_form(name) == b".git"
}

/// A cheap first look: most names cannot be any of git's own.
fn may_be_special(name: &[u8]) -> bool {
    name.first().is_some_and(|b| b".gGmM~".contains(b) || !b.is_ascii())
}

/// The name as HFS+ compares it: without the code points that it ignores, in lower case.
fn hfs_form(name: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(name) {
        Ok(text) if !name.is_ascii() => {
            let kept: String = text.chars().filter(|c| !is_ignored_by_hfs(*c)).collect();
            Cow::Owned(kept.to_ascii_lowercase().into_bytes())
        }
        _ => lower(name),
    }
}

fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// The name as NTFS finds it: without a stream, trailing dots and spaces, in lower case.
fn ntfs_form(name: &[u8]) -> Cow<'_, [u8]> {
    let file = name.split(|b| *b == b':').next().unwrap_or_default();
    let end = file.iter().rposition(|b| !b" .".contains(b)).map_or(0, |at| at + 1);
    lower(&file[..end])
}

fn lower(name: &[u8]) -> Cow<'_, [u8]> {
    match name.iter().any(u8::is_ascii_uppercase) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

/// `gitmod~1` to `gitmod~4`.
fn is_short_name(name: &[u8], short: &str) -> bool {
    matches!(name.strip_prefix(short.as_bytes()), Some([b'~', b'1'..=b'4']))
}

/// `gi7eba~1`, `gi7eb~10` … : as many of the six characters as the number leaves room for in eight.
fn is_fallback(name: &[u8], fallback: &str) -> bool {
    let Some(tilde) = name.iter().position(|b| *b == b'~') else { return false };
    let (head, number) = (&name[..tilde], &name[tilde + 1..]);
    name.len() == 8
        && fallback.as_bytes().starts_with(head)
        && number.iter().all(u8::is_ascii_digit)
        && number.first().is_some_and(|b| *b != b'0')
}

/// Whether Windows reserves this name or cannot hold it.
pub(crate) fn is_windows_trouble(name: &[u8]) -> bool {
    if name.ends_with(b".") || name.ends_with(b" ") {
        return true;
    }
    let stem = name.split(|b| b".:".contains(b)).next().unwrap_or_default();
    let stem = stem.trim_ascii_end().to_ascii_lowercase();
    let device: [&[u8]; 6] = [b"con", b"prn", b"aux", b"nul", b"conin$", b"conout$"];
    let numbered = matches!(&stem[..], [b'c', b'o', b'm', b'0'..=b'9'] | [b'l', b'p', b't', b'0'..=b'9']);
    numbered || device.contains(&&stem[..])
}

/// Whether the text has a C0 or C1 control character or DEL.
pub(crate) fn has_control(name: &[u8]) -> bool {
    let c1 = || name.windows(2).any(|w| w[0] == 0xc2 && (0x80..0xa0).contains(&w[1]));
    name.iter().any(u8::is_ascii_control) || (!name.is_ascii() && c1())
}

/// Whether the text has characters that turn the writing direction.
pub(crate) fn has_bidi(name: &[u8]) -> bool {
    let marks = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}');
    let turns = |c| marks(c) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !name.is_ascii() && name.utf8_chunks().any(|chunk| chunk.valid().chars().any(turns))
}

/// What names that some file system cannot tell apart have in common: case folded, accents taken
/// apart, ignored code points gone.
pub(crate) fn folded(name: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(name) {
        Ok(text) if !name.is_ascii() => {
            let kept = text.chars().filter(|c| !is_ignored_by_hfs(*c));
            let folded: String = kept.nfd().flat_map(char::to_lowercase).collect();
            Cow::Owned(folded.into_bytes())
        }
        _ => lower(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const DOTGIT: &[&str] = &[
        ".git", ".GIT", ".Git", ".g\u{200c}it", ".git\u{200c}", "\u{feff}.GIT", ".gi\u{202e}t",
        "git~1", "GIT~2", "git~10", ".git ", ".git.", ".git. . ", ".git::$INDEX_ALLOCATION", ".git:x",
        "git~1 .:y",
    ];

    #[test]
    fn every_spelling_of_dotgit_is_known() {
        for name in DOTGIT {
            assert!(is_dotgit(name.as_bytes()), "{name:?}");
        }
        for name in [
            "git",
            ".gitx",
            ".gitignore",
            "git~",
            "git~a",
            "git~1x",
            "agit~1",
            ".g it",
            ".gít",
            "",
            ".",
            "..",
            "~",
            "é",
        ] {
            assert!(!is_dotgit(name.as_bytes()), "{name:?}");
        }
    }

    #[rustfmt::skip]
    const MODULES: &[&str] = &[
        ".gitmodules", ".GitModules", ".gitmod\u{200d}ules", ".gitmodules .", "GITMOD~1", "gitmod~4",
        "gi7eba~1", "GI7EB~10", "~1000000",
    ];

    #[test]
    fn short_names_of_gits_own_files_are_known() {
        for name in MODULES {
            assert_eq!(dot_file(name.as_bytes()), Some(DotFile::Gitmodules), "{name:?}");
        }
        for name in [
            "gitmod~5",
            "gitmod~0",
            "gi7eba~0",
            "gi7ebb~1",
            "gi7e~1",
            "gitmodules",
            ".gitmodule",
            "gitmod~1x",
        ] {
            assert_eq!(dot_file(name.as_bytes()), None, "{name:?}");
        }
        assert_eq!(dot_file(b".gitattributes"), Some(DotFile::Gitattributes));
        assert_eq!(dot_file(b"GITIGN~1"), Some(DotFile::Gitignore));
        assert_eq!(dot_file(b"maba30~1"), Some(DotFile::Mailmap));
    }

    #[test]
    fn windows_reserves_devices_with_any_extension() {
        for name in ["CON", "aux.txt", "nul ", "COM1", "lpt9.tar.gz", "a.", "a ", "con:x", "prn .txt"] {
            assert!(is_windows_trouble(name.as_bytes()), "{name:?}");
        }
        for name in ["console", "com", "com10", "a.con", "con\u{301}", "lpt"] {
            assert!(!is_windows_trouble(name.as_bytes()), "{name:?}");
        }
    }

    #[test]
    fn case_and_accents_fold() {
        assert_eq!(folded("É.txt".as_bytes()), folded("e\u{301}.TXT".as_bytes()));
        assert_eq!(folded(b"Main"), folded(b"main"));
        assert_ne!(folded(b"\xff"), folded(b"\xfe"));
    }
}
