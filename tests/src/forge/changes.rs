//! What follows from a change of refs, by whichever door it came.

use std::sync::Arc;

use super::judge::RefChange;
use super::payload;
use super::shared::Shared;
use super::world::Repo;

impl Shared {
    /// Called after refs changed, before the one who changed them hears of it.
    pub(super) fn after_change(self: &Arc<Self>, repo: &Repo, pusher: &str, moved: &[RefChange]) {
        if moved.is_empty() {
            return;
        }
        let now = self.clock.now();
        if let Some(kept) = self.world().repos.get_mut(&repo.id) {
            kept.pushed_at = now;
        }
        self.first_branch(repo, moved);
        self.push_events(repo, pusher, moved);
    }

    /// One event for each ref; none at all for more than 3 tags or 5,000 branches at once.
    fn push_events(self: &Arc<Self>, repo: &Repo, pusher: &str, moved: &[RefChange]) {
        let of = |prefix: &str| moved.iter().filter(|c| c.name.starts_with(prefix)).count();
        let hooks = self.wanting(repo.id, "push");
        if hooks.is_empty() || of("refs/tags/") > 3 || of("refs/heads/") > 5_000 {
            return;
        }
        let now = self.world().repos.get(&repo.id).cloned().unwrap_or_else(|| repo.clone());
        for change in
            moved.iter().filter(|c| c.name.starts_with("refs/heads/") || c.name.starts_with("refs/tags/"))
        {
            let payload = payload::push(self, &now, (pusher, change));
            hooks.iter().for_each(|hook| self.send_event(hook.clone(), "push", payload.clone()));
        }
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
