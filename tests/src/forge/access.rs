//! What a caller may do in a repository: roles, scopes, permissions.

use super::auth::Caller;
use super::token::Token;
use super::world::{Repo, Role, World};

/// How much of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Read,
    Write,
}

impl Level {
    /// The word in permissions and headers.
    pub(super) fn word(self) -> &'static str {
        match self {
            Level::Read => "read",
            Level::Write => "write",
        }
    }
}

/// Whether the caller can see that the repository exists.
pub(super) fn visible(world: &World, caller: &Caller, repo: &Repo) -> bool {
    !repo.private || may(world, caller, repo, ("metadata", Level::Read))
}

/// Whether the caller has a permission in a repository.
pub(super) fn may(world: &World, caller: &Caller, repo: &Repo, asked: (&str, Level)) -> bool {
    let public_read = !repo.private && asked.1 == Level::Read && matches!(asked.0, "metadata" | "contents");
    let Some(token) = caller.token() else { return public_read };
    if public_read {
        return true;
    }
    if !reaches(token, repo) {
        return false;
    }
    let role_is_enough =
        caller.is_installation() || world.role(&token.login, repo) >= Some(wanted_role(asked));
    role_is_enough && grants(token, repo, asked)
}

/// What the caller may do by role alone, as the `permissions` of a repository tell it.
pub(super) fn role(world: &World, caller: &Caller, repo: &Repo) -> Option<Role> {
    match caller.is_installation() {
        true => Some(Role::Push),
        false => world.role(caller.login(), repo).or((!repo.private).then_some(Role::Pull)),
    }
}

fn reaches(token: &Token, repo: &Repo) -> bool {
    let chosen = token.repositories.as_ref();
    chosen.is_none_or(|list| list.iter().any(|r| r.eq_ignore_ascii_case(&repo.full_name())))
}

fn wanted_role((permission, level): (&str, Level)) -> Role {
    match (permission, level) {
        ("metadata" | "contents", Level::Read) => Role::Pull,
        ("contents" | "workflows", _) => Role::Push,
        _ => Role::Admin,
    }
}

fn grants(token: &Token, repo: &Repo, (permission, level): (&str, Level)) -> bool {
    if token.kind.has_scopes() {
        return scopes_for(permission, repo.private).iter().any(|s| token.scopes.iter().any(|t| t == s));
    }
    match token.permissions.get(permission).map(String::as_str) {
        Some("write" | "admin") => true,
        Some("read") => level == Level::Read,
        _ => permission == "metadata" && !token.permissions.is_empty(),
    }
}

/// The scopes of which one is enough.
fn scopes_for(permission: &str, private: bool) -> &'static [&'static str] {
    match (permission, private) {
        ("repository_hooks", _) => &["repo", "admin:repo_hook", "write:repo_hook", "public_repo"],
        ("workflows", _) => &["workflow"],
        ("delete", _) => &["delete_repo"],
        (_, true) => &["repo"],
        (_, false) => &["repo", "public_repo"],
    }
}

/// Whether single sign-on keeps this token out of the repository's organisation.
pub(super) fn sso_missing(world: &World, caller: &Caller, repo: &Repo) -> bool {
    let demanded = world.users.get(&repo.owner.to_lowercase()).is_some_and(|o| o.sso);
    demanded && caller.token().is_some_and(|t| !t.sso && t.installation.is_none())
}
