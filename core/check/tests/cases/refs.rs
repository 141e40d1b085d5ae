//! The ref names that were sent to stock git, one row each: whether git takes them, and what the rules
//! say of those.

/// One row.
pub struct Case {
    /// The name as it is sent.
    pub name: &'static [u8],
    /// Whether stock git takes it.
    pub git_takes: bool,
    /// The rule that speaks of it, `""` for none.
    pub rule: &'static str,
}

macro_rules! cases {
    ($($git:ident $name:expr => $rule:literal;)+) => {
        /// All rows.
        pub static REFS: &[Case] = &[$(Case { name: $name, git_takes: cases!(@ $git), rule: $rule }),+];
    };
    (@ yes) => { true };
    (@ no) => { false };
}

cases! {
    yes b"refs/heads/-x" => "ref-leading-dash";
    yes b"refs/heads/$(id)" => "";
    yes b"refs/heads/`id`" => "";
    yes b"refs/heads/;id" => "";
    yes b"refs/heads/a|b" => "";
    yes b"refs/heads/a&b" => "";
    yes b"refs/heads/@" => "ref-like-ref";
    yes b"refs/heads/HEAD" => "ref-like-ref";
    yes b"refs/heads/refs/heads/main" => "ref-like-ref";
    yes b"refs/heads/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" => "ref-like-oid";
    yes "refs/heads/a\u{202e}b".as_bytes() => "ref-bidirectional-control";
    yes b"refs/heads/\xff\xfe" => "ref-not-utf8";
    yes b"refs/heads/Main" => "";
    yes b"refs/heads/CON" => "ref-windows-name";
    yes b"refs/heads/aux.txt" => "ref-windows-name";
    yes b"refs/heads/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" => "";
    yes b"refs/heads/dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd/dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd/dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd/dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd/dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" => "ref-long";
    yes b"refs/pull/1/head" => "";
    yes b"refs/notes/commits" => "";
    yes b"refs/remotes/origin/main" => "";
    yes b"refs/keep-around/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" => "";
    yes b"refs/for/main" => "";
    yes b"refs/internal/x" => "";
    yes b"refs/coregit/journal" => "";
    yes b"refs/meta/config" => "";
    yes b"refs/worktree/x" => "";
    yes b"refs/bisect/bad" => "";
    yes b"refs/rewritten/x" => "";
    yes b"refs/heads/%2e%2e%2fx" => "";
    yes b"refs/tags/v1" => "";
    yes b"refs/replace/cccccccccccccccccccccccccccccccccccccccc" => "";
    no b"refs/heads/a b" => "bad-ref-name";
    no b"refs/heads/a..b" => "bad-ref-name";
    no b"refs/heads/a.lock" => "bad-ref-name";
    no b"refs/heads/a.lock/b" => "bad-ref-name";
    no b"refs/heads/a@{b" => "bad-ref-name";
    no b"refs/heads/a~b" => "bad-ref-name";
    no b"refs/heads/a^b" => "bad-ref-name";
    no b"refs/heads/a:b" => "bad-ref-name";
    no b"refs/heads/a?b" => "bad-ref-name";
    no b"refs/heads/a*b" => "bad-ref-name";
    no b"refs/heads/a[b" => "bad-ref-name";
    no b"refs/heads/a\\b" => "bad-ref-name";
    no b"refs/heads/a\tb" => "bad-ref-name";
    no b"refs/heads/a\rb" => "bad-ref-name";
    no b"refs/heads/a\x1bb" => "bad-ref-name";
    no b"refs/heads/a\x01b" => "bad-ref-name";
    no b"refs/heads/a\x7fb" => "bad-ref-name";
    no b"refs/heads/.a" => "bad-ref-name";
    no b"refs/heads/a/.b" => "bad-ref-name";
    no b"refs/heads/a//b" => "bad-ref-name";
    no b"refs/heads//a" => "bad-ref-name";
    no b"refs/heads/a/" => "bad-ref-name";
    no b"refs/heads/a." => "bad-ref-name";
    no b"refs/heads/" => "bad-ref-name";
    no b"HEAD" => "bad-ref-name";
    no b"FETCH_HEAD" => "bad-ref-name";
    no b"config" => "bad-ref-name";
    no b"main" => "bad-ref-name";
    no b"../x" => "bad-ref-name";
    no b"refs/../x" => "bad-ref-name";
    no b"refs/" => "bad-ref-name";
    no b"/refs/heads/a" => "bad-ref-name";
    no b"refs/stash" => "";
    no b"refs/heads/LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL" => "ref-long";
    yes "refs/heads/e\u{301}te\u{301}".as_bytes() => "";
    yes b"refs/heads/x.git" => "";
    yes b"refs/heads/x'\"y" => "";
    yes b"refs/heads/a=b,c" => "";
    yes b"refs/heads/#1" => "";
    yes b"refs/heads/--exec=touch" => "ref-leading-dash";
    yes "refs/heads/a\u{85}b".as_bytes() => "ref-control-character";
    yes b"refs/tags/a{b}" => "";
    yes b"refs/tags/a!b" => "";
    yes b"refs/heads/a@b" => "";
    no b"refs/heads/a/b.lock" => "bad-ref-name";
}
