//! The grammar of git's configuration files, as far as `.gitmodules` needs it.
//!
//! Read as git reads it (git-config(1), "Syntax"), not as it is usually written: two readers that
//! disagree are how a hostile value gets by.

use std::ops::ControlFlow;

/// One value: `[submodule "name"] key = value`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variable<'a> {
    /// The section, in lower case.
    pub(crate) section: &'a [u8],
    /// The name in quotes, or behind a dot (the old form, in lower case); `None` without either.
    pub(crate) subsection: Option<&'a [u8]>,
    /// The key, in lower case.
    pub(crate) key: &'a [u8],
    /// The value; empty for a key alone.
    pub(crate) value: &'a [u8],
}

/// What stops the reading: git stops there too.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

struct Reader<'a> {
    rest: &'a [u8],
    /// `section.subsection`: a section's own name has no dot, so the first one parts them.
    heading: Vec<u8>,
}

/// Calls `each` for every variable in order, until the end or the first thing that git cannot read.
pub(crate) fn read(raw: &[u8], mut each: impl FnMut(Variable<'_>)) -> Result<(), Unreadable> {
    let rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let mut reader = Reader { rest, heading: Vec::new() };
    while let Some(byte) = reader.next() {
        match byte {
            b'#' | b';' => reader.skip_line(),
            b'[' => reader.header()?,
            b if is_space(b) => {}
            b if b.is_ascii_alphabetic() => {
                let (key, value) = reader.variable(b)?;
                let mut heading = reader.heading.splitn(2, |b| *b == b'.');
                let section = heading.next().unwrap_or_default();
                each(Variable { section, subsection: heading.next(), key: &key, value: &value });
            }
            _ => return Err(Unreadable),
        }
    }
    Ok(())
}

/// What git counts as white space: no form feed, no vertical tab.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A byte of a section's or key's name.
fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

impl Reader<'_> {
    /// The next byte; CR LF counts as one line end, everywhere.
    fn next(&mut self) -> Option<u8> {
        let rest = if self.rest.starts_with(b"\r\n") { &self.rest[1..] } else { self.rest };
        let (first, rest) = rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip_line(&mut self) {
        while !matches!(self.next(), None | Some(b'\n')) {}
    }

    /// What follows `[`.
    fn header(&mut self) -> Result<(), Unreadable> {
        self.heading.clear();
        loop {
            match self.next().ok_or(Unreadable)? {
                b']' => return Ok(()),
                b'\n' => return Err(Unreadable),
                b if is_space(b) => return self.quoted(),
                b if is_key_byte(b) || b == b'.' => self.heading.push(b.to_ascii_lowercase()),
                _ => return Err(Unreadable),
            }
        }
    }

    /// `"name"]`, which may follow the section.
    fn quoted(&mut self) -> Result<(), Unreadable> {
        let mut byte = self.next().ok_or(Unreadable)?;
        while is_space(byte) && byte != b'\n' {
            byte = self.next().ok_or(Unreadable)?;
        }
        if byte != b'"' {
            return Err(Unreadable);
        }
        self.heading.push(b'.');
        loop {
            let (escaped, byte) = match self.next().ok_or(Unreadable)? {
                b'\\' => (true, self.next().ok_or(Unreadable)?),
                byte => (false, byte),
            };
            match byte {
                b'\n' => return Err(Unreadable),
                b'"' if !escaped => break,
                byte => self.heading.push(byte),
            }
        }
        if self.next() == Some(b']') { Ok(()) } else { Err(Unreadable) }
    }

    fn variable(&mut self, first: u8) -> Result<(Vec<u8>, Vec<u8>), Unreadable> {
        let mut key = vec![first.to_ascii_lowercase()];
        let mut after = loop {
            match self.next().unwrap_or(b'\n') {
                b if is_key_byte(b) => key.push(b.to_ascii_lowercase()),
                b => break b,
            }
        };
        while after == b' ' || after == b'\t' {
            after = self.next().unwrap_or(b'\n');
        }
        match after {
            b'\n' => Ok((key, Vec::new())),
            b'=' => Ok((key, self.value()?)),
            _ => Err(Unreadable),
        }
    }

    fn value(&mut self) -> Result<Vec<u8>, Unreadable> {
        let mut value = Value::default();
        loop {
            let byte = self.next().unwrap_or(b'\n');
            if byte == b'\\' && !value.comment {
                self.escape(&mut value)?;
            } else if value.add(byte)?.is_break() {
                break;
            }
        }
        value.text.truncate(value.kept);
        Ok(value.text)
    }

    fn escape(&mut self, value: &mut Value) -> Result<(), Unreadable> {
        let byte = match self.next().unwrap_or(b'\n') {
            b'\n' => return Ok(()),
            b't' => b'\t',
            b'b' => 0x08,
            b'n' => b'\n',
            b @ (b'\\' | b'"') => b,
            _ => return Err(Unreadable),
        };
        value.push(byte);
        Ok(())
    }
}

/// A value in the making: what is white at its end goes, unless it was quoted or escaped.
#[derive(Default)]
struct Value {
    text: Vec<u8>,
    kept: usize,
    quoted: bool,
    comment: bool,
}

impl Value {
    fn push(&mut self, byte: u8) {
        self.text.push(byte);
        self.kept = self.text.len();
    }

    /// Adds a byte that is no escape; `Break` at the end of the value.
    fn add(&mut self, byte: u8) -> Result<ControlFlow<()>, Unreadable> {
        match byte {
            b'\n' if self.quoted => return Err(Unreadable),
            b'\n' => return Ok(ControlFlow::Break(())),
            _ if self.comment => {}
            b if is_space(b) && !self.quoted => {
                // Leading white space goes at once, trailing at the end.
                if !self.text.is_empty() {
                    self.text.push(b);
                }
            }
            b'#' | b';' if !self.quoted => self.comment = true,
            b'"' => {
                self.quoted = !self.quoted;
                self.kept = self.kept.max(if self.quoted { 0 } else { self.text.len() });
            }
            b => self.push(b),
        }
        Ok(ControlFlow::Continue(()))
    }
}
