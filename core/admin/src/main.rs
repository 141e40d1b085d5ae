//! coregit
fn main() {}
