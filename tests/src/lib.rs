//! What the tests of the whole stand on: the test forge. The tests themselves are in `tests/it`.

pub mod forge;
pub mod powercut;
