//! What exists on the forge: users, tokens, repositories, apps. Plain data, made by tests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rules::{Protection, Ruleset};
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

/// The kinds of token that GitHub issues; each has its prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// `ghp_`, with scopes.
    #[default]
    Classic,
    /// `github_pat_`, with permissions and a list of repositories.
    FineGrained,
    /// `gho_`, with scopes.
    Oauth,
    /// `ghu_`, a user through an App.
    AppUser,
    /// `ghs_`, an App's installation.
    Installation,
}

impl TokenKind {
    /// The prefix of such tokens.
    pub fn prefix(self) -> &'static str {
        match self {
            TokenKind::Classic => "ghp_",
            TokenKind::FineGrained => "github_pat_",
            TokenKind::Oauth => "gho_",
            TokenKind::AppUser => "ghu_",
            TokenKind::Installation => "ghs_",
        }
    }

    /// Whether scopes, not permissions, say what such a token may do.
    pub fn has_scopes(self) -> bool {
        matches!(self, TokenKind::Classic | TokenKind::Oauth)
    }

    /// What GitHub calls it in refusals of workflow files.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            TokenKind::Classic | TokenKind::FineGrained => "a Personal Access Token",
            TokenKind::Oauth => "an OAuth App",
            TokenKind::AppUser | TokenKind::Installation => "a GitHub App",
        }
    }
}

/// A token and what it may do.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// The token itself; empty is replaced by a fresh one with the kind's prefix.
    pub value: String,
    /// What the request log calls it; empty is replaced by `<kind>-<n>`.
    pub label: String,
    /// Its kind.
    pub kind: TokenKind,
    /// Whose it is; for installations `<app slug>[bot]`.
    pub login: String,
    /// Scopes of classic and OAuth tokens.
    pub scopes: Vec<String>,
    /// Permissions of the others, such as `contents: write`.
    pub permissions: BTreeMap<String, String>,
    /// The repositories (`owner/name`) that it reaches; `None` is all.
    pub repositories: Option<Vec<String>>,
    /// When it dies, seconds since the epoch on the forge's clock.
    pub expires: Option<i64>,
    /// Revoked: answers as an unknown token does.
    pub revoked: bool,
    /// Authorised for single sign-on.
    pub sso: bool,
    /// The installation that it belongs to.
    pub installation: Option<u64>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("label", &self.label)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// A classic token with the scopes `repo`, `workflow` and `admin:repo_hook`.
    pub fn classic(login: &str) -> Self {
        Self { login: login.to_owned(), ..Self::default() }.scopes(&["repo", "workflow", "admin:repo_hook"])
    }

    /// A fine-grained token for all repositories, with `metadata: read` only; add permissions.
    pub fn fine_grained(login: &str) -> Self {
        Self { kind: TokenKind::FineGrained, login: login.to_owned(), ..Self::default() }
            .permission("metadata", "read")
    }

    /// An OAuth token with the scope `repo`.
    pub fn oauth(login: &str) -> Self {
        Self { kind: TokenKind::Oauth, ..Self::classic(login) }.scopes(&["repo"])
    }

    /// Replaces the scopes.
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
        self
    }

    /// Adds or replaces one permission: `read`, `write` or `admin`.
    pub fn permission(mut self, name: &str, level: &str) -> Self {
        self.permissions.insert(name.to_owned(), level.to_owned());
        self
    }

    /// Limits the token to these repositories.
    pub fn only(mut self, repositories: &[&str]) -> Self {
        self.repositories = Some(repositories.iter().map(|s| (*s).to_owned()).collect());
        self
    }

    /// Sets the value, for tests that look for it afterwards.
    pub fn value(mut self, value: &str) -> Self {
        self.value = value.to_owned();
        self
    }

    /// Sets the name in the request log.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }
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

/// A GitHub App.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct App {
    /// The numeric id; 0 is replaced by a fresh one. A JWT's `iss` is this or `client_id`.
    pub id: u64,
    /// The client id; empty is replaced by `Iv1.<id>`.
    pub client_id: String,
    /// The slug; installation tokens act as `<slug>[bot]`.
    pub slug: String,
    /// Its RSA public key, PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`).
    pub public_key: String,
    /// What it was granted, such as `contents: write`.
    pub permissions: BTreeMap<String, String>,
    /// Where it is installed.
    pub installations: Vec<Installation>,
}

/// The private key of `App::new`, as GitHub hands one out (PKCS#1). Made for these tests, known to everybody.
pub const APP_PRIVATE_KEY: &str = include_str!("../../fixtures/app/private.pem");

impl App {
    /// An App with `APP_PRIVATE_KEY`, that may write contents and hooks, not installed anywhere.
    pub fn new(slug: &str) -> Self {
        let granted = [("contents", "write"), ("metadata", "read"), ("repository_hooks", "write")];
        let permissions = granted.iter().map(|(n, l)| ((*n).to_owned(), (*l).to_owned())).collect();
        let public_key = include_str!("../../fixtures/app/public.pem").to_owned();
        Self { slug: slug.to_owned(), public_key, permissions, ..Self::default() }
    }

    /// Installs it on an account, for all its repositories.
    pub fn installed_on(mut self, account: &str) -> Self {
        self.installations.push(Installation { account: account.to_owned(), ..Installation::default() });
        self
    }
}

/// One installation of an App.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Installation {
    /// The numeric id; 0 is replaced by a fresh one.
    pub id: u64,
    /// The account that installed it.
    pub account: String,
    /// The repositories (`owner/name`) chosen; `None` is all of the account.
    pub repositories: Option<Vec<String>>,
    /// Suspended: mints no tokens.
    pub suspended: bool,
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

/// A token nobody has, long enough to be searched for.
fn fresh_token(kind: TokenKind) -> String {
    let mut raw = [0; 18];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut raw)
        .expect("the system has random bytes");
    let hex: String = raw.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}{hex}", kind.prefix())
}
