//! The nouns of coregit: names, ids, oids, configs, plans, runs. No I/O.
//!
//! Every other crate speaks in these types; this one knows none of them.

mod class;
mod connection;
mod ids;
mod oid;
mod origin;
mod plan;
mod refname;
mod repo;
mod run;
mod secret;
mod sync;
mod time;

pub use class::ErrorClass;
pub use connection::{Connection, ConnectionId, ProviderKind, TokenKind};
pub use ids::{EventId, RepoId, RunId, SyncId, TriggerId};
pub use oid::{ObjectFormat, Oid, OidError};
pub use origin::{Origin, OriginError, RedactedUrl};
pub use plan::{Action, Plan, PlannedRef};
pub use refname::{BranchName, RefName, RefNameError, RefUpdate, Refspec, RefspecError, Refspecs};
pub use repo::{NameError, RemoteRepo, Repo, RepoSlug};
pub use run::{Counts, Receipt, ReceiptRef, RefResult, RefStatus, RunStatus, SyncRun};
pub use secret::Secret;
pub use sync::{
    Conflict, Direction, Guard, Lfs, Mode, OnDivergence, Prune, SyncConfig, SyncState, Via, WordError,
};
pub use time::Timestamp;

/// Makes text from elsewhere safe to print on one line: control characters, escapes and
/// bidirectional overrides are shown as `\x1b` or `\u{202e}`; the rest stays as it is.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                out.extend(c.escape_unicode());
            }
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn printable_shows_escapes_and_overrides() {
        assert_eq!(super::printable("a\x1b]0;x\u{7}\n\u{202e}é"), "a\\x1b]0;x\\x07\\x0a\\u{202e}é");
    }
}
