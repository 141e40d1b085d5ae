//! Answers the kernel's FUSE requests for a [`Disk`]: everything passes through to the folder below,
//! and each `fsync` is told to the disk. After the cut every request fails with `EIO`.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use fuser::{
    BsdFileFlags, Errno, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::attributes::{TTL, attributes, instant, reopen_flags};
use super::disk::Disk;
use super::platter::{Entry, Kind, Node};

enum Opened {
    File(File),
    Folder(Vec<Entry>),
}

struct Live {
    disk: Disk,
    opened: HashMap<u64, Opened>,
    last_handle: u64,
    power: bool,
}

/// A disk as the kernel sees it; clones share it.
#[derive(Clone)]
pub(super) struct Mounted(Arc<Mutex<Live>>);

impl Mounted {
    /// A disk with power.
    pub(super) fn new(disk: Disk) -> Self {
        Self(Arc::new(Mutex::new(Live { disk, opened: HashMap::new(), last_handle: 0, power: true })))
    }

    /// Cuts the power: nothing that comes after reaches the disk.
    pub(super) fn cut(&self) -> io::Result<()> {
        let mut live = self.lock();
        live.power = false;
        live.disk.cut()
    }

    /// Makes all that was written so far durable.
    pub(super) fn settle(&self) -> io::Result<()> {
        self.lock().disk.settle()
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T>(&self, request: impl FnOnce(&mut Live) -> io::Result<T>) -> Result<T, Errno> {
        let mut live = self.lock();
        if !live.power {
            return Err(Errno::EIO);
        }
        request(&mut live).map_err(Errno::from)
    }

    fn entry(&self, reply: ReplyEntry, request: impl FnOnce(&mut Live) -> io::Result<(Node, Metadata)>) {
        match self.run(request) {
            Ok((node, metadata)) => reply.entry(&TTL, &attributes(node, &metadata), Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn empty(&self, reply: ReplyEmpty, request: impl FnOnce(&mut Live) -> io::Result<()>) {
        match self.run(request) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn opened(&self, reply: ReplyOpen, request: impl FnOnce(&mut Live) -> io::Result<Opened>) {
        match self.run(|live| request(live).map(|opened| live.keep(opened))) {
            Ok(handle) => reply.opened(handle, FopenFlags::empty()),
            Err(error) => reply.error(error),
        }
    }
}

impl Live {
    fn keep(&mut self, opened: Opened) -> FileHandle {
        self.last_handle += 1;
        self.opened.insert(self.last_handle, opened);
        FileHandle(self.last_handle)
    }

    fn file(&self, handle: FileHandle) -> io::Result<&File> {
        match self.opened.get(&handle.0) {
            Some(Opened::File(file)) => Ok(file),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn remove(&self, folder: Node, name: &OsStr, flags: AtFlags) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(self.disk.pinned(folder)?, name, flags)?)
    }

    fn set(&self, node: Node, mode: Option<u32>, size: Option<u64>) -> io::Result<Metadata> {
        if let Some(mode) = mode {
            fs::set_permissions(self.disk.path(node)?, fs::Permissions::from_mode(mode & 0o7777))?;
        }
        if let Some(size) = size {
            File::options().write(true).open(self.disk.path(node)?)?.set_len(size)?;
        }
        self.disk.pinned(node)?.metadata()
    }

    fn set_owner(&self, node: Node, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        if uid.is_none() && gid.is_none() {
            return Ok(());
        }
        std::os::unix::fs::chown(self.disk.path(node)?, uid, gid)
    }

    fn set_times(&self, node: Node, atime: Option<TimeOrNow>, mtime: Option<TimeOrNow>) -> io::Result<()> {
        let mut times = fs::FileTimes::new();
        if let Some(time) = atime {
            times = times.set_accessed(instant(time));
        }
        let Some(mtime) = mtime else { return Ok(()) };
        File::open(self.disk.path(node)?)?.set_times(times.set_modified(instant(mtime)))
    }
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(reply, |live| live.disk.find(parent.0, name));
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.run(|live| live.disk.pinned(node.0)?.metadata()) {
            Ok(metadata) => reply.attr(&TTL, &attributes(node.0, &metadata)),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changed = self.run(|live| {
            live.set_owner(node.0, uid, gid)?;
            live.set_times(node.0, atime, mtime)?;
            live.set(node.0, mode, size)
        });
        match changed {
            Ok(metadata) => reply.attr(&TTL, &attributes(node.0, &metadata)),
            Err(error) => reply.error(error),
        }
    }

    fn readlink(&self, _: &Request, node: INodeNo, reply: ReplyData) {
        match self.run(|live| live.disk.link_target(node.0)) {
            Ok(target) => reply.data(target.as_encoded_bytes()),
            Err(error) => reply.error(error),
        }
    }

    fn mknod(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        self.entry(reply, |live| {
            let kind = rustix::fs::FileType::from_raw_mode(mode);
            rustix::fs::mknodat(live.disk.pinned(parent.0)?, name, kind, Mode::from_raw_mode(mode), 0)?;
            live.disk.find(parent.0, name)
        });
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        self.entry(reply, |live| {
            rustix::fs::mkdirat(live.disk.pinned(parent.0)?, name, Mode::from_raw_mode(mode))?;
            live.disk.find(parent.0, name)
        });
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.empty(reply, |live| live.remove(parent.0, name, AtFlags::empty()));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.empty(reply, |live| live.remove(parent.0, name, AtFlags::REMOVEDIR));
    }

    fn symlink(&self, _: &Request, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        self.entry(reply, |live| {
            rustix::fs::symlinkat(target, live.disk.pinned(parent.0)?, name)?;
            live.disk.find(parent.0, name)
        });
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        self.empty(reply, |live| {
            let (from, to) = (live.disk.pinned(parent.0)?, live.disk.pinned(new_parent.0)?);
            let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
            Ok(rustix::fs::renameat_with(from, name, to, new_name, flags)?)
        });
    }

    fn link(&self, _: &Request, node: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(reply, |live| {
            let (path, folder) = (live.disk.path(node.0)?, live.disk.pinned(parent.0)?);
            rustix::fs::linkat(CWD, &path, folder, name, AtFlags::SYMLINK_FOLLOW)?;
            live.disk.find(parent.0, name)
        });
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let made = self.run(|live| {
            let flags = reopen_flags(flags) | OFlags::CREATE | OFlags::NOFOLLOW;
            let folder = live.disk.pinned(parent.0)?;
            let file = rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(mode))?;
            let (node, metadata) = live.disk.find(parent.0, name)?;
            Ok((attributes(node, &metadata), live.keep(Opened::File(File::from(file)))))
        });
        match made {
            Ok((attr, handle)) => reply.created(&TTL, &attr, Generation(0), handle, FopenFlags::empty()),
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _: &Request, node: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.opened(reply, |live| {
            let file = rustix::fs::open(live.disk.path(node.0)?, reopen_flags(flags.0), Mode::empty())?;
            Ok(Opened::File(File::from(file)))
        });
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut buffer = vec![0; size as usize];
        match self.run(|live| live.file(handle)?.read_at(&mut buffer, offset)) {
            Ok(count) => reply.data(&buffer[..count]),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.run(|live| live.file(handle)?.write_all_at(data, offset)) {
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(error),
        }
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.lock().opened.remove(&handle.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, node: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.empty(reply, |live| live.disk.sync(node.0));
    }

    fn fsyncdir(&self, _: &Request, node: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.empty(reply, |live| live.disk.sync(node.0));
    }

    fn opendir(&self, _: &Request, node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.opened(reply, |live| Ok(Opened::Folder(live.disk.names(node.0)?)));
    }

    fn readdir(&self, _: &Request, _: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.run(|live| {
            let Some(Opened::Folder(entries)) = live.opened.get(&handle.0) else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            for (entry, next) in entries.iter().zip(1..).skip(offset as usize) {
                let kind = match entry.kind {
                    Kind::Folder => FileType::Directory,
                    Kind::File => FileType::RegularFile,
                    Kind::Link(_) => FileType::Symlink,
                };
                if reply.add(INodeNo(entry.node), next, kind, &entry.name) {
                    break;
                }
            }
            Ok(())
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.lock().opened.remove(&handle.0);
        reply.ok();
    }
}
