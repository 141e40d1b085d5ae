//! Repositories of ours.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use coregit_model::{BranchName, Repo, RepoId, RepoSlug};
use sqlx::sqlite::SqliteRow;

use crate::row::Columns;
use crate::{Store, StoreError};

impl Store {
    /// Adds a repository. [`StoreError::Exists`] when the slug or the path is known.
    pub async fn insert_repo(&self, repo: &Repo) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO repos (id, slug, path, created_here, default_branch, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(repo.id.as_str())
        .bind(repo.slug.to_string())
        .bind(repo.path.as_os_str().as_bytes())
        .bind(repo.created_here)
        .bind(repo.default_branch.to_string())
        .bind(repo.created_at.as_millis())
        .execute(self.writer()?)
        .await
        .map_err(|e| StoreError::from(e).or_exists("repository"))?;
        Ok(())
    }

    /// The repository of this name.
    pub async fn repo(&self, slug: &RepoSlug) -> Result<Option<Repo>, StoreError> {
        let row = sqlx::query("SELECT * FROM repos WHERE slug = $1")
            .bind(slug.to_string())
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The repository at this path, which is absolute and without links, as it was stored.
    pub async fn repo_by_path(&self, path: &Path) -> Result<Option<Repo>, StoreError> {
        let row = sqlx::query("SELECT * FROM repos WHERE path = $1")
            .bind(path.as_os_str().as_bytes())
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The repository with this id.
    pub async fn repo_by_id(&self, id: &RepoId) -> Result<Option<Repo>, StoreError> {
        let row = sqlx::query("SELECT * FROM repos WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// All repositories, in order of slug.
    pub async fn repos(&self) -> Result<Vec<Repo>, StoreError> {
        let rows = sqlx::query("SELECT * FROM repos ORDER BY slug").fetch_all(self.reader()).await?;
        rows.iter().map(read).collect()
    }

    /// Changes a repository's name, path or default branch.
    pub async fn update_repo(&self, repo: &Repo) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE repos SET slug = $1, path = $2, created_here = $3, default_branch = $4 WHERE id = $5",
        )
        .bind(repo.slug.to_string())
        .bind(repo.path.as_os_str().as_bytes())
        .bind(repo.created_here)
        .bind(repo.default_branch.to_string())
        .bind(repo.id.as_str())
        .execute(self.writer()?)
        .await
        .map_err(|e| StoreError::from(e).or_exists("repository"))?;
        match done.rows_affected() {
            0 => Err(StoreError::missing("repository", &repo.id)),
            _ => Ok(()),
        }
    }

    /// Forgets a repository with its syncs, their triggers, bases, runs and receipts.
    pub async fn delete_repo(&self, id: &RepoId) -> Result<(), StoreError> {
        let done =
            sqlx::query("DELETE FROM repos WHERE id = $1").bind(id.as_str()).execute(self.writer()?).await?;
        match done.rows_affected() {
            0 => Err(StoreError::missing("repository", id)),
            _ => Ok(()),
        }
    }
}

fn read(row: &SqliteRow) -> Result<Repo, StoreError> {
    Ok(Repo {
        id: row.parsed("id", RepoId::parse)?,
        slug: row.parsed("slug", RepoSlug::parse)?,
        path: PathBuf::from(std::ffi::OsString::from_vec(row.blob("path")?)),
        created_here: row.integer("created_here")? != 0,
        default_branch: row.parsed("default_branch", BranchName::parse)?,
        created_at: row.time("created_at")?,
    })
}

/// A path as text without loss: as it is where it is UTF-8, else its bytes in hex. Absolute paths begin with
/// a slash, so the two do not clash.
pub(crate) mod path_text {
    use super::*;
    use serde::{Deserialize, Deserializer, Serializer};

    const HEX: &str = "hex:";

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => to.serialize_str(text),
            None => {
                let hex = crate::keyring::hex(path.as_os_str().as_bytes());
                to.collect_str(&format_args!("{HEX}{}", *hex))
            }
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        let text = String::deserialize(from)?;
        let Some(hex) = text.strip_prefix(HEX) else { return Ok(PathBuf::from(text)) };
        let byte = |i: usize| hex.get(i..i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
        let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
        let bytes = bytes.ok_or_else(|| serde::de::Error::custom("expected hex digits"))?;
        Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
    }
}
