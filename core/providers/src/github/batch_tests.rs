//! What calls entries become.

use super::*;

fn oid() -> Oid {
    "7f3b".repeat(10).parse().unwrap()
}

fn entry(path: &str, mode: u32, content: Content) -> TreeEntry {
    TreeEntry { path: path.into(), mode, content }
}

fn text(path: &str, raw: &[u8]) -> Line {
    Line::of(&entry(path, 0o100644, Content::Bytes(raw.to_vec(), oid()))).unwrap()
}

fn gone(path: &str) -> Line {
    Line::of(&entry(path, 0o100644, Content::Deleted)).unwrap()
}

#[test]
fn text_goes_along_and_everything_else_by_its_oid() {
    let sha = oid().to_string();
    let link = Line::of(&entry("l", 0o120000, Content::Bytes(b"../x".to_vec(), oid()))).unwrap();
    assert_eq!(link.json, r#"{"path":"l","mode":"120000","type":"blob","content":"../x"}"#);
    let binary = text("b", b"\xff");
    assert_eq!(binary.json, format!(r#"{{"path":"b","mode":"100644","type":"blob","sha":"{sha}"}}"#));
    let module = Line::of(&entry("m", 0o160000, Content::Known(oid()))).unwrap();
    assert_eq!(module.json, format!(r#"{{"path":"m","mode":"160000","type":"commit","sha":"{sha}"}}"#));
    assert_eq!(gone("d").json, r#"{"path":"d","mode":"100644","type":"blob","sha":null}"#);
    assert!(!text("z", b"a\0b").is_inline, "text with NUL is binary");
    assert!(text("e", b"").is_inline);
    assert!(!text("big", &vec![b'a'; LONGEST_INLINE + 1]).is_inline);
    assert!(!text("escapes", &vec![1; LONGEST_INLINE]).is_inline, "six times as long in JSON");
}

#[test]
fn modes_that_the_api_lacks_are_refused() {
    for mode in [0o100664, 0o040000, 0, 0o120001] {
        assert!(Line::of(&entry("x", mode, Content::Known(oid()))).is_err(), "{mode:o}");
        assert!(Line::of(&entry("x", mode, Content::Deleted)).is_ok(), "{mode:o}");
    }
}

#[test]
fn calls_hold_a_hundred_entries_and_a_megabyte_and_a_half() {
    let mut batches = Batches::new((0..250).map(|n| text(&format!("f{n}"), b"x")).collect());
    let mut calls = Vec::new();
    while let Some(lines) = batches.next() {
        calls.push(lines.len());
        batches.done();
    }
    assert_eq!(calls, [100, 100, 50]);
    let large = vec![b'a'; 400_000];
    let batches = Batches::new((0..10).map(|n| text(&format!("f{n}"), &large)).collect());
    assert_eq!(batches.next().unwrap().len(), 3);
    assert!(Line::body(Some(&oid()), batches.next().unwrap()).len() < MOST_BYTES + 100);
}

#[test]
fn calls_are_halved_down_to_one_entry() {
    let mut batches = Batches::new((0..10).map(|n| text(&format!("f{n}"), b"x")).collect());
    let mut sizes = vec![batches.next().unwrap().len()];
    while batches.halve() {
        sizes.push(batches.next().unwrap().len());
    }
    assert_eq!(sizes, [10, 5, 2, 1]);
}

#[test]
fn what_takes_the_place_of_something_comes_in_a_call_behind_the_deletions() {
    for (lines, expected) in [
        (vec![text("a/b", b""), gone("a"), text("c", b"")], vec![vec!["c", "a"], vec!["a/b"]]),
        (vec![text("a", b""), gone("a/b/c"), text("z", b"")], vec![vec!["z", "a/b/c"], vec!["a"]]),
        (vec![gone("x"), text("xy/z", b"")], vec![vec!["xy/z", "x"]]),
    ] {
        let mut batches = Batches::new(lines);
        let mut calls = Vec::new();
        while let Some(lines) = batches.next() {
            calls.push(lines.iter().map(|line| line.path.clone()).collect::<Vec<_>>());
            batches.done();
        }
        assert_eq!(calls, expected);
    }
}

#[test]
fn the_body_is_json_whatever_the_paths() {
    let odd = text("a\"\\\n/é", "\u{2028}\"\\".as_bytes());
    let body = Line::body(None, &[odd, gone("b")]);
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json["tree"][0]["path"], "a\"\\\n/é");
    assert!(json.get("base_tree").is_none());
    assert_eq!(json["tree"][1]["sha"], serde_json::Value::Null);
}
