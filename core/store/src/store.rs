//! The open records of one home: two connections to one SQLite file, and what the identity unlocked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Transaction};

use crate::files::{check_home, check_records, lock_home, make_home, new_private_file, publish, records};
use crate::identity::IdentityFile;
use crate::keyring::Keys;
use crate::recipient::Recipient;
use crate::{StoreError, files, migrate};

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The identity file; `None`: `HOME/identity.txt`.
    pub identity: Option<PathBuf>,
    /// How long a write waits for another process before it is [`StoreError::Locked`].
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { identity: None, busy_timeout: Duration::from_secs(5) }
    }
}

impl Options {
    /// The usual options, with the identity file that `COREGIT_IDENTITY` names.
    pub fn from_env() -> Self {
        let identity = std::env::var_os("COREGIT_IDENTITY").filter(|v| !v.is_empty()).map(PathBuf::from);
        Self { identity, ..Self::default() }
    }
}

/// The records, the keyring and what is sealed in them. Clones share connections and keys.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub home: PathBuf,
    pub identity: IdentityFile,
    pub keys: Keys,
    file: files::FileId,
    reader: SqlitePool,
    writer: SqlitePool,
}

/// A write transaction. Dropped before [`commit`](Transaction::commit), it leaves nothing.
pub(crate) type Tx = Transaction<'static, Sqlite>;

impl Store {
    /// Makes the home folder (0700), an identity unless one is named or there, the keyring (wrapped to that
    /// identity and to `recipients`) and the records (0600). In a home that is complete it only adds the
    /// recipients. A kill at any moment leaves nothing or all of it: the records get their name last.
    pub async fn create(home: &Path, recipients: &[Recipient]) -> Result<Self, StoreError> {
        Self::create_with(home, recipients, Options::from_env()).await
    }

    /// [`Store::create`] with other options.
    pub async fn create_with(
        home: &Path,
        recipients: &[Recipient],
        options: Options,
    ) -> Result<Self, StoreError> {
        make_home(home)?;
        let lock = lock_home(home).await?;
        if records(home).exists() {
            drop(lock);
            let store = Self::open_with(home, options).await?;
            for recipient in recipients {
                store.add_recipient(recipient).await?;
            }
            return Ok(store);
        }
        files::sweep_leftovers(home);
        let identity = IdentityFile::of(home, options.identity.as_deref());
        let wrapped_to = identity.create_or_read(recipients)?;
        Self::build(home, &wrapped_to).await?;
        drop(lock);
        Self::open_with(home, options).await
    }

    /// Writes whole records under a name of their own, then gives them theirs.
    async fn build(home: &Path, recipients: &[Recipient]) -> Result<(), StoreError> {
        let file = new_private_file(home, files::NEW_RECORDS)?;
        let options = connect_options(file.path(), &Options::default()).journal_mode(SqliteJournalMode::Wal);
        let pool = pool(options);
        migrate::migrate(&pool).await?;
        crate::keyring::insert_first(&pool, recipients).await?;
        pool.close().await;
        publish(file, &records(home))
    }

    /// Opens the records of a home, with the identity that `COREGIT_IDENTITY` names or that lies in the home.
    /// The identity is not read before something sealed is needed.
    pub async fn open(home: &Path) -> Result<Self, StoreError> {
        Self::open_with(home, Options::from_env()).await
    }

    /// [`Store::open`] with other options.
    pub async fn open_with(home: &Path, options: Options) -> Result<Self, StoreError> {
        check_home(home)?;
        let file = check_records(&records(home))?;
        let connect = connect_options(&records(home), &options);
        let store = Self {
            inner: Arc::new(Inner {
                home: home.to_owned(),
                identity: IdentityFile::of(home, options.identity.as_deref()),
                keys: Keys::default(),
                file,
                reader: pool(connect.clone()),
                writer: pool(connect),
            }),
        };
        match migrate::check_version(home, store.reader()).await {
            Ok(()) => Ok(store),
            // SQLite cannot even read a write-ahead log where it cannot make its index.
            Err(StoreError::Io(_)) if !files::is_writable(home) => Err(StoreError::ReadOnly),
            Err(error) => Err(error),
        }
    }

    /// Closes both connections; the last one of all processes folds the write-ahead log in.
    pub async fn close(&self) {
        self.inner.reader.close().await;
        self.inner.writer.close().await;
    }

    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.inner.reader
    }

    /// The connection for writes. Records that were moved or replaced under us get none: what is written
    /// into an unlinked file is lost, and nobody is told.
    pub(crate) fn writer(&self) -> Result<&SqlitePool, StoreError> {
        match files::identity_of(&records(&self.inner.home)) == Some(self.inner.file) {
            true => Ok(&self.inner.writer),
            false => Err(StoreError::Gone(records(&self.inner.home))),
        }
    }

    /// Begins a write: takes the write lock now, so that what is read inside still stands at the commit.
    pub(crate) async fn write(&self) -> Result<Tx, StoreError> {
        Ok(self.writer()?.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Reads every page and index of the records; the sentences that SQLite has about what is wrong, none
    /// when all is well.
    pub async fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let mut found: Vec<String> =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_all(self.reader()).await?;
        found.retain(|line| line != "ok");
        let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(self.reader()).await?;
        if !orphans.is_empty() {
            found.push(format!("{} rows name a row that is not there", orphans.len()));
        }
        Ok(found)
    }
}

/// `synchronous=FULL`: what was acknowledged outlives a power cut. `secure_delete`: a sealed token that was
/// replaced does not stay in free pages, where a key that leaked would still open it.
fn connect_options(file: &Path, options: &Options) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(options.busy_timeout)
        .pragma("secure_delete", "ON")
        .disable_statement_logging()
}

/// One connection, opened when it is first needed. Writers of this process queue here, which is fair;
/// SQLite's own waiting is not.
fn pool(options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(20))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options)
}
