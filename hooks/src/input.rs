//! What git tells on standard input: `<old> SP <new> SP <ref> LF`, a hundred thousand times if need be.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, StdinLock, Write};

use coregit_model::{Oid, RefName, RefUpdate};
use tempfile::SpooledTempFile;

/// Kept in memory up to here, in an unlinked file above.
const IN_MEMORY: usize = 1 << 20;

/// Standard input, read once line by line, and kept whole where others are to read it after us.
pub(crate) struct Input<R = BufReader<StdinLock<'static>>> {
    from: R,
    line: Vec<u8>,
    copy: Option<SpooledTempFile>,
    /// Why there is no copy although one was asked for. That concerns those who wanted it, not us.
    lost: Option<io::Error>,
}

impl Input {
    /// The process' own standard input; `keep`: there are programs to give it to.
    pub(crate) fn of_process(keep: bool) -> Self {
        Self::new(BufReader::with_capacity(32 * 1024, io::stdin().lock()), keep)
    }
}

impl<R: BufRead> Input<R> {
    fn new(from: R, keep: bool) -> Self {
        Self { from, line: Vec::new(), copy: keep.then(|| SpooledTempFile::new(IN_MEMORY)), lost: None }
    }

    /// The next update that can be read as one; `None` at the end. Lines that are none are passed over:
    /// git writes none.
    pub(crate) fn next(&mut self) -> io::Result<Option<RefUpdate>> {
        loop {
            self.line.clear();
            if self.from.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.keep_line();
            if let Some(update) = parse(&self.line) {
                return Ok(Some(update));
            }
        }
    }

    fn keep_line(&mut self) {
        let kept = self.copy.as_mut().map_or(Ok(()), |copy| copy.write_all(&self.line));
        if let Err(error) = kept {
            (self.copy, self.lost) = (None, Some(error));
        }
    }

    /// Reads what is left and gives the whole of it, from its beginning, where it was kept.
    pub(crate) fn into_copy(mut self) -> io::Result<Option<impl Read + Seek>> {
        if let Some(error) = self.lost {
            return Err(error);
        }
        let Some(mut copy) = self.copy else { return Ok(None) };
        io::copy(&mut self.from, &mut copy)?;
        copy.seek(SeekFrom::Start(0))?;
        Ok(Some(copy))
    }
}

fn parse(line: &[u8]) -> Option<RefUpdate> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut words = line.splitn(3, |b| *b == b' ');
    let expected = Oid::from_hex(words.next()?).ok()?;
    let new = Oid::from_hex(words.next()?).ok()?;
    Some(RefUpdate { name: RefName::new(words.next()?).ok()?, expected, new })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_kept_byte_for_byte() {
        let zero = "0".repeat(40);
        let one = "1".repeat(40);
        let text = [
            format!("{zero} {one} refs/heads/a\n").into_bytes(),
            b"not a line\n\n".to_vec(),
            [format!("{one} {zero} ").as_bytes(), b"refs/heads/\xff\n"].concat(),
            format!("{zero} {one} refs/tags/last").into_bytes(),
        ]
        .concat();
        let mut input = Input::new(&text[..], true);
        let mut names = Vec::new();
        while let Some(update) = input.next().unwrap() {
            names.push(update.name.to_string());
        }
        assert_eq!(names, ["refs/heads/a", "refs/heads/\\xff", "refs/tags/last"]);
        let mut copy = Vec::new();
        input.into_copy().unwrap().unwrap().read_to_end(&mut copy).unwrap();
        assert_eq!(copy, text);
    }

    #[test]
    fn what_was_not_read_is_kept_too() {
        let mut copy = String::new();
        Input::new(&b"rest\n"[..], true).into_copy().unwrap().unwrap().read_to_string(&mut copy).unwrap();
        assert_eq!(copy, "rest\n");
    }
}
