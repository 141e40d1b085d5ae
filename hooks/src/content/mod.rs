//! Judging the objects of a push while they are in quarantine.

mod catfile;
mod judge;
mod loose;
mod pack;
mod quarantine;
mod report;
mod unfold;

pub(crate) use judge::judge;
pub(crate) use quarantine::Quarantine;

/// Why objects could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// A file or a pipe failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// git wrote something that we do not understand.
    #[error("{0}")]
    Malformed(&'static str),
}

/// The types of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A file's content.
    Blob,
    /// A folder.
    Tree,
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl Type {
    fn parse(word: &[u8]) -> Option<Self> {
        match word {
            b"blob" => Some(Type::Blob),
            b"tree" => Some(Type::Tree),
            b"commit" => Some(Type::Commit),
            b"tag" => Some(Type::Tag),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Type::Blob => "blob",
            Type::Tree => "tree",
            Type::Commit => "commit",
            Type::Tag => "tag",
        }
    }
}

/// Type and size of an object, as its header declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Its type.
    pub(crate) kind: Type,
    /// Bytes of its content.
    pub(crate) size: u64,
}

impl Declared {
    /// Reads `<type> SP <size>`.
    fn parse(text: &[u8]) -> Option<Self> {
        let space = text.iter().position(|b| *b == b' ')?;
        let size = std::str::from_utf8(&text[space + 1..]).ok()?.parse().ok()?;
        Some(Self { kind: Type::parse(&text[..space])?, size })
    }
}

/// Most bytes of a tree, commit or tag that are read; a folder of 300,000 files has a tree like that. One
/// such object is held in memory at a time.
const MAX_READ: u64 = 16 << 20;
