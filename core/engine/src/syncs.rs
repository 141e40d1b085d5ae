//! Sync configs: made, changed, paused, deleted.

use coregit_git::Repo as GitRepo;
use coregit_model::{
    BranchName, Connection, Direction, Guard, Mode, OnDivergence, Refspec, Refspecs, RemoteRepo, Repo,
    RepoId, SyncConfig, SyncId, SyncState, Timestamp, Via,
};
use coregit_store::Found;

use crate::{Engine, Error, ErrorKind};

/// Auto-sync reconciles this often when nothing else is said: 15 minutes.
const AUTO_INTERVAL_S: u32 = 15 * 60;

/// What a user asks of a sync; `None` keeps what is there (or the default).
#[derive(Clone, Debug, Default)]
pub struct SyncChange {
    /// `import` or `export`.
    pub direction: Option<String>,
    /// `snapshot` or `history`.
    pub mode: Option<String>,
    /// `auto`, `git` or `api`.
    pub via: Option<String>,
    /// The branch, for snapshots.
    pub branch: Option<String>,
    /// Refspecs, for history.
    pub refs: Option<Vec<String>>,
    /// `merge`, `stop` or `overwrite`.
    pub on_divergence: Option<String>,
    /// `stop`, `local` or `remote`.
    pub conflict: Option<String>,
    /// `never` or `managed`.
    pub prune: Option<String>,
    /// Most refs that one run may force or delete.
    pub guard_refs: Option<u32>,
    /// Most of a tree, in percent, that one run may delete.
    pub guard_percent: Option<u8>,
    /// A tag that moved here moves there.
    pub accept_tag_move: Option<bool>,
    /// Runs after every push.
    pub auto_sync: Option<bool>,
    /// `Some(None)`: never by the clock.
    pub interval_s: Option<Option<u32>>,
    /// Its name.
    pub label: Option<String>,
}

/// A sync that was made or changed, and what else was done or is to be known.
#[derive(Debug)]
pub struct SyncMade {
    /// The sync.
    pub sync: SyncConfig,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

impl Engine {
    /// Links a repository to a remote repository. Provider trouble never fails it, and no run is started;
    /// what the provider says about the remote is in the notes.
    pub async fn create_sync(
        &self,
        repo: &Repo,
        connection: &Connection,
        remote: &str,
        change: SyncChange,
    ) -> Result<SyncMade, Error> {
        let remote = RemoteRepo::parse(remote).map_err(|e| Error::usage(e.to_string()))?;
        let mut sync = self.blank(repo, connection, remote);
        apply(&mut sync, change)?;
        self.sync_label_is_free(&sync).await?;
        let mut notes = self.pin_remote(&mut sync, connection).await;
        self.store.insert_sync(&sync).await?;
        notes.extend(self.follow_auto_sync(repo, &sync).await?);
        Ok(SyncMade { sync, notes })
    }

    fn blank(&self, repo: &Repo, connection: &Connection, remote: RemoteRepo) -> SyncConfig {
        let now = Timestamp::now();
        let head = GitRepo::open(&repo.path).ok().and_then(|r| r.head_branch());
        SyncConfig {
            id: SyncId::random(),
            repo_id: repo.id.clone(),
            connection_id: connection.id.clone(),
            label: connection.label.clone(),
            remote,
            remote_id: None,
            direction: Direction::Import,
            mode: Mode::Snapshot,
            via: Via::Auto,
            branch: head.unwrap_or_else(|| repo.default_branch.clone()),
            refs: Refspecs::default(),
            on_divergence: OnDivergence::Merge,
            conflict: coregit_model::Conflict::Stop,
            protect: false,
            prune: coregit_model::Prune::Never,
            guard: Guard::default(),
            accept_tag_move: false,
            auto_sync: false,
            lfs: coregit_model::Lfs::Skip,
            interval_s: None,
            state: SyncState::Active,
            last_synced_sha: None,
            last_synced_at: None,
            last_error: None,
            created_at: now,
            updated_at: now,
        }
    }

    async fn sync_label_is_free(&self, sync: &SyncConfig) -> Result<(), Error> {
        let others = self.store.syncs_of(&sync.repo_id).await?;
        match others.iter().find(|o| o.label == sync.label && o.id != sync.id) {
            None => Ok(()),
            Some(other) => {
                let sentence =
                    format!("this repository has a sync called {:?} already ({})", sync.label, other.id);
                Err(Error::new(ErrorKind::Conflict, sentence).hint("give another --label"))
            }
        }
    }

