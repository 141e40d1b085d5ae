//! Exports end to end: real pushes to a bare repository, real programs, the forge on the other side.

mod faults;
mod history;
mod kills;
mod snapshot;
