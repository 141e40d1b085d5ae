//! The line that says who and when: `NAME SP <E-MAIL> SP SECONDS SP ZONE`.

use crate::finding::{Findings, Rule};
use crate::rules;

/// Judges what stands behind `author `, `committer ` or `tagger `, without its line end.
pub(crate) fn ident(line: &[u8], found: &mut Findings) {
    let mut add = |rule: &Rule| found.add(rule, Some(line));
    let Some(open) = line.iter().position(|b| b"<>".contains(b)) else { return add(&rules::MISSING_EMAIL) };
    if line[open] == b'>' {
        return add(&rules::BAD_NAME);
    }
    if line[..open].trim_ascii().is_empty() {
        add(&rules::NO_NAME_BEFORE_EMAIL);
    } else if line[open - 1] != b' ' {
        add(&rules::NO_SPACE_BEFORE_EMAIL);
    }
    let after = &line[open + 1..];
    let close = after.iter().position(|b| b"<>".contains(b)).filter(|at| after[*at] == b'>');
    let Some(close) = close else { return add(&rules::BAD_EMAIL) };
    let time = &after[close + 1..];
    if time.first() != Some(&b' ') {
        add(&rules::NO_SPACE_BEFORE_DATE);
    }
    date(time.trim_ascii_start(), &mut add);
}

fn date(time: &[u8], add: &mut impl FnMut(&Rule)) {
    let mut words = time.splitn(2, |b| *b == b' ');
    let seconds = words.next().unwrap_or_default();
    if seconds.is_empty() || !seconds.iter().all(u8::is_ascii_digit) {
        return add(&rules::BAD_DATE);
    }
    if seconds.len() > 1 && seconds[0] == b'0' {
        add(&rules::ZERO_PADDED_DATE);
    }
    let number = std::str::from_utf8(seconds).ok().and_then(|s| s.parse::<i64>().ok());
    if number.is_none() {
        return add(&rules::BAD_DATE_OVERFLOW);
    }
    match words.next() {
        None => add(&rules::BAD_DATE),
        Some([b'+' | b'-', digits @ ..]) if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit) => {}
        Some(_) => add(&rules::BAD_TIMEZONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_of(line: &str) -> Vec<&'static str> {
        let mut found = Findings::default();
        ident(line.as_bytes(), &mut found);
        found.finish().into_iter().map(|f| f.rule).collect()
    }

    #[test]
    fn who_and_when_are_judged() {
        for (line, expected) in [
            ("A U Thor <a@b> 1700000000 +0100", &[][..]),
            ("A <> 0 -0000", &[]),
            ("<a@b> 1 +0000", &["missing-name-before-email"]),
            (" <a@b> 1 +0000", &["missing-name-before-email"]),
            ("A<a@b> 1 +0000", &["missing-space-before-email"]),
            ("A 1 +0000", &["missing-email"]),
            ("", &["missing-email"]),
            ("A> <a@b> 1 +0000", &["bad-name"]),
            ("A <a<b> 1 +0000", &["bad-email"]),
            ("A <a", &["bad-email"]),
            ("A <a@b>1 +0000", &["missing-space-before-date"]),
            ("A <a@b>", &["bad-date", "missing-space-before-date"]),
            ("A <a@b> -1 +0000", &["bad-date"]),
            ("A <a@b> 1", &["bad-date"]),
            ("A <a@b> 01 +0000", &["zero-padded-date"]),
            ("A <a@b> 99999999999999999999 +0000", &["bad-date-overflow"]),
            ("A <a@b> 18446744073709551615 +0000", &["bad-date-overflow"]),
            ("A <a@b> 1 +99999", &["bad-timezone"]),
            ("A <a@b> 1 0000", &["bad-timezone"]),
            ("A <a@b> 1 +0000 ", &["bad-timezone"]),
            ("A <a@b> 1 +051800", &["bad-timezone"]),
        ] {
            assert_eq!(rules_of(line), expected, "{line:?}");
        }
    }
}
