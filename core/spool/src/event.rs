//! What one push told, and what became of it.

use std::io::Write;

use coregit_model::{EventId, RefUpdate, Timestamp};
use serde::{Deserialize, Serialize};

use crate::SpoolError;
use crate::folder::{Folder, Pending};

/// What the pusher wants of the syncs (`-o coregit.sync=`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Run them.
    #[default]
    Run,
    /// Run them; the push waits for [`EventResult`].
    Wait,
    /// Leave these refs alone until they move again.
    Skip,
}

/// What one push told. A hint: where the refs stand now is asked of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its id, which is also the name of its file. Ids sort by time.
    pub id: EventId,
    /// When the refs had moved.
    #[serde(with = "millis")]
    pub at: Timestamp,
    /// What the pusher wants.
    #[serde(default)]
    pub sync: Wanted,
    /// The syncs that the pusher named (`-o coregit.only=`); `None`: all. Empty: none, because no
    /// sync has a name that was asked for.
    #[serde(default)]
    pub only: Option<Vec<String>>,
    /// The unix user that pushed. Read back from the owner of the file where that tells more.
    pub uid: u32,
    /// The refs that moved.
    pub updates: Vec<RefUpdate>,
}

/// Milliseconds matter for latency figures; the usual text form of a time has none.
mod millis {
    use super::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Ok(Timestamp::from_millis(i64::deserialize(from)?))
    }
}

/// What became of the syncs that an event started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventResult {
    /// Nothing more will come.
    pub done: bool,
    /// One line per ref and remote, for the pusher. A later result begins with the lines of an
    /// earlier one.
    pub lines: Vec<String>,
    /// The labels of the syncs that have not ended yet; the worker's own note.
    #[serde(default)]
    pub pending: Vec<String>,
}

/// The folder that events lie in, open for one event: memory does not grow with its refs.
pub struct EventWriter<'a> {
    pending: Pending<'a>,
    id: EventId,
    folder: &'a Folder,
    first: bool,
}

impl<'a> EventWriter<'a> {
    /// Begins the file of `event`, with the updates it already has.
    pub(crate) fn begin(folder: &'a Folder, event: &Event) -> Result<Self, SpoolError> {
        let facts = folder.facts()?;
        let pending = folder.begin(&file_name(&event.id), facts.mode & 0o666)?;
        if facts.uid != event.uid {
            pending.give_to(facts.uid, facts.gid);
        }
        let mut writer = Self { pending, id: event.id.clone(), folder, first: true };
        // `updates` is the last field, so the text of an event without any ends in `[]}`.
        let head = Event { updates: Vec::new(), ..event.clone() };
        let text = serde_json::to_string(&head).map_err(|e| writer.failed(e))?;
        writer.put(text.strip_suffix("]}").expect("updates is the last field of an event").as_bytes())?;
        event.updates.iter().try_for_each(|u| writer.update(u))?;
        Ok(writer)
    }

    /// Adds a ref that moved.
    pub fn update(&mut self, update: &RefUpdate) -> Result<(), SpoolError> {
        let comma: &[u8] = if self.first { b"\n" } else { b",\n" };
        self.first = false;
        self.put(comma)?;
        serde_json::to_writer(&mut self.pending, update).map_err(|e| self.failed(e))
    }

    /// Makes the event durable and visible. Dropped before, the writer leaves nothing.
    pub fn finish(mut self) -> Result<(), SpoolError> {
        self.put(b"]}\n")?;
        self.pending.finish()
    }

    fn put(&mut self, part: &[u8]) -> Result<(), SpoolError> {
        self.pending.write_all(part).map_err(|e| self.failed(e))
    }

    fn failed(&self, error: impl Into<std::io::Error>) -> SpoolError {
        SpoolError::io("write", &self.folder.path_of(&file_name(&self.id)), error)
    }
}

/// The name of an event's file, and of its result's.
pub(crate) fn file_name(id: &EventId) -> String {
    format!("{id}.json")
}

/// The event that a file name stands for.
pub(crate) fn id_of(name: &str) -> Option<EventId> {
    EventId::parse(name.strip_suffix(".json")?)
}
