//! FUSE's words for what the standard library says about files, and back.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use fuser::{FileAttr, FileType, INodeNo, TimeOrNow};
use rustix::fs::OFlags;

use super::platter::Node;

/// How long the kernel may remember a name: all changes come through it.
pub(super) const TTL: Duration = Duration::from_secs(60);

/// The time that `setattr` means.
pub(super) fn instant(time: TimeOrNow) -> SystemTime {
    if let TimeOrNow::SpecificTime(time) = time { time } else { SystemTime::now() }
}

/// What the kernel wants to know about a node.
pub(super) fn attributes(node: Node, metadata: &Metadata) -> FileAttr {
    let changed = SystemTime::UNIX_EPOCH
        + Duration::new(metadata.ctime().unsigned_abs(), metadata.ctime_nsec().unsigned_abs() as u32);
    FileAttr {
        ino: INodeNo(node),
        size: metadata.size(),
        blocks: metadata.blocks(),
        atime: metadata.accessed().unwrap_or(changed),
        mtime: metadata.modified().unwrap_or(changed),
        ctime: changed,
        crtime: changed,
        kind: FileType::from_std(metadata.file_type()).unwrap_or(FileType::RegularFile),
        perm: (metadata.mode() & 0o7777) as u16,
        nlink: metadata.nlink() as u32,
        uid: metadata.uid(),
        gid: metadata.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

/// The flags that still make sense when the kernel has already found or made the file.
pub(super) fn reopen_flags(flags: i32) -> OFlags {
    let once = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::APPEND;
    (OFlags::from_bits_retain(flags as u32) - once) | OFlags::CLOEXEC
}
