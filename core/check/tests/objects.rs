//! Every object of the table is judged as the table says.

#![allow(clippy::unwrap_used)]

#[path = "cases/objects.rs"]
mod objects;

use coregit_check::{Entries, Finding, Kind, Severity, dot_file};
use coregit_model::{ObjectFormat, Oid};
use objects::{Make, OBJECTS, Outcome, To};

fn oid(byte: u8, format: ObjectFormat) -> Oid {
    Oid::from_bytes(&vec![byte; format.byte_len()]).unwrap()
}

fn entry(mode: &str, name: &[u8], oid: Oid) -> Vec<u8> {
    [mode.as_bytes(), b" ", name, b"\0", oid.as_bytes()].concat()
}

/// The findings of the object, and of what it holds, as a hook would put them together.
fn judge(make: Make, format: ObjectFormat) -> Vec<Finding> {
    match make {
        Make::Tree(entries) => {
            let to = |to: &To| if matches!(to, To::Null) { Oid::zero(format) } else { oid(7, format) };
            let raw: Vec<u8> = entries.iter().flat_map(|(m, n, t)| entry(m, n, to(t))).collect();
            let mut found = coregit_check::tree(&raw, format);
            for ((_, _, to), entry) in entries.iter().zip(Entries::of(&raw, format)) {
                found.extend(content(to, entry.unwrap().name, entry.unwrap().kind()));
            }
            found
        }
        Make::LongName(len) => {
            coregit_check::tree(&entry("100644", &vec![b'n'; len], oid(7, format)), format)
        }
        Make::LongLink(len) => coregit_check::symlink(&vec![b't'; len]),
        Make::Deep(depth) => coregit_check::budget(1, depth as u32).into_iter().collect(),
        Make::Commit(text) => coregit_check::commit(&filled(text, format)),
        Make::Tag(text) => coregit_check::tag(&filled(text, format)),
    }
}

fn content(to: &To, name: &[u8], kind: Kind) -> Vec<Finding> {
    match (to, kind, dot_file(name)) {
        (To::Holds(raw), Kind::Symlink, _) => coregit_check::symlink(raw),
        (To::Holds(raw), _, Some(coregit_check::DotFile::Gitmodules)) => coregit_check::gitmodules(raw),
        (To::Holds(raw), _, Some(coregit_check::DotFile::Gitattributes)) => coregit_check::gitattributes(raw),
        _ => Vec::new(),
    }
}

fn filled(text: &[u8], format: ObjectFormat) -> Vec<u8> {
    let hex = oid(7, format).to_string();
    let mut out = text.to_vec();
    for word in ["{tree}", "{parent}", "{commit}"] {
        while let Some(at) = out.windows(word.len()).position(|w| w == word.as_bytes()) {
            out.splice(at..at + word.len(), hex.bytes());
        }
    }
    out
}

#[test]
fn every_object_is_judged_as_the_table_says() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        for case in OBJECTS {
            let found = judge(case.make, format);
            let of = |rule| found.iter().find(|f| f.rule == rule).map(|f| f.severity);
            let refused = coregit_check::refuses(&found);
            match case.outcome {
                Outcome::GitRefuses => {}
                Outcome::Refused(rule) => {
                    assert_eq!(of(rule), Some(Severity::Refuse), "{}: {found:?}", case.id)
                }
                Outcome::Told(rule) => {
                    assert_eq!(of(rule), Some(Severity::Warn), "{}: {found:?}", case.id);
                    assert!(!refused, "{}: {found:?}", case.id);
                }
                Outcome::Passes => assert_eq!(found, [], "{}", case.id),
            }
        }
    }
}

