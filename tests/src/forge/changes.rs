//! What follows from a change of refs, by whichever door it came.

use super::judge::RefChange;
use super::shared::Shared;
use super::world::Repo;

impl Shared {
    /// Called after refs changed, before the one who changed them hears of it.
    pub(super) fn after_change(&self, repo: &Repo, _pusher: &str, moved: &[RefChange]) {
        if moved.is_empty() {
            return;
        }
        let now = self.clock.now();
        if let Some(kept) = self.world().repos.get_mut(&repo.id) {
            kept.pushed_at = now;
        }
        self.first_branch(repo, moved);
    }

    /// The first branch of an empty repository becomes the default one when the configured one is not there.
    fn first_branch(&self, repo: &Repo, moved: &[RefChange]) {
        let created = |c: &&RefChange| c.old.is_none() && c.name.starts_with("refs/heads/");
        let Some(first) = moved.iter().find(created) else { return };
        let bare = self.bare(repo);
        let fresh = moved.iter().filter(created).count();
        let default = format!("refs/heads/{}", repo.default_branch);
        if bare.list_refs("heads/").len() > fresh || bare.find_ref(&default).is_some() {
            return;
        }
        bare.ask(&["symbolic-ref", "HEAD", &first.name]);
        if let Some(kept) = self.world().repos.get_mut(&repo.id) {
            kept.default_branch = first.name["refs/heads/".len()..].to_owned();
        }
    }
}
