//! Migrations: numbered SQL files, each applied once in its own transaction.

use std::path::Path;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqlitePool;
use sqlx::{Executor as _, SqlSafeStr as _};

use crate::StoreError;
use crate::files::lock_home;

/// The version of the records that this code reads and writes: SQLite's `user_version`, which each
/// migration sets last, so that an open costs one pragma.
pub(crate) const VERSION: i64 = 1;

fn migrations() -> Vec<Migration> {
    let records = include_str!("../migrations/sqlite/0001_records.sql");
    let one = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    vec![one(1, "records", records)]
}

/// Applies what is missing. The caller holds the lock of the home, or is the only one that knows the file.
pub(crate) async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    use sqlx::migrate::MigrateError;
    let migrator = Migrator::with_migrations(migrations());
    migrator.run(pool).await.map_err(|e| match e {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => e.into(),
        other => StoreError::Database(format!("a migration failed: {other}")),
    })
}

/// Brings older records up to date, and refuses newer ones.
pub(crate) async fn check_version(home: &Path, pool: &SqlitePool) -> Result<(), StoreError> {
    let found = user_version(pool).await?;
    if found > VERSION {
        return Err(StoreError::Newer { found, known: VERSION });
    }
    if found < VERSION {
        let _lock = lock_home(home).await?;
        migrate(pool).await?;
    }
    Ok(())
}

async fn user_version(pool: &SqlitePool) -> Result<i64, StoreError> {
    use crate::row::Columns;
    let row = pool.fetch_one("PRAGMA user_version").await?;
    row.integer("user_version")
}
