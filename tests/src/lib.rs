//! What the tests of the whole stand on: the test forge. The tests themselves are in `tests/it`.

pub mod bench;
pub mod delay;
pub mod forge;
pub mod powercut;
pub mod stage;
