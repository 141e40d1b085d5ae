//! update
fn main() {}
