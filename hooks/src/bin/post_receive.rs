//! post_receive
fn main() {}