    /// Notes the remote's numeric id where the provider answers; says what it says otherwise.
    async fn pin_remote(&self, sync: &mut SyncConfig, connection: &Connection) -> Vec<String> {
        let info = async {
            let secret = self.store.open_token(connection).await?;
            Ok::<_, Error>(self.provider_for(connection, &secret).await?.repository(&sync.remote).await?)
        };
        match info.await {
            Err(error) => vec![format!("the remote repository could not be looked at yet: {error}")],
            Ok(info) => {
                sync.remote_id = Some(info.id);
                let mut notes = Vec::new();
                if info.archived {
                    notes.push(format!("{} is archived: it takes no pushes", sync.remote));
                }
                if info.push == Some(false) {
                    notes.push(format!("{} may not push to {}", connection.external_username, sync.remote));
                }
                notes
            }
        }
    }

    /// A sync by id, or by a label that only one sync has.
    pub async fn sync(&self, id_or_label: &str) -> Result<SyncConfig, Error> {
        let shown = coregit_model::printable(id_or_label);
        match self.store.sync(id_or_label).await? {
            Found::One(sync) => Ok(sync),
            Found::None => Err(Error::not_found(format!("no sync is called {shown:?}"))
                .hint("`coregit sync status` shows all")),
            Found::Many => Err(Error::usage(format!("several syncs are called {shown:?}"))
                .hint("give the id; `coregit sync status` shows it")),
        }
    }

    /// The syncs of a repository, oldest first.
    pub async fn syncs_of(&self, repo: &Repo) -> Result<Vec<SyncConfig>, Error> {
        Ok(self.store.syncs_of(&repo.id).await?)
    }

    /// Changes a sync; hooks follow a change of auto-sync.
    pub async fn update_sync(&self, id_or_label: &str, change: SyncChange) -> Result<SyncMade, Error> {
        let mut sync = self.sync(id_or_label).await?;
        let before = sync.clone();
        apply(&mut sync, change)?;
        if sync == before {
            return Err(
                Error::usage("nothing to change").hint("`coregit sync update --help` lists what can be")
            );
        }
        self.sync_label_is_free(&sync).await?;
        if sync.branch != before.branch {
            (sync.last_synced_sha, sync.last_synced_at) = (None, None);
        }
        sync.updated_at = Timestamp::now();
        self.store.update_sync(&sync, before.updated_at).await?;
        let repo = self.repo_of(&sync).await?;
        let notes = self.follow_auto_sync(&repo, &sync).await?;
        Ok(SyncMade { sync, notes })
    }

    /// Pauses or resumes a sync.
    pub async fn set_sync_state(&self, id_or_label: &str, state: SyncState) -> Result<SyncConfig, Error> {
        let sync = self.sync(id_or_label).await?;
        match state {
            SyncState::Active => self.activate(&sync).await?,
            other => self.store.set_sync_state(&sync.id, other, None).await?,
        }
        self.sync(sync.id.as_str()).await
    }

    /// Lets a sync run again; one that follows pushes makes good what it missed.
    async fn activate(&self, sync: &SyncConfig) -> Result<(), Error> {
        self.store.set_sync_state(&sync.id, SyncState::Active, None).await?;
        if sync.auto_sync {
            self.store.add_trigger(&sync.id, "resumed", None).await?;
        }
        Ok(())
    }

    /// Syncs of this connection that a refused token stopped run again.
    pub(crate) async fn release_held_syncs(
        &self,
        connection: &coregit_model::ConnectionId,
    ) -> Result<(), Error> {
        for sync in self.store.syncs_of_connection(connection).await? {
            if sync.state == SyncState::Held {
                self.activate(&sync).await?;
            }
        }
        Ok(())
    }

    /// Deletes a sync; its history stays, and its ref names on the remote too.
    pub async fn delete_sync(&self, id_or_label: &str) -> Result<SyncConfig, Error> {
        let sync = self.sync(id_or_label).await?;
        self.store.delete_sync(&sync.id).await?;
        self.refresh_policy(&sync.repo_id).await?;
        Ok(sync)
    }

