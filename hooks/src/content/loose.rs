//! One loose object: a zlib stream of `<type> SP <size> NUL <content>`.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use coregit_model::Oid;
use flate2::read::ZlibDecoder;

use super::{Declared, ReadError};

/// Longer than any header: `commit` and twenty digits.
const MAX_HEADER: u64 = 32;

/// A loose object whose header has been read.
pub(crate) struct Loose {
    /// What the header declares.
    pub(crate) declared: Declared,
    content: BufReader<ZlibDecoder<File>>,
}

/// Where an object lies below `objects`.
pub(crate) fn path_of(objects: &Path, oid: &Oid) -> PathBuf {
    let hex = oid.to_string();
    objects.join(&hex[..2]).join(&hex[2..])
}

impl Loose {
    /// Opens the object; `None` when it is not loose here.
    pub(crate) fn open(objects: &Path, oid: &Oid) -> Result<Option<Self>, ReadError> {
        let file = match File::open(path_of(objects, oid)) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        // Small buffers: most objects are small, and the decoder reads the file through its own.
        let mut content = BufReader::with_capacity(4096, ZlibDecoder::new_with_buf(file, vec![0; 8192]));
        let mut header = Vec::new();
        (&mut content).take(MAX_HEADER).read_until(0, &mut header)?;
        let declared = header.strip_suffix(&[0]).and_then(Declared::parse);
        let declared = declared.ok_or(ReadError::Malformed("a loose object has no header"))?;
        Ok(Some(Self { declared, content }))
    }

    /// Inflates the content: no more than it declares, whatever the stream holds.
    pub(crate) fn read(self) -> Result<Vec<u8>, ReadError> {
        let size = self.declared.size;
        let mut raw = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        self.content.take(size).read_to_end(&mut raw)?;
        match raw.len() as u64 == size {
            true => Ok(raw),
            false => Err(ReadError::Malformed("a loose object is shorter than it declares")),
        }
    }
}