#[test]
fn a_tree_of_another_object_format_or_cut_short_is_malformed() {
    let raw = entry("100644", b"a", oid(7, ObjectFormat::Sha1));
    assert_eq!(coregit_check::tree(&raw, ObjectFormat::Sha1), []);
    assert!(coregit_check::refuses(&coregit_check::tree(&raw, ObjectFormat::Sha256)));
    for end in 1..raw.len() {
        assert_eq!(coregit_check::tree(&raw[..end], ObjectFormat::Sha1)[0].rule, "bad-tree", "{end}");
    }
    for mode in ["", "x", "10064x", "99", "100644100644", "-1", " 100644"] {
        let raw = entry(mode, b"a", oid(7, ObjectFormat::Sha1));
        assert!(coregit_check::refuses(&coregit_check::tree(&raw, ObjectFormat::Sha1)), "{mode:?}");
    }
}

#[test]
fn a_rule_broken_a_thousand_times_is_one_finding() {
    let raw: Vec<u8> = (0..1000)
        .flat_map(|n| entry("100644", format!("CON.{n:04}").as_bytes(), oid(7, ObjectFormat::Sha1)))
        .collect();
    let found = coregit_check::tree(&raw, ObjectFormat::Sha1);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].times, found[0].path.as_deref()), (1000, Some("CON.0000")));
}

#[test]
fn what_everybody_has_passes_in_silence() {
    for (mode, name) in [
        ("100644", "README.md"),
        ("100755", "a b"),
        ("40000", "été"),
        ("120000", "link"),
        ("160000", "sub"),
        ("100644", ".gitignore"),
        ("100644", ".gitattributes"),
        ("100644", ".gitmodules"),
        ("40000", ".github"),
        ("100644", "dev-disk-by\\x2dlabel"),
        ("100644", "日本語"),
        ("100644", "a:b"),
        ("100644", "می\u{200c}خواهم"),
    ] {
        let raw = entry(mode, name.as_bytes(), oid(7, ObjectFormat::Sha1));
        assert_eq!(coregit_check::tree(&raw, ObjectFormat::Sha1), [], "{name}");
    }
    let modules = b"\xef\xbb\xbf# c\r\n[Submodule \"a/b c\"]\r\n\tpath = a/b c ; d\r\n\turl = \"../x.git\"\r\n[submodule \"d\"] path = d\n url = git@h:x\n update = merge\n[submodule]\n x\n[submodule.Old]\npath = o\n";
    assert_eq!(coregit_check::gitmodules(modules), []);
    assert_eq!(coregit_check::symlink(b"../lib/x.so"), []);
    assert_eq!(coregit_check::gitattributes(b"* text=auto\n*.png -text\n"), []);
}

#[test]
fn a_value_is_read_as_git_reads_it() {
    for (text, rule) in [
        ("[submodule \"a\"]\npath = \"-\"x", "gitmodules-path"),
        ("[submodule \"a\"]\npath = \\\n -x", "gitmodules-path"),
        ("[submodule \"a\"]\npath = x \\\"\\n", "gitmodules-control"),
        ("[submodule \"a\"]\nPATH=-x # y", "gitmodules-path"),
        ("[submodule \"..\\/x\"]\npath=a", "gitmodules-name"),
        ("[submodule \"a\\\\..\\\\b\"]\npath=a", "gitmodules-name"),
        ("[submodule \"\"]\npath=a", "gitmodules-name"),
        ("[submodule.a.b \"..\"]\npath=-x", "gitmodules-path"),
        ("[submodule \"a\"] ; c\n# c\n  url = e\"xt:\":sh", "gitmodules-transport"),
        ("[submodule \"a\"]\nurl = ./a\npath = ../b", "gitmodules-path"),
        ("[submodule \"a\"]\npath = b/.GIT/hooks", "gitmodules-path"),
        ("[submodule \"a\"]\nurl = x\n<<<<<<< HEAD\n", "gitmodules-parse"),
        ("[submodule \"a\"]\nurl = \"x\n", "gitmodules-parse"),
    ] {
        let found = coregit_check::gitmodules(text.as_bytes());
        assert!(found.iter().any(|f| f.rule == rule), "{text:?}: {found:?}");
    }
    assert_eq!(
        coregit_check::gitmodules(b"[submodule \"a\"]\npath = a # \\x -\n[other \"..\"]\npath = -x\n"),
        []
    );
}
