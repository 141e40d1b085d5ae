//! The hostile and odd objects that were tried on stock git, one row each: how to make it, and what
//! becomes of it. Used here on raw bytes, and by the hooks' tests in real pushes.

/// What an entry of a tree points at.
#[derive(Clone, Copy, Debug)]
pub enum To {
    /// A blob.
    File,
    /// A blob of these bytes.
    Holds(&'static [u8]),
    /// A tree with one file.
    Folder,
    /// A commit that exists nowhere.
    NoCommit,
    /// The all-zero oid.
    Null,
    /// A blob that exists nowhere.
    Missing,
}

/// How the object of a row is made.
#[derive(Clone, Copy, Debug)]
pub enum Make {
    /// A tree of these entries: mode, name, what it points at.
    Tree(&'static [(&'static str, &'static [u8], To)]),
    /// A tree with one file that has a name of this many bytes.
    LongName(usize),
    /// A tree with one symbolic link with a target of this many bytes.
    LongLink(usize),
    /// Folders in each other.
    Deep(usize),
    /// A commit; `{tree}` and `{parent}` stand for oids of a good tree and commit.
    Commit(&'static [u8]),
    /// A tag; `{commit}` stands for the oid of a good commit.
    Tag(&'static [u8]),
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// git itself refuses it, whatever its configuration; the rules may, too.
    GitRefuses,
    /// It is refused by this rule.
    Refused(&'static str),
    /// It passes, and this rule tells of it.
    Told(&'static str),
    /// It passes.
    Passes,
}
use Make::*;
use Outcome::*;
use To::*;

/// One row.
pub struct Case {
    /// Its number in the list of bad inputs.
    pub id: &'static str,
    /// How to make it.
    pub make: Make,
    /// What becomes of it.
    pub outcome: Outcome,
}

macro_rules! cases {
    ($($id:literal $make:expr => $outcome:expr;)+) => {
        /// All rows.
        pub static OBJECTS: &[Case] = &[$(Case { id: $id, make: $make, outcome: $outcome }),+];
    };
}

const FILE: &str = "100644";
const LINK: &str = "120000";
const TREE: &str = "40000";

cases! {
    "O01" Tree(&[(TREE, b".git", Folder)]) => Refused("has-dotgit");
    "O02" Tree(&[(TREE, b".GIT", Folder)]) => Refused("has-dotgit");
    "O03" Tree(&[(TREE, b".Git", Folder)]) => Refused("has-dotgit");
    "O04" Tree(&[(TREE, ".g\u{200c}it".as_bytes(), Folder)]) => Refused("has-dotgit");
    "O05" Tree(&[(TREE, ".git\u{200c}".as_bytes(), Folder)]) => Refused("has-dotgit");
    "O06" Tree(&[(TREE, b"git~1", Folder)]) => Refused("has-dotgit");
    "O07" Tree(&[(TREE, b"GIT~2", Folder)]) => Refused("has-dotgit");
    "O08" Tree(&[(TREE, b".git ", Folder)]) => Refused("has-dotgit");
    "O09" Tree(&[(TREE, b".git.", Folder)]) => Refused("has-dotgit");
    "O10" Tree(&[(TREE, b".git::$INDEX_ALLOCATION", Folder)]) => Refused("has-dotgit");
    "O11" Tree(&[(FILE, b".git\\config", File)]) => Refused("has-dotgit");
    "O12" Tree(&[(FILE, b"a\\..\\..\\x", File)]) => Refused("backslash-traversal");
    "O13" Tree(&[(TREE, b"..", Folder)]) => Refused("has-dotdot");
    "O14" Tree(&[(TREE, b".", Folder)]) => Refused("has-dot");
    "O15" Tree(&[(FILE, b"", File)]) => GitRefuses;
    "O16" Tree(&[(FILE, b"a/../../x", File)]) => Refused("full-pathname");
    "O17" Tree(&[(FILE, b"/etc/x", File)]) => Refused("full-pathname");
    "O18" Tree(&[(LINK, b"A", Holds(b".git/hooks")), (TREE, b"a", Folder)]) => Told("case-twins");
    "O19" Tree(&[(FILE, b"a", File), (FILE, b"a", Holds(b"other"))]) => Refused("duplicate-entries");
    "O20" Tree(&[(LINK, b"a", Holds(b"x")), (TREE, b"a", Folder)]) => Refused("duplicate-entries");
    "O20b" Tree(&[(FILE, b"a", File), (FILE, b"a.b", File), (TREE, b"a", Folder)]) => Refused("duplicate-entries");
    "O21" Tree(&[(FILE, b"b", File), (FILE, b"a", File)]) => Refused("tree-not-sorted");
    "O22" Tree(&[("0100644", b"a", File)]) => Told("zero-padded-filemode");
    "O23" Tree(&[("100666", b"a", File)]) => Told("bad-filemode");
    "O24" Tree(&[("160000", b"a", NoCommit)]) => Passes;
    "O25" Tree(&[(FILE, b"a", Null)]) => GitRefuses;
    "O26" Tree(&[(FILE, b"a", Missing)]) => GitRefuses;
    "O27" Tree(&[(TREE, b"a", File)]) => GitRefuses;
    "O28" Tree(&[(LINK, b"a", Holds(b"/etc/passwd"))]) => Told("symlink-absolute");
    "O29" Tree(&[(LINK, b"a", Holds(b"../../../x"))]) => Told("symlink-climbs");
    "O30" Tree(&[(LINK, b"a", Holds(b".git/config"))]) => Told("symlink-into-git");
    "O31" Tree(&[(LINK, b"a", Holds(b"a\0b"))]) => Told("symlink-nul");
    "O32" LongLink(5000) => Told("symlink-long");
    "O33" Tree(&[(LINK, b".gitmodules", Holds(b"x"))]) => Refused("gitmodules-symlink");
    "O34" Tree(&[(LINK, b".gitattributes", Holds(b"x"))]) => Told("dotfile-symlink");
    "O35" Tree(&[(LINK, b".gitignore", Holds(b"x"))]) => Told("dotfile-symlink");
    "O36" Tree(&[(FILE, b".gitmodules", Holds(b"[submodule \"a\"]\n\tpath = a\n\turl = -u./p\n"))]) => Refused("gitmodules-url");
    "O37" Tree(&[(FILE, b".gitmodules", Holds(b"[submodule \"a\"]\n\tpath = a\n\turl = https://one.example/?%0ahost=two.example/r.git\n"))]) => Refused("gitmodules-url");
    "O38" Tree(&[(FILE, b".gitmodules", Holds(b"[submodule \"../../x\"]\n\tpath = a\n\turl = ./a\n"))]) => Refused("gitmodules-name");
    "O39" Tree(&[(FILE, b".gitmodules", Holds(b"[submodule \"a\"]\n\tpath = -x\n\turl = ./a\n"))]) => Refused("gitmodules-path");
    "O40" Tree(&[(FILE, b".gitmodules", Holds(b"[submodule \"a\"]\n\tpath = a\n\turl = ./a\n\tupdate = !cmd\n"))]) => Refused("gitmodules-update");
    "O41" Tree(&[(FILE, b".gitmodules", Holds(b"[submodule \"a\"]\n\tpath = \"a\r\"\n\turl = ./a\n"))]) => Refused("gitmodules-control");
    "O42" Tree(&[(FILE, b".gitmodules", Holds(b"[submodule \"a\"]\n\tpath = a\n\turl = ext::sh -c id\n"))]) => Refused("gitmodules-transport");
    "O43" Tree(&[(LINK, b"GITMOD~1", Holds(b"x"))]) => Refused("gitmodules-symlink");
    "O44" Tree(&[(FILE, b"a\x1b]0;x\x07", File)]) => Told("control-character");
    "O45" Tree(&[(FILE, b"a\nb", File)]) => Told("control-character");
    "O46" Tree(&[(FILE, b"a\r", File)]) => Told("control-character");
    "O47" Tree(&[(FILE, b"\xff\xfe", File)]) => Told("not-utf8");
    "O48" LongName(5000) => Told("long-name");
    "O49" LongName(300) => Told("long-name");
    "O50" Tree(&[(FILE, b"CON", File)]) => Told("windows-name");
    "O51" Tree(&[(FILE, b"aux.txt", File)]) => Told("windows-name");
    "O52" Tree(&[(FILE, b"--upload-pack=x", File)]) => Told("leading-dash");
    "O53" Tree(&[(FILE, "e\u{301}".as_bytes(), File), (FILE, "é".as_bytes(), File)]) => Told("case-twins");
    "O54" Tree(&[(FILE, "a\u{202e}txt.exe".as_bytes(), File)]) => Told("bidirectional-control");
    "O55" Tree(&[(FILE, b".gitattributes", Holds(&[b'x'; 3000]))]) => Refused("gitattributes-line-length");
    "O56" Deep(3000) => GitRefuses;
    "O57" Commit(b"tree {tree}\ncommitter C <c@x> 1 +0000\n\nm\n") => Refused("missing-author");
    "O58" Commit(b"tree {tree}\ntree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\nm\n") => Refused("misplaced-header");
    "O59" Commit(b"tree {tree}\nauthor A\0 <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\nm\n") => Refused("nul-in-header");
    "O60" Commit(b"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\nm\0n\n") => Refused("nul-in-commit");
    "O61" Commit(b"tree {tree}\nauthor A <a@x> 99999999999999999999 +0000\ncommitter C <c@x> 1 +0000\n\nm\n") => Refused("bad-date-overflow");
    "O62" Commit(b"tree {tree}\nauthor A <a@x> -1 +0000\ncommitter C <c@x> 1 +0000\n\nm\n") => Refused("bad-date");
    "O63" Commit(b"tree {tree}\nauthor A <a@x> 1 +99999\ncommitter C <c@x> 1 +0000\n\nm\n") => Told("bad-timezone");
    "O64" Commit(b"tree {tree}\nauthor A 1 +0000\ncommitter C <c@x> 1 +0000\n\nm\n") => Refused("missing-email");
    "O64b" Commit(b"tree {tree}\nauthor A<a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\nm\n") => Told("missing-space-before-email");
    "O65" Commit(b"tree {tree}\nauthor A <a@x> 1 +0000\nparent {parent}\ncommitter C <c@x> 1 +0000\n\nm\n") => Refused("missing-committer");
    "O65b" Commit(b"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\nparent {parent}\n\nm\n") => Refused("misplaced-header");
    "O66" Commit(b"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\n") => Passes;
    "O66b" Commit(b"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\nm") => Passes;
    "O67" Commit(b"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\n\xff\xfe\n") => Passes;
    "O68" Commit(b"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\nencoding latin1\n\n\xe9\n") => Passes;
    "O69" Commit(b"tree {tree}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\ngpgsig -----BEGIN\n x\n -----END\nx-unknown y\n\nm\n") => Passes;
    "O70" Commit(b"tree {tree}\nparent {parent}\nparent {parent}\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\nm\n") => Passes;
    "O73" Tag(b"object {commit}\ntype commit\ntag v\n\nm\n") => Told("missing-tagger-entry");
    "O74" Tag(b"object {commit}\ntype commit\ntag -x\ntagger T <t@x> 1 +0000\n\nm\n") => Passes;
    "O78" Tree(&[]) => Passes;
    "O81" Tree(&[(FILE, b":(top)x", File)]) => Told("pathspec-magic");
    "O82" Tree(&[(FILE, "con\u{301}".as_bytes(), File)]) => Passes;
}
