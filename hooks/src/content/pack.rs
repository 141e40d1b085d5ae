//! The index of one pack: which objects it holds. Read in pieces, never whole.
//!
//! Format: gitformat-pack(5), versions 1 and 2.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use coregit_model::{ObjectFormat, Oid};

use super::ReadError;

const FANOUT: u64 = 256 * 4;
/// The magic of version 2, then the version.
const V2: [u8; 8] = *b"\xfftOc\0\0\0\x02";

/// An open index.
pub(crate) struct PackIndex {
    file: File,
    fanout_at: u64,
    /// Bytes of one row of the table of oids, and how many of them come before the oid.
    row: u64,
    before_oid: u64,
    oid_len: usize,
    count: u32,
}

impl PackIndex {
    /// Opens an index of this object format.
    pub(crate) fn open(path: &Path, format: ObjectFormat) -> Result<Self, ReadError> {
        let file = File::open(path)?;
        let mut magic = [0; 8];
        file.read_exact_at(&mut magic, 0)?;
        let oid_len = format.byte_len();
        let (fanout_at, before_oid) = match magic {
            V2 => (8, 0),
            _ if magic[..4] == V2[..4] => {
                return Err(ReadError::Malformed("a pack index of an unknown version"));
            }
            // Version 1 has no magic; an offset of four bytes stands before each oid.
            _ => (0, 4),
        };
        let mut index =
            Self { file, fanout_at, row: oid_len as u64 + before_oid, before_oid, oid_len, count: 0 };
        index.count = index.fanout(255)?;
        Ok(index)
    }

    /// How many oids begin with a byte up to this one.
    fn fanout(&self, byte: u8) -> Result<u32, ReadError> {
        let mut raw = [0; 4];
        self.file.read_exact_at(&mut raw, self.fanout_at + u64::from(byte) * 4)?;
        Ok(u32::from_be_bytes(raw))
    }

    fn row_at(&self, n: u32) -> u64 {
        self.fanout_at + FANOUT + u64::from(n) * self.row + self.before_oid
    }

    /// Whether the pack holds this object.
    pub(crate) fn contains(&self, oid: &Oid) -> Result<bool, ReadError> {
        let wanted = oid.as_bytes();
        if wanted.len() != self.oid_len {
            return Ok(false);
        }
        let mut low = if wanted[0] == 0 { 0 } else { self.fanout(wanted[0] - 1)? };
        let mut high = self.fanout(wanted[0])?.min(self.count);
        let mut raw = vec![0; self.oid_len];
        while low < high {
            let middle = low + (high - low) / 2;
            self.file.read_exact_at(&mut raw, self.row_at(middle))?;
            match raw.as_slice().cmp(wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }

    /// Calls `each` with all oids, at most `window` of them at a time.
    pub(crate) fn windows(
        &self,
        window: usize,
        mut each: impl FnMut(&[Oid]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        // A handle of its own shares the position; nobody else moves it (others read at a place).
        let mut rows = BufReader::with_capacity(32 * 1024, self.file.try_clone()?);
        rows.seek(SeekFrom::Start(self.fanout_at + FANOUT))?;
        let mut row = vec![0; self.row as usize];
        let mut oids = Vec::with_capacity(window.min(self.count as usize));
        for _ in 0..self.count {
            rows.read_exact(&mut row)?;
            let oid = Oid::from_bytes(&row[self.before_oid as usize..]);
            oids.push(oid.ok_or(ReadError::Malformed("an oid in a pack index"))?);
            if oids.len() == window {
                each(&oids)?;
                oids.clear();
            }
        }
        if oids.is_empty() { Ok(()) } else { each(&oids) }
    }
}
