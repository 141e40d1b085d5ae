//! git hooks of a repository: installed beside what is there, taken out byte for byte.

mod gitolite;
mod place;
mod undo;

use std::path::{Path, PathBuf};

use coregit_model::{Repo, RepoId};
use coregit_spool::{Policy, Spool};

use crate::{Engine, Error};
use place::Place;
use undo::Undo;

/// The hooks, in the order in which git runs them.
pub(crate) const NAMES: [&str; 3] = ["pre-receive", "update", "post-receive"];

/// git's settings that acknowledged pushes rely on (`facts/threats.md`, 0.9), and what old tools' defects
/// are let through with.
const SETTINGS: [(&str, &str); 9] = [
    ("receive.fsckObjects", "true"),
    ("receive.fsck.zeroPaddedFilemode", "warn"),
    ("receive.fsck.badTimezone", "warn"),
    ("receive.fsck.missingSpaceBeforeDate", "warn"),
    ("receive.fsck.missingSpaceBeforeEmail", "warn"),
    ("receive.fsck.badFilemode", "ignore"),
    ("core.fsync", "committed,loose-object"),
    ("receive.advertisePushOptions", "true"),
    ("core.logAllRefUpdates", "true"),
];

/// Whether a hooks folder that other repositories use too may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// It may.
    Yes,
    /// It may not.
    No,
}

/// How one hook stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HookState {
    /// `pre-receive`, `update` or `post-receive`.
    pub name: &'static str,
    /// Where it is (or would be).
    pub path: PathBuf,
    /// Whether it is ours and answers `--version`.
    pub works: bool,
    /// What was found.
    pub found: String,
}

/// What an installation did.
#[derive(Debug, serde::Serialize)]
pub struct HooksReport {
    /// The hooks.
    pub hooks: Vec<HookState>,
    /// Existing hooks that still run, and where they are now.
    pub chained: Vec<PathBuf>,
    /// Settings of the repository that were changed: key and value.
    pub settings: Vec<(String, String)>,
    /// What somebody else has to do before all of them run.
    pub asks: Vec<String>,
}

impl HooksReport {
    /// Sentences for the user; empty when everything stood already.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for path in &self.chained {
            notes.push(format!("the hook that was there still runs, as {}", path.display()));
        }
        if !self.settings.is_empty() {
            let set = self.settings.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ");
            notes.push(format!(
                "hooks installed; set in the repository: {set} (`coregit hooks uninstall` undoes it)"
            ));
        }
        notes.extend(self.asks.iter().cloned());
        notes
    }
}

impl Engine {
    /// Installs the three hooks, git's settings and the policy file. Repeating it changes nothing.
    pub async fn install_hooks(&self, repo: &Repo, shared: Shared) -> Result<HooksReport, Error> {
        let place = Place::find(&repo.path)?;
        if place.outside && shared == Shared::No {
            let sentence = format!("the hooks folder {} serves other repositories too", place.dir.display());
            return Err(Error::refused(sentence).hint(format!(
                "`coregit hooks install {} --shared` installs there all the same",
                repo.slug
            )));
        }
        let binaries = binaries()?;
        let spool = Spool::at(&repo.path);
        spool.create()?;
        let mut undo = Undo::load(&spool)?;
        let mut chained = Vec::new();
        for name in NAMES {
            chained.extend(place.link(name, &binaries.join(format!("coregit-{name}")), &mut undo, &spool)?);
        }
        let settings = undo.set_config(&repo.path, &SETTINGS, &spool)?;
        self.refresh_policy(&repo.id).await?;
        let asks = NAMES.iter().filter_map(|name| place.spot(name).ask).collect();
        Ok(HooksReport { hooks: self.hook_states(repo)?, chained, settings, asks })
    }

    /// Puts back what was there before. Returns sentences about what had to stay.
    pub async fn uninstall_hooks(&self, repo: &Repo) -> Result<Vec<String>, Error> {
        let spool = Spool::at(&repo.path);
        if !spool.exists() {
            return Ok(Vec::new());
        }
        let mut undo = Undo::load(&spool)?;
        self.hand_over(repo, &mut undo).await?;
        let notes = left_behind(&Place::find(&repo.path)?, &mut undo);
        undo.undo(&repo.path, &spool)?;
        spool.remove()?;
        Ok(notes)
    }

    /// A hooks folder (or gitolite's VREF) may serve other repositories of ours, which keep it.
    async fn hand_over(&self, repo: &Repo, undo: &mut Undo) -> Result<(), Error> {
        for other in self.store.repos().await?.into_iter().filter(|o| o.id != repo.id) {
            let (spool, place) = (Spool::at(&other.path), Place::find(&other.path));
            let (Ok(mut theirs), Ok(place)) = (Undo::load(&spool), place) else { continue };
            if theirs.is_installed() {
                let links: Vec<_> = NAMES.iter().filter_map(|name| place.spot(name).link).collect();
                undo.hand_over(&links, &mut theirs, &spool)?;
            }
        }
        Ok(())
    }

    /// Runs each hook with `--version`: a dangling link is silently no hook.
    pub fn hook_states(&self, repo: &Repo) -> Result<Vec<HookState>, Error> {
        let place = Place::find(&repo.path)?;
        Ok(NAMES.map(|name| place.state(name)).to_vec())
    }

    /// Writes the policy file that the hooks read, where the repository has a spool.
    pub(crate) async fn refresh_policy(&self, repo: &RepoId) -> Result<(), Error> {
        let Some(repo) = self.store.repo_by_id(repo).await? else { return Ok(()) };
        let spool = Spool::at(&repo.path);
        if !spool.exists() {
            return Ok(());
        }
        let syncs = self.store.syncs_of(&repo.id).await?;
        let coregit = std::env::current_exe()
            .and_then(|p| p.canonicalize())
            .map_err(|e| Error::failed(format!("coregit's own path is not known: {e}")))?;
        let policy = Policy {
            home: self.home.path().to_owned(),
            coregit,
            owner_uid: rustix::process::geteuid().as_raw(),
            socket: self.home.worker_socket(),
            repo_id: repo.id.clone(),
            allowed: Policy::USUAL_REFS.map(str::to_owned).to_vec(),
            protected: Vec::new(),
            labels: syncs.into_iter().filter(|s| s.auto_sync).map(|s| s.label).collect(),
            fail_closed: false,
            wait_for_s: Policy::USUAL_WAIT_S,
        };
        Ok(spool.write_policy(&policy)?)
    }
}

/// Leaves what gitolite refuses pushes without.
fn left_behind(place: &Place, undo: &mut Undo) -> Vec<String> {
    let Some(gitolite) = &place.gitolite else { return Vec::new() };
    let link = place.spot("update").link.filter(|link| gitolite.needs(link) && undo.leave(link));
    let note = |link: PathBuf| {
        let link = link.display();
        format!(
            "{link} stays: gitolite refuses every push while its rule VREF/coregit stands and this is gone"
        )
    };
    link.map(note).into_iter().collect()
}

/// The folder of our hook programs: beside this program.
fn binaries() -> Result<PathBuf, Error> {
    let own = std::env::current_exe()
        .and_then(|p| p.canonicalize())
        .map_err(|e| Error::failed(format!("coregit's own path is not known: {e}")))?;
    let dir = own.parent().unwrap_or(Path::new("/")).to_owned();
    match NAMES.iter().find(|n| !dir.join(format!("coregit-{n}")).exists()) {
        None => Ok(dir),
        Some(name) => Err(Error::failed(format!("coregit-{name} is not in {}", dir.display()))
            .hint("install all of coregit's programs into one folder (`scripts/install`)")),
    }
}
