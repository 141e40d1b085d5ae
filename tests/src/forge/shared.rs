//! What all connections share: the world, the log, the faults, the clock.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use super::bare::Bare;
use super::clock::Clock;
use super::fault::Faults;
use super::lag::Replicas;
use super::limits::Meter;
use super::log::RequestLog;
use super::schema::{Description, Violations};
use super::token::Token;
use super::webhook::Post;
use super::world::{Repo, World};

/// The forge's state.
pub(super) struct Shared {
    /// Where everything lies: `repos/<id>.git` and the forge's own files.
    pub(super) root: PathBuf,
    /// `http://127.0.0.1:port`.
    pub(super) url: String,
    pub(super) clock: Clock,
    pub(super) log: Arc<RequestLog>,
    pub(super) faults: Faults,
    pub(super) meter: Meter,
    pub(super) replicas: Replicas,
    pub(super) post: Post,
    /// GitHub's description, where it was found.
    pub(super) description: Option<&'static Description>,
    pub(super) violations: Violations,
    world: Mutex<World>,
}

impl Shared {
    pub(super) fn new(root: PathBuf, url: String) -> Self {
        Self {
            root,
            url,
            clock: Clock::new(),
            log: Arc::new(RequestLog::new()),
            faults: Faults::default(),
            meter: Meter::default(),
            replicas: Replicas::default(),
            post: Post::default(),
            description: Description::find(),
            violations: Violations::default(),
            world: Mutex::new(World::default()),
        }
    }

    /// The world, locked; never hold it while git works.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic under this lock")
    }

    /// The API's base.
    pub(super) fn api(&self) -> String {
        format!("{}/api/v3", self.url)
    }

    /// The bare repository of a repository.
    pub(super) fn bare(&self, repo: &Repo) -> Bare {
        Bare::at(self.root.join("repos").join(format!("{}.git", repo.id)))
    }

    /// Adds a repository and makes its bare repository. A name that had moved away is taken back.
    pub(super) fn put_repo(&self, mut repo: Repo) -> Repo {
        let now = self.clock.now();
        let mut world = self.world();
        world.user(&repo.owner.clone());
        if repo.id == 0 {
            repo.id = world.fresh_id();
        }
        if repo.created_at == 0 {
            (repo.created_at, repo.pushed_at) = (now, now);
        }
        for (number, ruleset) in repo.rulesets.iter_mut().enumerate() {
            if ruleset.id == 0 {
                ruleset.id = repo.id * 100 + number as u64;
            }
        }
        world.moved.remove(&repo.full_name().to_lowercase());
        world.repos.insert(repo.id, repo.clone());
        drop(world);
        self.bare(&repo).create(&repo.default_branch);
        repo
    }

    /// Gives a repository another name; the old one leads to it from now on.
    pub(super) fn rename(&self, repo: &Repo, new_name: &str) -> Repo {
        let (owner, name) = new_name.split_once('/').unwrap_or((&repo.owner, new_name));
        let mut world = self.world();
        world.moved.insert(repo.full_name().to_lowercase(), repo.id);
        world.moved.remove(&format!("{owner}/{name}").to_lowercase());
        let kept = world.repos.get_mut(&repo.id).expect("a repository found a moment ago");
        (kept.owner, kept.name) = (owner.to_owned(), name.to_owned());
        kept.clone()
    }

    /// Deletes a repository and its files; names that led to it lead nowhere.
    pub(super) fn delete(&self, repo: &Repo) {
        let mut world = self.world();
        world.repos.remove(&repo.id);
        world.moved.retain(|_, id| *id != repo.id);
        world.hooks.retain(|_, hook| hook.repo_id != repo.id);
        drop(world);
        self.bare(repo).remove();
    }

    /// Revokes the tokens of this value or label.
    pub(super) fn revoke(&self, token: &str) {
        let named = |t: &&mut Token| t.value == token || t.label == token;
        self.world().tokens.iter_mut().filter(named).for_each(|t| t.revoked = true);
    }
}
