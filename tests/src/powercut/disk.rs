//! The live side of a disk whose power can be cut: a folder, the numbers of what is in it, and what
//! each `fsync` takes to the platter. Knows nothing of FUSE.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat, readlinkat};

use super::Rule;
use super::platter::{Entry, Kind, Node, Platter, ROOT};

/// A folder seen as a disk. Every node that was ever seen stays pinned by an open descriptor, so that
/// the file system below never gives its number to another file.
pub(super) struct Disk {
    rule: Rule,
    folder: PathBuf,
    pins: Vec<File>,
    nodes: HashMap<(u64, u64), Node>,
    platter: Platter,
}

impl Disk {
    /// Takes all that `folder` holds now for durable.
    pub(super) fn open(folder: &Path, rule: Rule) -> io::Result<Self> {
        let mut disk = Self {
            rule,
            folder: folder.to_path_buf(),
            pins: Vec::new(),
            nodes: HashMap::new(),
            platter: Platter::default(),
        };
        disk.pin(File::open(folder)?)?;
        disk.settle()?;
        Ok(disk)
    }

    /// Takes everything to the platter, as a quiet minute would.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        for file in self.keep_all_names(ROOT)? {
            self.keep_content(file)?;
        }
        Ok(())
    }

    /// An open descriptor of the node, good for `*at` calls but not for reading.
    pub(super) fn pinned(&self, node: Node) -> io::Result<&File> {
        let index = usize::try_from(node - 1).unwrap_or(usize::MAX);
        self.pins.get(index).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// A path that leads to the node whatever it is called now, or if it has no name left.
    pub(super) fn path(&self, node: Node) -> io::Result<PathBuf> {
        Ok(format!("/proc/self/fd/{}", self.pinned(node)?.as_raw_fd()).into())
    }

    /// Finds what `name` stands for in a folder.
    pub(super) fn find(&mut self, folder: Node, name: &OsStr) -> io::Result<(Node, Metadata)> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = openat(self.pinned(folder)?, name, flags, Mode::empty())?;
        self.pin(File::from(found))
    }

    fn pin(&mut self, found: File) -> io::Result<(Node, Metadata)> {
        let metadata = found.metadata()?;
        let next = self.pins.len() as Node + 1;
        let node = *self.nodes.entry((metadata.dev(), metadata.ino())).or_insert(next);
        if node == next {
            self.pins.push(found);
        }
        Ok((node, metadata))
    }

    /// Where a symbolic link points.
    pub(super) fn link_target(&self, link: Node) -> io::Result<OsString> {
        Ok(OsString::from_vec(readlinkat(self.pinned(link)?, "", Vec::new())?.into_bytes()))
    }

    /// What a folder holds now; sockets and pipes are no part of a disk and are left out.
    pub(super) fn names(&mut self, folder: Node) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for found in fs::read_dir(self.path(folder)?)? {
            let name = found?.file_name();
            let (node, metadata) = self.find(folder, &name)?;
            let kind = match metadata.file_type() {
                kind if kind.is_dir() => Kind::Folder,
                kind if kind.is_file() => Kind::File,
                kind if kind.is_symlink() => Kind::Link(self.link_target(node)?.into()),
                _ => continue,
            };
            entries.push(Entry { name, node, kind, mode: metadata.mode() & 0o7777 });
        }
        Ok(entries)
    }

    /// `fsync` of a node: takes to the platter what the rule says.
    pub(super) fn sync(&mut self, node: Node) -> io::Result<()> {
        let is_folder = self.pinned(node)?.metadata()?.is_dir();
        if !is_folder {
            self.keep_content(node)?;
        }
        match self.rule {
            Rule::NamesAtOnce => {}
            Rule::Journal => drop(self.keep_all_names(ROOT)?),
            Rule::Strict if is_folder => {
                let names = self.names(node)?;
                self.platter.keep_names(node, names);
            }
            Rule::Strict => {}
        }
        Ok(())
    }

    /// The power goes: the folder below holds what survived, and nothing else.
    pub(super) fn cut(&mut self) -> io::Result<()> {
        if self.rule == Rule::NamesAtOnce {
            self.keep_all_names(ROOT)?;
        }
        self.platter.restore(&self.folder)
    }

    fn keep_content(&mut self, file: Node) -> io::Result<()> {
        let content = fs::read(self.path(file)?)?;
        self.platter.keep_content(file, content);
        Ok(())
    }

    /// Takes the names of this folder and of all below it to the platter; returns the files among them.
    fn keep_all_names(&mut self, folder: Node) -> io::Result<Vec<Node>> {
        let names = self.names(folder)?;
        let mut files: Vec<Node> =
            names.iter().filter(|e| matches!(e.kind, Kind::File)).map(|e| e.node).collect();
        let below: Vec<Node> =
            names.iter().filter(|e| matches!(e.kind, Kind::Folder)).map(|e| e.node).collect();
        self.platter.keep_names(folder, names);
        for folder in below {
            files.extend(self.keep_all_names(folder)?);
        }
        Ok(files)
    }
}
