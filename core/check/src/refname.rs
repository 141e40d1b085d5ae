//! Rules over ref names, beside those of `git check-ref-format`. Which namespaces may be pushed to is
//! policy, and not judged here.

use coregit_model::RefName;

use crate::finding::{Finding, Findings};
use crate::{name, rules};

const MAX_LEN: usize = 4096;
const USUAL_LEN: usize = 255;

/// What is wrong with a full ref name.
pub fn ref_name(raw: &[u8]) -> Vec<Finding> {
    let mut found = Findings::default();
    let mut add = |rule| found.add(rule, Some(raw));
    if raw.len() > MAX_LEN {
        add(&rules::REF_TOO_LONG);
    } else if RefName::new(raw).is_err() {
        add(&rules::BAD_REF_NAME);
    } else {
        odd(raw, &mut add);
    }
    found.finish()
}

fn odd(raw: &[u8], add: &mut impl FnMut(&'static crate::Rule)) {
    let short = [&b"refs/heads/"[..], b"refs/tags/"].iter().find_map(|p| raw.strip_prefix(*p));
    let parts = || raw.split(|b| *b == b'/');
    if raw.len() > USUAL_LEN {
        add(&rules::REF_LONG);
    }
    if parts().any(|part| part.starts_with(b"-")) {
        add(&rules::REF_DASH);
    }
    if short.is_some_and(is_like_oid) {
        add(&rules::REF_LIKE_OID);
    }
    if short.is_some_and(|s| s == b"HEAD" || s == b"@" || s.starts_with(b"refs/")) {
        add(&rules::REF_LIKE_REF);
    }
    if name::has_bidi(raw) {
        add(&rules::REF_BIDI);
    }
    if name::has_control(raw) {
        add(&rules::REF_CONTROL);
    }
    if std::str::from_utf8(raw).is_err() {
        add(&rules::REF_NOT_UTF8);
    }
    if parts().any(name::is_windows_trouble) {
        add(&rules::REF_WINDOWS);
    }
}

fn is_like_oid(short: &[u8]) -> bool {
    [40, 64].contains(&short.len()) && short.iter().all(u8::is_ascii_hexdigit)
}