    /// The repository of a sync.
    pub async fn repo_of(&self, sync: &SyncConfig) -> Result<Repo, Error> {
        self.repo_by_id(&sync.repo_id).await
    }

    pub(crate) async fn repo_by_id(&self, id: &RepoId) -> Result<Repo, Error> {
        let repo = self.store.repo_by_id(id).await?;
        repo.ok_or_else(|| Error::not_found(format!("the repository {id} is gone")))
    }

    /// Installs the hooks where auto-sync of an export needs them, and keeps the policy file in step.
    async fn follow_auto_sync(&self, repo: &Repo, sync: &SyncConfig) -> Result<Vec<String>, Error> {
        if !(sync.auto_sync && sync.direction == Direction::Export) {
            self.refresh_policy(&repo.id).await?;
            return Ok(Vec::new());
        }
        let mut notes = match self.install_hooks(repo, crate::hooks::Shared::No).await {
            Ok(report) => report.notes(),
            Err(error) => {
                vec![format!("the hooks could not be installed: {error}; the sweep finds pushes instead")]
            }
        };
        if !self.worker_is_installed() {
            notes.push(
                "nothing keeps a worker running: pushes are synced at once, but retries and what no hook told \
                 wait for the next push; `coregit service install` changes that"
                    .to_owned(),
            );
        }
        Ok(notes)
    }
}

fn apply(sync: &mut SyncConfig, change: SyncChange) -> Result<(), Error> {
    apply_words(sync, &change)?;
    if let Some(branch) = &change.branch {
        let short = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        sync.branch = BranchName::parse(short).map_err(|e| Error::usage(e.to_string()))?;
    }
    if let Some(refs) = &change.refs {
        let specs = refs.iter().map(|s| Refspec::parse(s)).collect::<Result<Vec<_>, _>>();
        sync.refs = Refspecs(specs.map_err(|e| Error::usage(e.to_string()))?);
    }
    sync.guard.refs = change.guard_refs.unwrap_or(sync.guard.refs);
    sync.guard.percent = change.guard_percent.unwrap_or(sync.guard.percent);
    sync.accept_tag_move = change.accept_tag_move.unwrap_or(sync.accept_tag_move);
    if let Some(auto_sync) = change.auto_sync {
        sync.auto_sync = auto_sync;
        sync.interval_s = auto_sync.then_some(AUTO_INTERVAL_S);
    }
    sync.interval_s = change.interval_s.unwrap_or(sync.interval_s);
    sync.label = change.label.unwrap_or_else(|| sync.label.clone());
    check(sync)
}

fn apply_words(sync: &mut SyncConfig, change: &SyncChange) -> Result<(), Error> {
    fn word<T: std::str::FromStr>(slot: &mut T, text: &Option<String>) -> Result<(), Error>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = text else { return Ok(()) };
        *slot = text.parse().map_err(|e: T::Err| Error::usage(e.to_string()))?;
        Ok(())
    }
    let mode = sync.mode;
    word(&mut sync.direction, &change.direction)?;
    word(&mut sync.mode, &change.mode)?;
    if sync.mode != mode {
        sync.on_divergence = match sync.mode {
            Mode::Snapshot => OnDivergence::Merge,
            Mode::History => OnDivergence::Stop,
        };
    }
    word(&mut sync.via, &change.via)?;
    word(&mut sync.on_divergence, &change.on_divergence)?;
    word(&mut sync.conflict, &change.conflict)?;
    word(&mut sync.prune, &change.prune)
}

/// What does not go together.
fn check(sync: &SyncConfig) -> Result<(), Error> {
    if sync.direction == Direction::Import {
        return Err(Error::usage("imports are not in this version yet")
            .hint("give --direction export; the table in README.md says what works today"));
    }
    if sync.mode == Mode::History && sync.via == Via::Api {
        return Err(
            Error::usage("history by API is not in this version yet").hint("give --via git or --via auto")
        );
    }
    if sync.mode == Mode::History && sync.on_divergence == OnDivergence::Merge {
        return Err(Error::usage("histories are not merged by coregit")
            .hint("give --on-divergence stop or overwrite, or --mode snapshot, which merges trees"));
    }
    crate::connections::check_label(&sync.label)
}
