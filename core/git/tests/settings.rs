//! Settings of a repository are set by git and taken back; hooks are where git looks for them.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod support;

use coregit_git::{config_value, hooks_path, set_config_value};
use support::*;

#[test]
fn settings_go_in_and_out_and_the_file_is_what_it_was() {
    let dir = Dir::new();
    let repo = dir.bare("a b.git");
    let file = repo.path().join("config");
    std::fs::write(&file, [&std::fs::read(&file).unwrap()[..], b"# mine\n[x \"y\"]\n\tz = 1\n"].concat())
        .unwrap();
    let before = std::fs::read(&file).unwrap();
    assert_eq!(config_value(repo.path(), "receive.fsckObjects").unwrap(), None);
    for (key, value) in [("receive.fsckObjects", "true"), ("core.fsync", "committed,loose-object")] {
        set_config_value(repo.path(), key, Some(value)).unwrap();
        assert_eq!(config_value(repo.path(), key).unwrap().as_deref(), Some(value));
    }
    for key in ["receive.fsckObjects", "core.fsync", "receive.never"] {
        set_config_value(repo.path(), key, None).unwrap();
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn odd_values_stay_one_value_and_odd_keys_are_refused() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    let odd = "a\r\n[core]\n\tsshCommand = touch x # ; \"\\";
    set_config_value(repo.path(), "x.y", Some(odd)).unwrap();
    assert_eq!(config_value(repo.path(), "x.y").unwrap().as_deref(), Some(odd));
    assert_eq!(config_value(repo.path(), "core.sshCommand").unwrap(), None);
    set_config_value(repo.path(), "x.y", Some("--unset")).unwrap();
    assert_eq!(config_value(repo.path(), "x.y").unwrap().as_deref(), Some("--unset"));
    for key in ["", "x", "--file=/etc/passwd", "x.y\nz", "x.1_"] {
        assert!(set_config_value(repo.path(), key, Some("1")).is_err(), "{key:?}");
    }
}

#[test]
fn hooks_are_where_core_hookspath_says() {
    let dir = Dir::new();
    let repo = dir.bare("a.git");
    assert_eq!(hooks_path(repo.path()).unwrap(), repo.path().join("hooks"));
    for (value, expected) in [("/srv/hooks", "/srv/hooks".into()), ("my hooks", repo.path().join("my hooks"))]
    {
        set_config_value(repo.path(), "core.hooksPath", Some(value)).unwrap();
        assert_eq!(hooks_path(repo.path()).unwrap(), expected);
    }
}
