//! Rules over raw git objects and ref names: what is an attack, what is only an old tool's defect.
//!
//! Everything here is a pure function of bytes, used on push and on import alike. git's own
//! `receive.fsckObjects` knows most attacks and refuses many harmless old objects too; these rules
//! refuse what can hurt somebody who checks the content out, and let pass, with a note, what
//! well-known histories hold. A rule's id is that of `git fsck` where both know it.

mod attributes;
mod commit;
mod config;
mod finding;
mod gitmodules;
mod ident;
mod name;
mod refname;
mod rules;
mod symlink;
mod tag;
mod tree;
mod url;

pub use attributes::{blob_size, gitattributes};
pub use commit::{commit, tree_of_commit};
pub use finding::{Finding, Rule, Severity, escaped, refuses};
pub use gitmodules::{MAX_GITMODULES, gitmodules};
pub use name::{DotFile, dot_file};
pub use refname::ref_name;
pub use rules::too_large;
pub use symlink::{MAX_TARGET, symlink};
pub use tag::{tag, target_of_tag};
pub use tree::{Entries, Entry, Kind, MalformedTree, budget, tree};
