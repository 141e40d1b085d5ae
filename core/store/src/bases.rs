//! Bases: the last pair of oids (ours, theirs) that stood for the same state.

use coregit_model::{ObjectFormat, Oid, Origin, RefName, RepoId, SyncConfig, SyncId, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use crate::row::Columns;
use crate::store::Tx;
use crate::{Store, StoreError};

/// Rows in one INSERT: SQLite takes 32,766 bound values.
const ROWS: usize = 1000;

/// Which pair of refs a base is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseKey {
    /// Our repository.
    pub repo_id: RepoId,
    /// Their repository ([`remote_key`]).
    pub remote_key: String,
    /// Our ref.
    pub ours: RefName,
    /// Their ref.
    pub theirs: RefName,
}

/// The last pair of oids that stood for the same state, shared by every sync of that pair of refs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Our repository.
    pub repo_id: RepoId,
    /// Their repository ([`remote_key`]).
    pub remote_key: String,
    /// Our ref.
    pub ours: RefName,
    /// Their ref.
    pub theirs: RefName,
    /// Where ours stood.
    pub ours_oid: Oid,
    /// Where theirs stood.
    pub theirs_oid: Oid,
    /// The sync that created or updated their ref, and so may delete it.
    pub managed_by: Option<SyncId>,
    /// When both were seen so.
    pub at: Timestamp,
}

impl Base {
    /// A base of now for these refs; its oids are zero until they are set.
    pub fn at(key: BaseKey) -> Self {
        let zero = Oid::zero(ObjectFormat::Sha1);
        let BaseKey { repo_id, remote_key, ours, theirs } = key;
        let at = Timestamp::now();
        Self { repo_id, remote_key, ours, theirs, ours_oid: zero, theirs_oid: zero, managed_by: None, at }
    }
}

/// What one remote repository is called in bases: where it is, and its numeric id (its name, until the id is
/// known), so that all syncs with it share them.
pub fn remote_key(origin: &Origin, sync: &SyncConfig) -> String {
    key_text(&origin.to_string(), sync.remote_id.map(u64::cast_signed), sync.remote.as_str())
}

fn key_text(origin: &str, remote_id: Option<i64>, remote: &str) -> String {
    match remote_id {
        Some(id) => format!("{origin}#{id}"),
        None => format!("{origin}#{remote}"),
    }
}

impl Store {
    /// The bases of one pair of repositories, in order of their ref.
    pub async fn bases(&self, repo_id: &RepoId, remote_key: &str) -> Result<Vec<Base>, StoreError> {
        let select = "SELECT * FROM bases WHERE repo_id = $1 AND remote_key = $2 ORDER BY theirs, ours";
        let rows =
            sqlx::query(select).bind(repo_id.as_str()).bind(remote_key).fetch_all(self.reader()).await?;
        rows.iter().map(read).collect()
    }

    /// The bases of a repository with all its remotes.
    pub async fn bases_of_repo(&self, repo_id: &RepoId) -> Result<Vec<Base>, StoreError> {
        let select = "SELECT * FROM bases WHERE repo_id = $1 ORDER BY remote_key, theirs, ours";
        let rows = sqlx::query(select).bind(repo_id.as_str()).fetch_all(self.reader()).await?;
        rows.iter().map(read).collect()
    }

    /// Keeps bases; one of the same refs is replaced.
    pub async fn put_bases(&self, bases: &[Base]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        put(&mut tx, bases).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets bases.
    pub async fn delete_bases(&self, keys: &[BaseKey]) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        delete(&mut tx, keys).await?;
        Ok(tx.commit().await?)
    }
}

