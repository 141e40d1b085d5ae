//! What stands on the platter: contents of synced files, and names as far as they are durable.
//!
//! Knows nothing of FUSE; nodes are numbers that the mounted side gives out.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Names one file, folder or link for as long as the disk is mounted.
pub(super) type Node = u64;

/// The node of the top folder (FUSE's own number for it).
pub(super) const ROOT: Node = 1;

/// What a name stands for.
pub(super) enum Kind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link and where it points.
    Link(PathBuf),
}

/// One name in a folder.
pub(super) struct Entry {
    /// The name.
    pub(super) name: OsString,
    /// What it names.
    pub(super) node: Node,
    /// What kind of node that is.
    pub(super) kind: Kind,
    /// Its permission bits.
    pub(super) mode: u32,
}

/// The durable state of a disk.
#[derive(Default)]
pub(super) struct Platter {
    contents: HashMap<Node, Vec<u8>>,
    folders: HashMap<Node, Vec<Entry>>,
}

impl Platter {
    /// The file's content has reached the platter.
    pub(super) fn keep_content(&mut self, file: Node, content: Vec<u8>) {
        self.contents.insert(file, content);
    }

    /// The names in this folder have reached the platter; what it held before is gone.
    pub(super) fn keep_names(&mut self, folder: Node, entries: Vec<Entry>) {
        self.folders.insert(folder, entries);
    }

    /// Makes `target` hold what survived and nothing else. A name whose file was never synced comes
    /// back as an empty file, as it does on a real disk.
    pub(super) fn restore(&self, target: &Path) -> io::Result<()> {
        for entry in fs::read_dir(target)? {
            let path = entry?.path();
            if path.symlink_metadata()?.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        self.write_folder(ROOT, target)
    }

    fn write_folder(&self, folder: Node, target: &Path) -> io::Result<()> {
        for entry in self.folders.get(&folder).into_iter().flatten() {
            let path = target.join(&entry.name);
            match &entry.kind {
                Kind::Link(to) => {
                    symlink(to, &path)?;
                    continue;
                }
                Kind::File => {
                    fs::write(&path, self.contents.get(&entry.node).map_or(&[][..], Vec::as_slice))?
                }
                Kind::Folder => {
                    fs::create_dir(&path)?;
                    self.write_folder(entry.node, &path)?;
                }
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode))?;
        }
        Ok(())
    }
}
