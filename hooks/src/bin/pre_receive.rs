//! pre_receive
fn main() {}