pub(crate) async fn put(tx: &mut Tx, bases: &[Base]) -> Result<(), StoreError> {
    for chunk in bases.chunks(ROWS) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO bases (repo_id, remote_key, ours, theirs, ours_oid, theirs_oid, managed_by, at) ",
        );
        insert.push_values(chunk, |mut row, base| {
            row.push_bind(base.repo_id.to_string())
                .push_bind(base.remote_key.clone())
                .push_bind(base.ours.to_string())
                .push_bind(base.theirs.to_string())
                .push_bind(base.ours_oid.to_string())
                .push_bind(base.theirs_oid.to_string())
                .push_bind(base.managed_by.as_ref().map(SyncId::to_string))
                .push_bind(base.at.as_millis());
        });
        insert.push(
            " ON CONFLICT (repo_id, remote_key, ours, theirs) DO UPDATE SET ours_oid = excluded.ours_oid, \
             theirs_oid = excluded.theirs_oid, managed_by = excluded.managed_by, at = excluded.at",
        );
        insert.build().execute(&mut **tx).await?;
    }
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, keys: &[BaseKey]) -> Result<(), StoreError> {
    for key in keys {
        sqlx::query("DELETE FROM bases WHERE repo_id = $1 AND remote_key = $2 AND ours = $3 AND theirs = $4")
            .bind(key.repo_id.as_str())
            .bind(&key.remote_key)
            .bind(key.ours.to_string())
            .bind(key.theirs.to_string())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The repository and the remote key of a sync; `None` when it is not there.
pub(crate) async fn remote_key_of(
    tx: &mut Tx,
    sync_id: &str,
) -> Result<Option<(String, String)>, StoreError> {
    let row = sqlx::query(
        "SELECT s.repo_id, s.remote, s.remote_id, c.origin FROM syncs s \
         JOIN connections c ON c.id = s.connection_id WHERE s.id = $1",
    )
    .bind(sync_id)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok((row.text("repo_id")?, key_in(&row)?))).transpose()
}

fn key_in(row: &SqliteRow) -> Result<String, StoreError> {
    Ok(key_text(&row.text("origin")?, row.maybe_integer("remote_id")?, &row.text("remote")?))
}

/// When a sync has another key than `before` now, its bases go with it.
pub(crate) async fn follow(
    tx: &mut Tx,
    sync_id: &str,
    before: Option<(String, String)>,
) -> Result<(), StoreError> {
    let now = remote_key_of(tx, sync_id).await?;
    let (Some((repo_id, old)), Some((_, new))) = (before, now) else {
        return Err(StoreError::missing("sync", sync_id));
    };
    if old == new {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO bases (repo_id, remote_key, ours, theirs, ours_oid, theirs_oid, managed_by, at) \
         SELECT repo_id, $1, ours, theirs, ours_oid, theirs_oid, managed_by, at FROM bases \
         WHERE repo_id = $2 AND remote_key = $3 ON CONFLICT (repo_id, remote_key, ours, theirs) DO NOTHING",
    )
    .bind(new)
    .bind(&repo_id)
    .bind(&old)
    .execute(&mut **tx)
    .await?;
    delete_unused(tx, &repo_id, &old).await
}

/// Deletes the bases with one remote when no sync of the repository goes there any more.
pub(crate) async fn delete_unused(tx: &mut Tx, repo_id: &str, key: &str) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT s.remote, s.remote_id, c.origin FROM syncs s \
         JOIN connections c ON c.id = s.connection_id WHERE s.repo_id = $1",
    )
    .bind(repo_id)
    .fetch_all(&mut **tx)
    .await?;
    for row in &rows {
        if key_in(row)? == key {
            return Ok(());
        }
    }
    sqlx::query("DELETE FROM bases WHERE repo_id = $1 AND remote_key = $2")
        .bind(repo_id)
        .bind(key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Base, StoreError> {
    let managed_by = row.maybe_text("managed_by")?;
    Ok(Base {
        repo_id: row.parsed("repo_id", RepoId::parse)?,
        remote_key: row.text("remote_key")?,
        ours: row.parsed("ours", RefName::parse)?,
        theirs: row.parsed("theirs", RefName::parse)?,
        ours_oid: row.word("ours_oid")?,
        theirs_oid: row.word("theirs_oid")?,
        managed_by: managed_by.and_then(|id| SyncId::parse(&id)),
        at: row.time("at")?,
    })
}
