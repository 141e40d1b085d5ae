//! Rules over the content of a `.gitmodules`: names that become folders, paths, URLs, commands.

use crate::config::{Variable, read};
use crate::finding::{Finding, Findings};
use crate::{name, rules, url};

/// Most bytes of a `.gitmodules`; a thousand submodules take about 200 KiB.
pub const MAX_GITMODULES: u64 = 4 << 20;

/// What is wrong with the content of a `.gitmodules`.
pub fn gitmodules(raw: &[u8]) -> Vec<Finding> {
    let mut found = Findings::default();
    if raw.len() as u64 > MAX_GITMODULES {
        found.add(&rules::GITMODULES_LARGE, None);
        return found.finish();
    }
    if read(raw, |variable| one(&variable, &mut found)).is_err() {
        found.add(&rules::GITMODULES_PARSE, None);
    }
    found.finish()
}

fn one(variable: &Variable<'_>, found: &mut Findings) {
    // A section without a name belongs to no submodule, and git passes it over.
    let Some(submodule) = variable.subsection.filter(|_| variable.section == b"submodule") else { return };
    let value = variable.value;
    if submodule.is_empty() || climbs(submodule) {
        found.add(&rules::GITMODULES_NAME, Some(submodule));
    }
    if submodule.iter().any(u8::is_ascii_control) {
        found.add(&rules::GITMODULES_CONTROL, Some(submodule));
    }
    if matches!(variable.key, b"path" | b"url") && value.iter().any(u8::is_ascii_control) {
        found.add(&rules::GITMODULES_CONTROL, Some(value));
    }
    match variable.key {
        b"path" if bad_path(value) => found.add(&rules::GITMODULES_PATH, Some(value)),
        b"update" if value.starts_with(b"!") => found.add(&rules::GITMODULES_UPDATE, Some(value)),
        b"url" => {
            if let Some(rule) = url::flaw(value) {
                found.add(rule, Some(value));
            }
        }
        _ => {}
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|b| b"/\\".contains(b))
}

fn climbs(path: &[u8]) -> bool {
    parts(path).any(|part| part == b"..")
}

fn bad_path(path: &[u8]) -> bool {
    path.starts_with(b"-") || path.starts_with(b"/") || climbs(path) || parts(path).any(name::is_dotgit)
}
