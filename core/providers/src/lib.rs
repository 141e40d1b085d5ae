//! Providers as APIs: who a token belongs to, what a repository is, and git objects made and read by REST
//! and GraphQL. Nothing here speaks git's own protocol or keeps records.
//!
//! [`Provider`] is what callers hold; each host's ways are behind it. Today that is GitHub.

mod account;
mod addresses;
mod github;
mod objects;

use std::time::Duration;

use coregit_http::{Client, Credential, HttpError};
use coregit_model::{BranchName, Connection, Oid, ProviderKind, RefName, RefUpdate, RemoteRepo, Secret};

pub use account::{Identity, Repository, Rights, Rule};
pub use addresses::Addresses;
pub use objects::{Content, NewCommit, NewTree, Person, RemoteCommit, RemoteEntry, RemoteTree, TreeEntry};

use github::Github;

/// One provider with one connection's token.
///
/// All errors are [`HttpError`]s, also where nothing was sent: they carry the class, the host's own words
/// and what is known of the effect.
#[derive(Clone, Debug)]
pub struct Provider {
    host: Github,
}

impl Provider {
    /// The provider of a connection. `secret` is its token, or an App's private key; `fingerprint` names
    /// the token's budget in every process alike. Sends nothing.
    pub fn new(
        connection: &Connection,
        client: Client,
        secret: Secret,
        fingerprint: String,
    ) -> Result<Self, HttpError> {
        let host = match connection.provider {
            ProviderKind::Github => Github::new(connection, client, secret, &fingerprint)?,
        };
        Ok(Self { host })
    }

    /// The same provider, which waits this long in all for objects made moments ago to be seen everywhere
    /// (hosts have replicas); 30 s by default.
    pub fn lag_patience(mut self, patience: Duration) -> Self {
        self.host.lag_patience = patience;
        self
    }

    /// Where its API and its git URLs are.
    pub fn addresses(&self) -> &Addresses {
        self.host.addresses()
    }

    /// Who the token belongs to. The text of a refusal is `GitHub token validation failed: 401 Bad
    /// credentials`. Reads only; an App mints a token that it may.
    pub async fn validate(&self) -> Result<Identity, HttpError> {
        self.host.validate().await
    }

    /// The username and token for git over HTTPS; an App's token is minted when it is due.
    pub async fn git_credential(&self, remote: &RemoteRepo) -> Result<Credential, HttpError> {
        self.host.git_credential(remote).await
    }

    /// Forgets a token that the host refused to git, so that the next credential is a new one. `false` when
    /// there is none to be had, which is so for everything but Apps. API calls do this themselves.
    pub fn renew(&self) -> bool {
        self.host.renew()
    }

    /// What the host says of a repository. A rename is followed on the same host and told in
    /// `renamed_to`.
    pub async fn repository(&self, remote: &RemoteRepo) -> Result<Repository, HttpError> {
        self.host.repository(remote).await
    }

    /// What the token may do there, as far as it can be told by reading.
    pub async fn rights(&self, remote: &RemoteRepo) -> Result<Rights, HttpError> {
        self.host.rights(remote).await
    }

    /// The rules that hold for a branch.
    pub async fn rules(&self, remote: &RemoteRepo, branch: &BranchName) -> Result<Vec<Rule>, HttpError> {
        self.host.rules(remote, branch).await
    }

    /// Where a ref stands; `None` when it does not exist, also in an empty repository.
    pub async fn ref_oid(&self, remote: &RemoteRepo, name: &RefName) -> Result<Option<Oid>, HttpError> {
        self.host.ref_oid(remote, name).await
    }

    /// Moves refs, all or none, each only from its expected oid (zero: must not exist; new zero: delete)
    /// and only forward. A head that stands elsewhere is `Conflict`. An answer that was lost is made up for
    /// by looking: what stands as it should is a success.
    pub async fn update_refs(&self, remote: &RemoteRepo, updates: &[RefUpdate]) -> Result<(), HttpError> {
        self.host.update_refs(remote, updates, false).await
    }

    /// The same, for moves that need not be forward. The expected oids still hold.
    pub async fn force_refs(&self, remote: &RemoteRepo, updates: &[RefUpdate]) -> Result<(), HttpError> {
        self.host.update_refs(remote, updates, true).await
    }

    /// Makes blobs, at most 20 at a time; each is answered with its oid, which is compared.
    pub async fn put_blobs(&self, remote: &RemoteRepo, blobs: Vec<(Oid, Vec<u8>)>) -> Result<(), HttpError> {
        self.host.put_blobs(remote, blobs).await
    }

    /// Makes a tree. Text goes along in the calls, binary as blobs first; a call that the host cannot bear is
    /// halved. The answer is compared with what is expected.
    pub async fn put_tree(&self, remote: &RemoteRepo, tree: NewTree) -> Result<Oid, HttpError> {
        self.host.put_tree(remote, tree).await
    }

    /// Makes a commit. With all dates given, a repetition makes the same one.
    pub async fn put_commit(&self, remote: &RemoteRepo, commit: &NewCommit) -> Result<Oid, HttpError> {
        self.host.put_commit(remote, commit).await
    }

    /// A commit, as its API shows it.
    pub async fn commit(&self, remote: &RemoteRepo, oid: &Oid) -> Result<RemoteCommit, HttpError> {
        self.host.commit(remote, oid).await
    }

    /// The tree of a commit.
    pub async fn commit_tree(&self, remote: &RemoteRepo, oid: &Oid) -> Result<Oid, HttpError> {
        Ok(self.host.commit(remote, oid).await?.tree)
    }

    /// One level of a tree.
    pub async fn tree(&self, remote: &RemoteRepo, oid: &Oid) -> Result<RemoteTree, HttpError> {
        self.host.tree(remote, oid).await
    }

    /// All files below a tree, by their whole paths, `most` at most (more is `TooLarge`).
    pub async fn whole_tree(
        &self,
        remote: &RemoteRepo,
        oid: &Oid,
        most: usize,
    ) -> Result<Vec<RemoteEntry>, HttpError> {
        self.host.whole_tree(remote, oid, most).await
    }

    /// The bytes of a blob, proved by hashing them.
    pub async fn blob(&self, remote: &RemoteRepo, oid: &Oid) -> Result<Vec<u8>, HttpError> {
        self.host.blob(remote, oid).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_futures_may_move_between_threads() {
        fn check<T: Send>(_: impl FnOnce(Provider, RemoteRepo, NewCommit) -> T) {}
        check(|p, _, _| async move { p.validate().await });
        check(|p, r, _| async move { p.repository(&r).await });
        check(|p, r, _| async move { p.rights(&r).await });
        check(|p, r, c| async move { p.put_commit(&r, &c).await });
        check(
            |p, r, c| async move { p.put_tree(&r, NewTree { base: Some(c.tree), ..NewTree::default() }).await },
        );
        check(|p, r, _| async move { p.update_refs(&r, &[]).await });
        check(|p, r, c| async move { p.whole_tree(&r, &c.tree, 1).await });
        check(|p, r, _| async move { p.git_credential(&r).await });
    }
}
