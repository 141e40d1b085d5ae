//! The spool of one repository: its folders and what lies in them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coregit_model::EventId;
use serde::de::DeserializeOwned;

use crate::event::{file_name, id_of};
use crate::folder::{Facts, Folder, TEMPORARY};
use crate::{Event, EventResult, EventWriter, Policy, SpoolError};

const FOLDER: &str = "coregit";
const POLICY: &str = "policy.json";
const FAIL_CLOSED: &str = "fail-closed";
const FAILURE: &str = "failure";
const EVENTS: &str = "events";
const DAMAGED: &str = "damaged";
const RESULTS: &str = "results";

const MAX_POLICY: u64 = 4 << 20;
/// Half a million refs; a larger push is found by the sweep.
const MAX_EVENT: u64 = 64 << 20;
const MAX_RESULT: u64 = 16 << 20;
const MAX_FAILURE: u64 = 4096;
/// A temporary file that is older belongs to nobody any more.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// The files between the hooks and the engine of one repository.
#[derive(Clone, Debug)]
pub struct Spool {
    git_dir: PathBuf,
}

impl Spool {
    /// The spool of the repository with this git dir. Nothing is looked at or made yet.
    pub fn at(git_dir: &Path) -> Spool {
        Spool { git_dir: git_dir.to_owned() }
    }

    /// The repository's git dir.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Makes the folders, or gives those that are there the right modes.
    ///
    /// They are as open as the git dir is, which git keeps as `core.sharedRepository` says: whoever may
    /// push may write events. Policy and results are the owner's to write.
    pub fn create(&self) -> Result<(), SpoolError> {
        let git_dir = Folder::open(&self.git_dir)?;
        let mode = git_dir.facts()?.mode | 0o700;
        let setgid = if mode & 0o020 != 0 { 0o2000 } else { mode & 0o2000 };
        let (ours, shared) = (mode & 0o755 | setgid, mode & 0o777 | setgid);
        let spool = git_dir.create_sub(FOLDER, ours)?;
        spool.create_sub(EVENTS, shared)?.create_sub(DAMAGED, ours)?;
        spool.create_sub(RESULTS, ours)?;
        Ok(())
    }

    /// Whether there is a spool at all: a repository without one is not ours.
    pub fn exists(&self) -> bool {
        !matches!(self.folder(), Err(SpoolError::Missing(_)))
    }

    fn folder(&self) -> Result<Folder, SpoolError> {
        Folder::open(&self.git_dir)?.sub(FOLDER)
    }

    fn part(&self, name: &str) -> Result<Folder, SpoolError> {
        self.folder()?.sub(name)
    }

    /// Replaces the policy.
    pub fn write_policy(&self, policy: &Policy) -> Result<(), SpoolError> {
        let folder = self.folder()?;
        let mode = folder.facts()?.mode & 0o644;
        // Beside the policy, because it is for when that cannot be read.
        match policy.fail_closed {
            true => folder.write(FAIL_CLOSED, b"", mode)?,
            false => folder.remove(FAIL_CLOSED)?,
        }
        folder.write(POLICY, &json(policy), mode)
    }

    /// Whether the last policy that was written said to refuse pushes when it cannot be read.
    pub fn fails_closed(&self) -> bool {
        self.folder().and_then(|folder| folder.facts_of(FAIL_CLOSED)).is_ok()
    }

    /// The policy, when it is there, whole, and written by the owner it names (or root): it names a
    /// program that hooks start.
    pub fn policy(&self) -> Result<Policy, SpoolError> {
        let folder = self.folder()?;
        let (content, facts) = folder.read(POLICY, MAX_POLICY)?;
        let path = folder.path_of(POLICY);
        let policy: Policy = parse(&content, &path)?;
        let untrusted = |why| Err(SpoolError::Untrusted { path: path.clone(), why });
        if facts.uid != policy.owner_uid && facts.uid != 0 {
            return untrusted("it belongs to another user than the owner that it names");
        }
        if facts.mode & 0o022 != 0 {
            return untrusted("others than its owner can write it");
        }
        let absolute = [&policy.home, &policy.coregit, &policy.socket].iter().all(|p| p.is_absolute());
        match absolute {
            true => Ok(policy),
            false => Err(SpoolError::Damaged { path, why: "a path in it is not absolute".into() }),
        }
    }

    /// Writes an event, durably: after this returns, a power cut does not lose it.
    pub fn write_event(&self, event: &Event) -> Result<(), SpoolError> {
        self.stream_event(event, |_| Ok(()))
    }

