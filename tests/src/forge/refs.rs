//! Refs of a bare repository: read with gix, moved by git.

use super::bare::Bare;
use super::judge::RefChange;

/// Forty zeros: "absent" in git's commands.
pub(super) const ZERO: &str = "0000000000000000000000000000000000000000";

impl Bare {
    /// The repository, opened with nothing of this machine's settings.
    pub(super) fn open(&self) -> gix::Repository {
        gix::open_opts(self.path(), gix::open::Options::isolated())
            .expect("the forge makes valid repositories")
    }

    /// The oid at which a ref stands, annotated tags unpeeled.
    pub(super) fn find_ref(&self, full_name: &str) -> Option<String> {
        let repo = self.open();
        let found = repo.try_find_reference(full_name).ok()??;
        (found.name().as_bstr() == full_name).then(|| found.target().try_id().map(|id| id.to_string()))?
    }

    /// Refs whose name begins with `refs/<prefix>`, sorted, with their oids.
    pub(super) fn list_refs(&self, prefix: &str) -> Vec<(String, String)> {
        let repo = self.open();
        let Ok(platform) = repo.references() else { return Vec::new() };
        let Ok(all) = platform.all() else { return Vec::new() };
        let entry = |r: gix::Reference<'_>| {
            let name = r.name().as_bstr().to_string();
            Some((
                name.strip_prefix("refs/")?.starts_with(prefix).then_some(name)?,
                r.target().try_id()?.to_string(),
            ))
        };
        let mut found: Vec<(String, String)> = all.filter_map(Result::ok).filter_map(entry).collect();
        found.sort();
        found
    }

    /// Whether there is no branch at all: what GitHub calls an empty repository.
    pub(super) fn is_empty(&self) -> bool {
        self.list_refs("heads/").is_empty()
    }

    /// Moves refs, all or none; each must stand where its change says. Errors: git's words.
    pub(super) fn move_refs(&self, changes: &[RefChange]) -> Result<(), String> {
        let mut input = String::from("start\n");
        for change in changes {
            let old = change.old.as_deref().unwrap_or(ZERO);
            let new = change.new.as_deref().unwrap_or(ZERO);
            input.push_str(&format!("update {} {new} {old}\n", change.name));
        }
        input.push_str("prepare\ncommit\n");
        let output = self.feed(&["update-ref", "--stdin"], input.as_bytes());
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }
}
