//! What a host's messages may do to a terminal: colours, and nothing else.

use std::borrow::Cow;
use std::ops::Range;

/// Replaces control characters in this range by `?`, one for one. Line ends, tabs and whole colour
/// sequences (`ESC [ … m`) stay: hosts use them. A sequence that is cut off goes.
pub fn messages(text: &mut Cow<'_, [u8]>, range: Range<usize>) {
    let mut at = range.start;
    while at < range.end {
        let rest = &text[at..range.end];
        let Some(next) = rest.iter().position(|b| is_control(*b)) else { return };
        match colour(&rest[next..]) {
            Some(long) => at += next + long,
            None => {
                at += next;
                text.to_mut()[at] = b'?';
                at += 1;
            }
        }
    }
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !b"\n\r\t".contains(&byte) || byte == 0x7f
}

/// The length of the colour sequence that this begins with.
fn colour(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(b"\x1b[")?;
    let long = inside.iter().position(|b| !(b.is_ascii_digit() || *b == b';'))?;
    (inside[long] == b'm').then_some(long + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &[u8]) -> Vec<u8> {
        let mut text = Cow::Borrowed(text);
        let all = 0..text.len();
        messages(&mut text, all);
        text.into_owned()
    }

    #[test]
    fn only_colours_and_line_ends_get_through() {
        for (said, seen) in [
            (&b"plain\r\n\tok"[..], &b"plain\r\n\tok"[..]),
            (b"\x1b[1;31mred\x1b[m", b"\x1b[1;31mred\x1b[m"),
            (b"\x1b[2Jgone", b"?[2Jgone"),
            (b"\x1b]0;title\x07", b"?]0;title?"),
            (b"\x1b[31", b"?[31"),
            (b"\x1b", b"?"),
            (b"back\x08\x7f\0", b"back???"),
            ("na\u{ef}ve".as_bytes(), "na\u{ef}ve".as_bytes()),
        ] {
            assert_eq!(shown(said), seen, "{said:?}");
        }
    }
}