    /// Writes an event whose updates `more` adds one by one; memory does not grow with them. An error of
    /// `more` leaves no event.
    pub fn stream_event<E: From<SpoolError>>(
        &self,
        event: &Event,
        more: impl FnOnce(&mut EventWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let folder = self.part(EVENTS)?;
        let mut writer = EventWriter::begin(&folder, event)?;
        more(&mut writer)?;
        Ok(writer.finish()?)
    }

    /// All events, oldest first. One that nobody can read is moved to `events/damaged/`, for people, and
    /// holds up no other. No spool: none.
    pub fn events(&self) -> Result<Vec<Event>, SpoolError> {
        let folder = match self.part(EVENTS) {
            Err(SpoolError::Missing(_)) => return Ok(Vec::new()),
            other => other?,
        };
        let owner = folder.facts()?;
        let mut events = Vec::new();
        for name in folder.names()? {
            let Some(id) = id_of(&name) else { continue };
            match read_event(&folder, &id, owner) {
                Ok(event) => events.push(event),
                // Another worker took it in the meantime.
                Err(SpoolError::Missing(_)) => {}
                // A failing disk says nothing about the file.
                Err(SpoolError::Io { source, .. })
                    if source.kind() != std::io::ErrorKind::PermissionDenied => {}
                Err(_) => set_aside(&folder, &name, owner),
            }
        }
        Ok(events)
    }

    /// Removes an event that was taken over; one that is not there is fine.
    pub fn remove_event(&self, id: &EventId) -> Result<(), SpoolError> {
        self.part(EVENTS)?.remove(&file_name(id))
    }

    /// Writes what became of an event so far.
    pub fn write_result(&self, id: &EventId, result: &EventResult) -> Result<(), SpoolError> {
        let folder = self.part(RESULTS)?;
        folder.write(&file_name(id), &json(result), folder.facts()?.mode & 0o644)
    }

    /// What became of an event so far; `None` when nothing is there that can be read.
    pub fn result(&self, id: &EventId) -> Option<EventResult> {
        let (content, _) = self.part(RESULTS).ok()?.read(&file_name(id), MAX_RESULT).ok()?;
        serde_json::from_slice(&content).ok()
    }

    /// Removes results that were written longer ago than `age`, and what killed writers left half done.
    pub fn remove_results_older_than(&self, age: Duration) -> Result<(), SpoolError> {
        remove_older(&self.part(RESULTS)?, age, |name| id_of(name).is_some())?;
        for folder in [self.folder()?, self.part(EVENTS)?, self.part(RESULTS)?] {
            remove_older(&folder, STALE, |name| name.starts_with(TEMPORARY))?;
        }
        Ok(())
    }

    /// Keeps the last failure of the repository's syncs, for the next pusher. One line; made printable.
    pub fn write_failure(&self, line: &str) -> Result<(), SpoolError> {
        let folder = self.folder()?;
        let line: String = coregit_model::printable(line).chars().take(1000).collect();
        folder.write(FAILURE, line.as_bytes(), folder.facts()?.mode & 0o644)
    }

    /// Forgets the last failure: everything works again.
    pub fn clear_failure(&self) -> Result<(), SpoolError> {
        match self.folder() {
            Err(SpoolError::Missing(_)) => Ok(()),
            folder => folder?.remove(FAILURE),
        }
    }

    /// The last failure, if nothing has gone right since.
    pub fn failure(&self) -> Option<String> {
        let (line, _) = self.folder().ok()?.read(FAILURE, MAX_FAILURE).ok()?;
        let line = coregit_model::printable(String::from_utf8_lossy(&line).trim());
        (!line.is_empty()).then_some(line)
    }

    /// Removes what this crate keeps; other files in the folder stay, and with them the folder.
    pub fn remove(&self) -> Result<(), SpoolError> {
        let git_dir = Folder::open(&self.git_dir)?;
        let spool = match git_dir.sub(FOLDER) {
            Err(SpoolError::Missing(_)) => return Ok(()),
            other => other?,
        };
        if let Ok(events) = spool.sub(EVENTS) {
            empty(&events.sub(DAMAGED))?;
            events.remove_sub(DAMAGED)?;
            empty(&Ok(events))?;
        }
        empty(&spool.sub(RESULTS))?;
        spool.remove_sub(EVENTS)?;
        spool.remove_sub(RESULTS)?;
        spool.remove(POLICY)?;
        spool.remove(FAIL_CLOSED)?;
        spool.remove(FAILURE)?;
        git_dir.remove_sub(FOLDER)
    }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut text =
        serde_json::to_vec_pretty(value).expect("our own types have string keys and no failing parts");
    text.push(b'\n');
    text
}

fn parse<T: DeserializeOwned>(content: &[u8], path: &Path) -> Result<T, SpoolError> {
    serde_json::from_slice(content)
        .map_err(|e| SpoolError::Damaged { path: path.to_owned(), why: e.to_string() })
}

fn read_event(folder: &Folder, id: &EventId, owner: Facts) -> Result<Event, SpoolError> {
    let (content, facts) = folder.read(&file_name(id), MAX_EVENT)?;
    let path = folder.path_of(&file_name(id));
    let mut event: Event = parse(&content, &path)?;
    if event.id != *id {
        return Err(SpoolError::Damaged { path, why: "it holds another event than its name says".into() });
    }
    // A file cannot lie about its owner; only root writes files that belong to the folder's.
    if facts.uid != owner.uid {
        event.uid = facts.uid;
    }
    Ok(event)
}

fn set_aside(folder: &Folder, name: &str, owner: Facts) {
    let aside = folder.create_sub(DAMAGED, owner.mode & !0o022);
    // What cannot even be moved stays, and is met again; the others are served all the same.
    let _ = aside.and_then(|aside| folder.move_to(name, &aside));
}

fn remove_older(folder: &Folder, age: Duration, ours: impl Fn(&str) -> bool) -> Result<(), SpoolError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let before = now.saturating_sub(age).as_secs() as i64;
    for name in folder.names()?.iter().filter(|n| ours(n)) {
        match folder.facts_of(name) {
            Ok(facts) if facts.changed_at <= before => folder.remove(name)?,
            _ => {}
        }
    }
    Ok(())
}

fn empty(folder: &Result<Folder, SpoolError>) -> Result<(), SpoolError> {
    let Ok(folder) = folder else { return Ok(()) };
    let ours = |name: &&String| id_of(name).is_some() || name.starts_with(TEMPORARY);
    folder.names()?.iter().filter(ours).try_for_each(|name| folder.remove(name))
}
