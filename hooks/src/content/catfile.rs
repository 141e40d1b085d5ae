//! One `git cat-file --batch-command` for all that is not loose: questions go in batches, so that
//! neither side waits for the other with a full pipe.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use coregit_model::Oid;

use super::{Declared, ReadError};
use crate::child;

/// Most questions in one batch. git reads them all before it answers any.
pub(crate) const WINDOW: usize = 1000;

/// A running `git cat-file`.
pub(crate) struct CatFile {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl CatFile {
    /// Starts it for this repository and, where the environment names one, its quarantine.
    pub(crate) fn start(git_dir: &Path) -> Result<Self, ReadError> {
        let mut child = child::git(git_dir)
            .args(["cat-file", "--batch-command", "--buffer"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (questions, answers) = (child.stdin.take(), child.stdout.take());
        match (questions, answers) {
            (Some(questions), Some(answers)) => {
                Ok(Self { child, questions, answers: BufReader::with_capacity(64 * 1024, answers) })
            }
            _ => Err(ReadError::Malformed("git cat-file has no pipes")),
        }
    }

    fn ask(&mut self, command: &str, oids: &[Oid]) -> Result<(), ReadError> {
        let mut text: String = oids.iter().map(|oid| format!("{command} {oid}\n")).collect();
        text.push_str("flush\n");
        self.questions.write_all(text.as_bytes())?;
        Ok(self.questions.flush()?)
    }

    /// `<oid> SP <type> SP <size> LF`, or `<oid> SP missing LF`.
    fn declared(&mut self) -> Result<Option<Declared>, ReadError> {
        let mut line = Vec::new();
        if self.answers.read_until(b'\n', &mut line)? == 0 {
            return Err(ReadError::Malformed("git cat-file ended early (git 2.36 or newer is needed)"));
        }
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let space = line.iter().position(|b| *b == b' ');
        let text = &line[space.map_or(line.len(), |at| at + 1)..];
        match text {
            b"missing" => Ok(None),
            text => Ok(Some(Declared::parse(text).ok_or(ReadError::Malformed("an answer of git cat-file"))?)),
        }
    }

    /// What these objects declare, in order; at most [`WINDOW`] of them. `None`: there is no such object.
    pub(crate) fn info(&mut self, oids: &[Oid]) -> Result<Vec<Option<Declared>>, ReadError> {
        self.ask("info", oids)?;
        oids.iter().map(|_| self.declared()).collect()
    }

    /// Calls `each` with the content of these objects, in order; at most [`WINDOW`] of them, each known to
    /// be small enough.
    pub(crate) fn contents(
        &mut self,
        oids: &[Oid],
        mut each: impl FnMut(&Oid, Declared, &[u8]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.ask("contents", oids)?;
        let mut raw = Vec::new();
        for oid in oids {
            let declared = self.declared()?.ok_or(ReadError::Malformed("an object went away"))?;
            raw.clear();
            (&mut self.answers).take(declared.size).read_to_end(&mut raw)?;
            let mut end = [0];
            self.answers.read_exact(&mut end)?;
            each(oid, declared, &raw)?;
            raw.shrink_to(MOST_KEPT);
        }
        Ok(())
    }
}

/// A buffer larger than this is not kept for the next object.
const MOST_KEPT: usize = 1 << 20;

impl Drop for CatFile {
    fn drop(&mut self) {
        // It may still be writing what nobody wants to read any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
