//! Entries of a tree as JSON, cut into calls that the host can bear. Pure.

use std::collections::HashSet;

use coregit_http::HttpError;
use coregit_model::Oid;
use serde::Serialize;

use crate::{Content, TreeEntry};

/// Entries in one call at most, and bytes of JSON (`facts/providers.md`, 2.7).
const MOST_LINES: usize = 100;
const MOST_BYTES: usize = 1_500_000;
/// Text longer than this goes as a blob of its own: one entry must not fill a call.
const LONGEST_INLINE: usize = MOST_BYTES / 2;

/// One entry, serialised.
pub(super) struct Line {
    json: String,
    path: String,
    deletes: bool,
    /// Whether the content is in the line itself.
    pub(super) is_inline: bool,
    /// Whether the content is a blob that is uploaded before.
    is_blob: bool,
}

#[derive(Serialize)]
struct Said<'a> {
    path: &'a str,
    mode: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    content: SaidContent<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum SaidContent<'a> {
    Content(&'a str),
    Sha(Option<String>),
}

impl Line {
    pub(super) fn of(entry: &TreeEntry) -> Result<Self, HttpError> {
        let mode = mode_of(entry)?;
        let kind = if entry.mode == 0o160000 { "commit" } else { "blob" };
        let said = |content| Said { path: &entry.path, mode, kind, content };
        let plain =
            |said: &Said<'_>| serde_json::to_string(said).map_err(|flaw| HttpError::unsent(flaw.to_string()));
        let line = |json: String, is_inline: bool| {
            let deletes = entry.content == Content::Deleted;
            let is_blob = !is_inline && matches!(entry.content, Content::Bytes(..));
            Line { json, path: entry.path.clone(), deletes, is_inline, is_blob }
        };
        if let Some(text) = inline_text(&entry.content) {
            let json = plain(&said(SaidContent::Content(text)))?;
            // Escapes make some text many times longer.
            if json.len() <= MOST_BYTES {
                return Ok(line(json, true));
            }
        }
        let sha = match &entry.content {
            Content::Deleted => None,
            Content::Known(oid) | Content::Bytes(_, oid) => Some(oid.to_string()),
        };
        Ok(line(plain(&said(SaidContent::Sha(sha)))?, false))
    }

    /// The body of a call.
    pub(super) fn body(base: Option<&Oid>, lines: &[Line]) -> String {
        let base = base.map(|oid| format!(r#""base_tree":"{oid}","#)).unwrap_or_default();
        let lines: Vec<_> = lines.iter().map(|line| line.json.as_str()).collect();
        format!(r#"{{{base}"tree":[{}]}}"#, lines.join(","))
    }
}

fn mode_of(entry: &TreeEntry) -> Result<&'static str, HttpError> {
    match (entry.mode, &entry.content) {
        (0o100644, _) => Ok("100644"),
        (0o100755, _) => Ok("100755"),
        (0o120000, _) => Ok("120000"),
        (0o160000, Content::Known(_) | Content::Deleted) => Ok("160000"),
        // What goes needs no faithful mode.
        (_, Content::Deleted) => Ok("100644"),
        (mode, _) => {
            let path = coregit_model::printable(&entry.path);
            Err(HttpError::unsent(format!("the mode {mode:o} of {path} cannot be made through the API")))
        }
    }
}

fn inline_text(content: &Content) -> Option<&str> {
    let Content::Bytes(raw, _) = content else { return None };
    let short = raw.len() <= LONGEST_INLINE && !raw.contains(&0);
    short.then(|| std::str::from_utf8(raw).ok()).flatten()
}

/// Lines in the order of their calls, and how far they went.
pub(super) struct Batches {
    lines: Vec<Line>,
    /// Where the lines begin that take the place of what goes: no call reaches across.
    late: usize,
    sent: usize,
    most: usize,
}

impl Batches {
    /// Files where a folder was, or the other way round, come in calls of their own behind all deletions:
    /// what one call makes of `a` going and `a/b` coming is not written anywhere.
    pub(super) fn new(mut lines: Vec<Line>) -> Self {
        let gone: HashSet<String> =
            lines.iter().filter(|line| line.deletes).map(|line| line.path.clone()).collect();
        let folders: HashSet<String> =
            gone.iter().flat_map(|path| parents(path)).map(str::to_owned).collect();
        let is_late = |line: &Line| {
            !line.deletes && (folders.contains(&line.path) || parents(&line.path).any(|p| gone.contains(p)))
        };
        // Additions before deletions: a tree that is empty between two calls cannot be built upon.
        lines.sort_by_key(|line| (is_late(line), line.deletes));
        let late = lines.iter().position(is_late).unwrap_or(lines.len());
        Self { lines, late, sent: 0, most: MOST_LINES }
    }

    /// The next call's lines; `None` when all went.
    pub(super) fn next(&self) -> Option<&[Line]> {
        let end = if self.sent < self.late { self.late } else { self.lines.len() };
        let rest = &self.lines[self.sent..end];
        (!rest.is_empty()).then(|| &rest[..self.fitting(rest)])
    }

    fn fitting(&self, rest: &[Line]) -> usize {
        let mut bytes = 0;
        let fits = |line: &&Line| {
            bytes += line.json.len() + 1;
            bytes <= MOST_BYTES
        };
        rest.iter().take(self.most).take_while(fits).count().max(1)
    }

    /// Whether blobs were uploaded for these lines, which they name.
    pub(super) fn has_blobs(&self) -> bool {
        self.lines.iter().any(|line| line.is_blob)
    }

    /// Whether a path in the next call begins like this.
    pub(super) fn touches(&self, prefix: &str) -> bool {
        self.next().is_some_and(|lines| lines.iter().any(|line| line.path.starts_with(prefix)))
    }

    /// The lines that `next` gave went.
    pub(super) fn done(&mut self) {
        self.sent += self.next().map_or(0, <[Line]>::len);
    }

    /// Halves the calls from here on; `false` when one line was a call already.
    pub(super) fn halve(&mut self) -> bool {
        let now = self.next().map_or(0, <[Line]>::len);
        self.most = (now / 2).max(1);
        now > 1
    }
}

/// The folders above a path.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
