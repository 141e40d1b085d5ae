//! What exists on the forge: users, repositories, and all the rest behind one lock. Plain data, made by tests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::app::App;
use super::rules::{Protection, Ruleset};
use super::token::{Token, fresh_token};
use super::webhook::Hook;

/// A user or an organisation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// The login name.
    pub login: String,
    /// The numeric id; 0 is replaced by a fresh one.
    pub id: u64,
    /// The name that it shows.
    pub name: Option<String>,
    /// An organisation, not a person.
    pub organization: bool,
    /// The organisation demands SAML single sign-on of every token.
    pub sso: bool,
    /// Logins that belong to the organisation, with their role in all its repositories.
    pub members: BTreeMap<String, Role>,
}

impl User {
    /// A person.
    pub fn new(login: &str) -> Self {
        Self { login: login.to_owned(), ..Self::default() }
    }

    /// An organisation; add `members`.
    pub fn organization(login: &str) -> Self {
        Self { organization: true, ..Self::new(login) }
    }
}

/// What somebody may do in a repository, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read.
    Pull,
    /// Read and manage issues.
    Triage,
    /// Write.
    Push,
    /// Write and manage hooks.
    Maintain,
    /// Everything.
    Admin,
}

/// A repository; its objects lie in the bare repository `Forge::bare`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Repo {
    /// The numeric id; 0 is replaced by a fresh one.
    pub id: u64,
    /// The owner's login.
    pub owner: String,
    /// The name.
    pub name: String,
    /// Private: hidden from who may not read it.
    pub private: bool,
    /// Archived: read-only.
    pub archived: bool,
    /// The default branch; it need not exist.
    pub default_branch: String,
    /// The description.
    pub description: Option<String>,
    /// What others than the owner may do.
    pub permissions: BTreeMap<String, Role>,
    /// Classic branch protection.
    pub protections: Vec<Protection>,
    /// Rulesets.
    pub rulesets: Vec<Ruleset>,
    /// Refuse pushed blobs above so many bytes (GH001); github.com's limit is 100 MB. `None` looks at nothing.
    pub blob_limit: Option<u64>,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// The last push, seconds since the epoch.
    pub pushed_at: i64,
}

impl Default for Repo {
    fn default() -> Self {
        Self {
            id: 0,
            owner: String::new(),
            name: String::new(),
            private: false,
            archived: false,
            default_branch: "main".to_owned(),
            description: None,
            permissions: BTreeMap::new(),
            protections: Vec::new(),
            rulesets: Vec::new(),
            blob_limit: None,
            created_at: 0,
            pushed_at: 0,
        }
    }
}

impl Repo {
    /// A public, empty repository. `full_name` is `owner/name`.
    pub fn new(full_name: &str) -> Self {
        let (owner, name) = full_name.split_once('/').expect("a repository is given as owner/name");
        Self { owner: owner.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    /// The same, private.
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// Lets somebody in.
    pub fn collaborator(mut self, login: &str, role: Role) -> Self {
        self.permissions.insert(login.to_owned(), role);
        self
    }

    /// Protects branches.
    pub fn protect(mut self, protection: Protection) -> Self {
        self.protections.push(protection);
        self
    }

    /// Adds a ruleset.
    pub fn ruleset(mut self, ruleset: Ruleset) -> Self {
        self.rulesets.push(ruleset);
        self
    }

    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// Everything that exists, behind the forge's lock.
#[derive(Default)]
pub(super) struct World {
    pub(super) users: BTreeMap<String, User>,
    pub(super) tokens: Vec<Token>,
    pub(super) repos: BTreeMap<u64, Repo>,
    /// Former names, lower case, with the id that they lead to.
    pub(super) moved: BTreeMap<String, u64>,
    pub(super) apps: Vec<App>,
    /// Webhooks by their id.
    pub(super) hooks: BTreeMap<u64, Hook>,
    next_id: u64,
}

impl World {
    /// A number that nothing else has.
    pub(super) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        1_000 + self.next_id
    }

    /// The user of that login, made when there is none.
    pub(super) fn user(&mut self, login: &str) -> User {
        if !self.users.contains_key(&login.to_lowercase()) {
            self.put_user(User::new(login));
        }
        self.users[&login.to_lowercase()].clone()
    }

    /// Adds or replaces a user.
    pub(super) fn put_user(&mut self, mut user: User) {
        if user.id == 0 {
            user.id = self.fresh_id();
        }
        self.users.insert(user.login.to_lowercase(), user);
    }

    /// Adds a token, filling what was left open.
    pub(super) fn put_token(&mut self, mut token: Token) -> Token {
        let number = self.fresh_id();
        if token.value.is_empty() {
            token.value = fresh_token(token.kind);
        }
        if token.label.is_empty() {
            token.label = format!("{:?}-{number}", token.kind).to_lowercase();
        }
        if token.installation.is_none() {
            self.user(&token.login.clone());
        }
        self.tokens.push(token.clone());
        token
    }

    /// Adds an App, filling what was left open.
    pub(super) fn put_app(&mut self, mut app: App) -> App {
        if app.id == 0 {
            app.id = self.fresh_id();
        }
        if app.client_id.is_empty() {
            app.client_id = format!("Iv1.{:016x}", app.id);
        }
        for number in 0..app.installations.len() {
            let account = app.installations[number].account.clone();
            self.user(&account);
            if app.installations[number].id == 0 {
                app.installations[number].id = self.fresh_id();
            }
        }
        self.user(&format!("{}[bot]", app.slug));
        self.apps.push(app.clone());
        app
    }

    /// The repository that has this name now.
    pub(super) fn repo(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.repos.values().find(|r| r.owner.eq_ignore_ascii_case(owner) && r.name.eq_ignore_ascii_case(name))
    }

    /// The repository that had this name before.
    pub(super) fn moved_repo(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.repos.get(self.moved.get(&format!("{owner}/{name}").to_lowercase())?)
    }

    /// What a login may do in a repository, public reading left aside.
    pub(super) fn role(&self, login: &str, repo: &Repo) -> Option<Role> {
        if login.eq_ignore_ascii_case(&repo.owner) {
            return Some(Role::Admin);
        }
        let owner = self.users.get(&repo.owner.to_lowercase());
        let member = owner.and_then(|o| o.members.get(login).copied());
        repo.permissions.get(login).copied().max(member)
    }
}
