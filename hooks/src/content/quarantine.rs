//! The new objects of a push: loose ones are inflated here, packed ones come through one git child.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use coregit_model::{ObjectFormat, Oid};

use super::catfile::{CatFile, WINDOW};
use super::loose::{self, Loose};
use super::pack::PackIndex;
use super::{Declared, MAX_READ, ReadError, Type};

/// Who is shown the new objects.
pub(crate) trait Visitor {
    /// One object: its declaration, and its content unless that is a blob's or too large to be read.
    fn object(&mut self, oid: &Oid, declared: Declared, raw: Option<&[u8]>);

    /// Some objects later: the moment to read others.
    fn pause(&mut self, quarantine: &mut Quarantine) -> Result<(), ReadError>;
}

/// The quarantine of one push, with the repository behind it.
pub(crate) struct Quarantine {
    new_objects: PathBuf,
    git_dir: PathBuf,
    /// The repository's object format.
    pub(crate) format: ObjectFormat,
    packs: Rc<[PackIndex]>,
    /// The loose ones, when they are few enough to remember.
    loose: Option<HashSet<Oid>>,
    child: Option<CatFile>,
}

/// Most loose objects that are remembered; git packs a push of more than a hundred, unless told not to.
const MOST_LOOSE: usize = 20_000;

impl Quarantine {
    /// Opens the quarantine folder that git named.
    pub(crate) fn open(path: &Path, git_dir: &Path, format: ObjectFormat) -> Result<Self, ReadError> {
        let mut quarantine = Self {
            new_objects: path.to_owned(),
            git_dir: git_dir.to_owned(),
            format,
            packs: packs(&path.join("pack"), format)?.into(),
            loose: None,
            child: None,
        };
        quarantine.loose = quarantine.few_loose()?;
        Ok(quarantine)
    }

    fn few_loose(&self) -> Result<Option<HashSet<Oid>>, ReadError> {
        let mut oids = HashSet::new();
        for folder in self.folders()? {
            for oid in loose_in(&folder?)? {
                oids.insert(oid?);
                if oids.len() > MOST_LOOSE {
                    return Ok(None);
                }
            }
        }
        Ok(Some(oids))
    }

    /// The folders that loose objects lie in.
    fn folders(&self) -> Result<impl Iterator<Item = std::io::Result<DirEntry>> + use<>, ReadError> {
        let is_fanout = |folder: &DirEntry| {
            folder.file_name().len() == 2 && folder.file_type().is_ok_and(|kind| kind.is_dir())
        };
        let entries = std::fs::read_dir(&self.new_objects)?;
        Ok(entries.filter(move |folder| folder.as_ref().map_or(true, is_fanout)))
    }

    /// Whether this push brings the object.
    pub(crate) fn is_new(&self, oid: &Oid) -> Result<bool, ReadError> {
        for pack in self.packs.iter() {
            if pack.contains(oid)? {
                return Ok(true);
            }
        }
        match &self.loose {
            Some(loose) => Ok(loose.contains(oid)),
            None => Ok(loose::path_of(&self.new_objects, oid).exists()),
        }
    }

    /// Shows every new object.
    pub(crate) fn visit(&mut self, visitor: &mut dyn Visitor) -> Result<(), ReadError> {
        for folder in self.folders()? {
            self.visit_loose(&folder?, visitor)?;
            visitor.pause(self)?;
        }
        for pack in Rc::clone(&self.packs).iter() {
            pack.windows(WINDOW, |oids| {
                self.visit_packed(oids, visitor)?;
                visitor.pause(self)
            })?;
        }
        Ok(())
    }

    fn visit_loose(&self, folder: &DirEntry, visitor: &mut dyn Visitor) -> Result<(), ReadError> {
        for oid in loose_in(folder)? {
            let oid = oid?;
            let Some(object) = Loose::open(&self.new_objects, &oid)? else { continue };
            let declared = object.declared;
            let raw = is_read(declared).then(|| object.read()).transpose()?;
            visitor.object(&oid, declared, raw.as_deref());
        }
        Ok(())
    }

    fn visit_packed(&mut self, oids: &[Oid], visitor: &mut dyn Visitor) -> Result<(), ReadError> {
        let child = self.child()?;
        let mut read = Vec::new();
        for (oid, declared) in oids.iter().zip(child.info(oids)?) {
            let declared = declared.ok_or(ReadError::Malformed("an object of the pack cannot be found"))?;
            match is_read(declared) {
                true => read.push(*oid),
                false => visitor.object(oid, declared, None),
            }
        }
        child.contents(&read, |oid, declared, raw| {
            visitor.object(oid, declared, Some(raw));
            Ok(())
        })
    }

    fn child(&mut self) -> Result<&mut CatFile, ReadError> {
        let child = match self.child.take() {
            Some(child) => child,
            None => CatFile::start(&self.git_dir)?,
        };
        Ok(self.child.insert(child))
    }

    /// What one object declares, and its content when that is at most `limit` bytes; `None` when there is
    /// no such object, in the push or in the repository.
    pub(crate) fn read(&mut self, oid: &Oid, limit: u64) -> Result<Option<Object>, ReadError> {
        for objects in [&self.new_objects, &self.git_dir.join("objects")] {
            if let Some(object) = Loose::open(objects, oid)? {
                let declared = object.declared;
                let raw = (declared.size <= limit).then(|| object.read()).transpose()?;
                return Ok(Some(Object { declared, raw }));
            }
        }
        let child = self.child()?;
        let Some(declared) = child.info(&[*oid])?.into_iter().next().flatten() else { return Ok(None) };
        let mut object = Object { declared, raw: None };
        if declared.size <= limit {
            child.contents(&[*oid], |_, _, raw| {
                object.raw = Some(raw.to_owned());
                Ok(())
            })?;
        }
        Ok(Some(object))
    }
}

/// An object that was asked for.
pub(crate) struct Object {
    /// What its header declares.
    pub(crate) declared: Declared,
    /// Its content, unless it is over the limit.
    pub(crate) raw: Option<Vec<u8>>,
}

fn packs(folder: &Path, format: ObjectFormat) -> Result<Vec<PackIndex>, ReadError> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut packs = Vec::new();
    for entry in entries {
        let file = entry?.path();
        if file.extension() == Some(OsStr::new("idx")) {
            packs.push(PackIndex::open(&file, format)?);
        }
    }
    Ok(packs)
}

/// The objects in one of the folders. git leaves `tmp_obj_…` files there when it is interrupted.
fn loose_in(folder: &DirEntry) -> Result<impl Iterator<Item = Result<Oid, ReadError>> + use<>, ReadError> {
    let head = folder.file_name();
    Ok(std::fs::read_dir(folder.path())?.filter_map(move |file| match file {
        Ok(file) => {
            let hex = [head.as_encoded_bytes(), file.file_name().as_encoded_bytes()].concat();
            Oid::from_hex(&hex).ok().map(Ok)
        }
        Err(error) => Some(Err(error.into())),
    }))
}

fn is_read(declared: Declared) -> bool {
    declared.kind != Type::Blob && declared.size <= MAX_READ
}
