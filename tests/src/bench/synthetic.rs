//! Repositories made to measure: trees and histories of a chosen size, the same at every run.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::stage::Stage;

/// Words that texts are made of.
const WORDS: [&str; 16] = [
    "let", "match", "return", "value", "index", "report", "commit", "branch", "remote", "object", "between",
    "unless", "parse", "write", "finish", "result",
];

/// A source of numbers that is the same at every run (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    /// A line of text of six to twelve words, with its newline.
    pub fn line(&mut self) -> String {
        let words: Vec<_> = (0..6 + self.below(7)).map(|_| WORDS[self.below(WORDS.len())]).collect();
        format!("{} {}\n", words.join(" "), self.below(1_000_000))
    }

    /// Text of about so many bytes, never more.
    pub fn text(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes);
        loop {
            let line = self.line();
            if text.len() + line.len() > bytes {
                return text;
            }
            text.push_str(&line);
        }
    }

    /// Bytes that no compression makes smaller.
    pub fn noise(&mut self, bytes: usize) -> Vec<u8> {
        (0..bytes.div_ceil(4)).flat_map(|_| (self.below(1 << 32) as u32).to_le_bytes()).take(bytes).collect()
    }
}

/// The path of the n-th file: ten to a folder, folders three deep, as source trees are.
pub fn path(n: usize) -> String {
    format!("src{}/mod{}/part{}/file{}.txt", n / 5_000, n / 250 % 20, n / 10 % 25, n % 10)
}

/// Writes commits into a repository through `git fast-import`.
pub struct Import<'a> {
    to: BufWriter<std::process::ChildStdin>,
    child: std::process::Child,
    stage: &'a Stage,
    dir: &'a Path,
    when: u64,
    /// Whether the next commit must say that it stands on what `main` is.
    onto: bool,
}

impl<'a> Import<'a> {
    /// Starts an import into a bare repository.
    pub fn into(stage: &'a Stage, dir: &'a Path) -> Self {
        let mut command: Command = stage.program("git");
        command.arg("--git-dir").arg(dir).args(["fast-import", "--quiet", "--force"]);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("git is installed");
        let to = BufWriter::new(child.stdin.take().expect("it was piped"));
        let head = stage.git(dir, &["log", "-1", "--format=%ct", "refs/heads/main"]);
        let (when, onto) = (head.out.trim().parse().unwrap_or(1_700_000_000), head.code == 0);
        Self { to, child, stage, dir, when, onto }
    }

    /// Adds a commit to `main`.
    pub fn commit(&mut self, message: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
        self.when += 60;
        let who = format!("Ada <ada@example.com> {} +0000", self.when);
        let mut text =
            format!("commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {}\n", message.len());
        text += message;
        text.push('\n');
        if std::mem::take(&mut self.onto) {
            text += "from refs/heads/main^0\n";
        }
        self.put(text.as_bytes());
        for (path, content) in files {
            self.put(format!("M 100644 inline {path}\ndata {}\n", content.len()).as_bytes());
            self.put(&content);
            self.put(b"\n");
        }
    }

    /// Adds an annotated tag at what `main` is now.
    pub fn tag(&mut self, name: &str) {
        let who = format!("Ada <ada@example.com> {} +0000", self.when);
        self.put(format!("tag {name}\nfrom refs/heads/main\ntagger {who}\ndata 4\ntag\n").as_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        self.to.write_all(bytes).expect("git fast-import reads");
    }

    /// Ends the import and returns where `main` stands.
    pub fn finish(self) -> String {
        let Self { to, mut child, stage, dir, .. } = self;
        drop(to);
        assert!(child.wait().expect("a child of ours can be waited for").success(), "git fast-import failed");
        stage.git(dir, &["rev-parse", "refs/heads/main"]).ok().out.trim().to_owned()
    }
}

/// One commit of these files on `main` of a bare repository; returns it.
pub fn commit(stage: &Stage, dir: &Path, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> String {
    let mut import = Import::into(stage, dir);
    import.commit("Change files\n", files);
    import.finish()
}

/// The first `n` files, with texts of at most `bytes`.
pub fn files(n: usize, bytes: usize, seed: u64) -> impl Iterator<Item = (String, Vec<u8>)> {
    let mut dice = Dice(seed);
    (0..n).map(move |n| (path(n), dice.text(bytes).into_bytes()))
}

/// Commits that each change a line or two of one file, oldest first; `main` stands at the last.
pub fn small_commits(stage: &Stage, dir: &Path, count: usize) -> Vec<String> {
    let mut import = Import::into(stage, dir);
    let mut dice = Dice(count as u64);
    for n in 0..count {
        let file = (path(dice.below(200)), dice.text(4_000).into_bytes());
        import.commit(&format!("Change number {n}\n"), [file]);
    }
    import.finish();
    let range = format!("-{count}");
    let said = stage.git(dir, &["rev-list", "--reverse", &range, "refs/heads/main"]).ok();
    said.out.lines().map(str::to_owned).collect()
}

/// A history of about so many objects, five to a commit: the commit, three trees, the file. Files live on and
/// change by lines; every 500th commit is tagged. Packed as a server packs.
pub fn history(stage: &Stage, dir: &Path, objects: usize) {
    let first = (objects / 60).max(20);
    let mut dice = Dice(objects as u64);
    let mut texts: Vec<Vec<String>> = (0..first).map(|_| (0..40).map(|_| dice.line()).collect()).collect();
    let place = |n: usize| format!("src{}/mod{}/file{}.txt", n / 400, n / 20 % 20, n % 20);
    let mut import = Import::into(stage, dir);
    let all = texts.iter().enumerate().map(|(n, lines)| (place(n), lines.concat().into_bytes()));
    import.commit("Begin\n", all.collect::<Vec<_>>());
    for n in 0..(objects - first - first / 20) / 5 {
        let which = dice.below(first);
        let at = dice.below(40);
        texts[which][at] = dice.line();
        import.commit(&format!("Change number {n}\n"), [(place(which), texts[which].concat().into_bytes())]);
        if n % 500 == 499 {
            import.tag(&format!("v{}", n / 500));
        }
    }
    import.finish();
    stage.git(dir, &["repack", "-adq", "--window=10"]).ok();
}
