//! The home folder: made whole and private, refused when it is not.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use coregit_store::{IdentityError, Options, Store, StoreError};

use crate::support::{Home, child, child_home, options};

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_new_home_is_private_whatever_the_umask() {
    let name = "home::a_new_home_is_private_whatever_the_umask";
    if let Some(home) = child_home() {
        let store = Store::create_with(&home, &[], options()).await.unwrap();
        store.repos().await.unwrap();
        return;
    }
    let dir = tempfile::TempDir::new().unwrap();
    let home = dir.path().join("deep/home");
    let child = child(name, &home, &["sh", "-c", "umask 000; exec \"$@\"", "sh"]);
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(mode(&home), 0o700);
    for file in std::fs::read_dir(&home).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    assert!(home.join("identity.txt").exists() && home.join("coregit.db").exists());
}

#[tokio::test]
async fn init_again_keeps_everything_and_adds_recipients() {
    let home = Home::new().await;
    let before = std::fs::read(home.path().join("identity.txt")).unwrap();
    let other = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let store = Store::create_with(&home.path(), &[other.parse().unwrap()], options()).await.unwrap();
    assert_eq!(std::fs::read(home.path().join("identity.txt")).unwrap(), before);
    let recipients = store.recipients().await.unwrap();
    assert_eq!(recipients.len(), 2);
    assert!(recipients.contains(&other.to_owned()));
}

#[tokio::test]
async fn two_inits_at_once_make_one_home() {
    let dir = tempfile::TempDir::new().unwrap();
    let home = dir.path().join("home");
    let create = || Store::create_with(&home, &[], options());
    let (a, b) = tokio::join!(create(), create());
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.check_keyring().await.unwrap().keys[0].id, b.check_keyring().await.unwrap().keys[0].id);
}

#[tokio::test]
async fn a_folder_without_records_is_no_home() {
    let dir = tempfile::TempDir::new().unwrap();
    let error = Store::open_with(dir.path(), options()).await.err().unwrap();
    assert!(matches!(error, StoreError::Missing(_)), "{error}");
    assert!(error.hint().unwrap().contains("coregit init"));
    let error = Store::open_with(&dir.path().join("nowhere"), options()).await.err().unwrap();
    assert!(matches!(error, StoreError::Missing(_)), "{error}");
}

#[tokio::test]
async fn records_that_others_can_read_are_refused() {
    let home = Home::new().await;
    for bad in [0o640, 0o604, 0o644, 0o666] {
        set_mode(&home.path().join("coregit.db"), bad);
        let error = Store::open_with(&home.path(), options()).await.err().unwrap();
        assert!(matches!(error, StoreError::Exposed { .. }), "{error}");
        assert!(error.hint().unwrap().contains("chmod"));
    }
    set_mode(&home.path().join("coregit.db"), 0o600);
    set_mode(&home.path(), 0o777);
    let error = Store::open_with(&home.path(), options()).await.err().unwrap();
    assert!(matches!(error, StoreError::Exposed { .. }), "{error}");
}

#[tokio::test]
async fn records_behind_a_link_are_refused() {
    let home = Home::new().await;
    let other = home.dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    symlink(home.path().join("coregit.db"), other.join("coregit.db")).unwrap();
    let error = Store::open_with(&other, options()).await.err().unwrap();
    assert!(matches!(error, StoreError::Replaced(_)), "{error}");
}

#[tokio::test]
async fn records_of_a_newer_version_are_refused() {
    let home = Home::new().await;
    home.store.close().await;
    sqlite(&home.path(), "PRAGMA user_version = 99").await;
    let error = Store::open_with(&home.path(), options()).await.err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn what_a_killed_init_left_is_swept() {
    let dir = tempfile::TempDir::new().unwrap();
    for left in [".coregit.db.new-x1", ".coregit.db.new-x1-wal", ".identity.new-a"] {
        std::fs::write(dir.path().join(left), "half").unwrap();
    }
    set_mode(dir.path(), 0o700);
    Store::create_with(dir.path(), &[], options()).await.unwrap();
    let names = std::fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name());
    assert!(!names.into_iter().any(|n| n.to_string_lossy().contains(".new-")));
}

#[tokio::test]
async fn a_named_identity_that_is_missing_is_not_made() {
    let dir = tempfile::TempDir::new().unwrap();
    let named = Options { identity: Some(dir.path().join("nothing")), ..options() };
    let error = Store::create_with(&dir.path().join("home"), &[], named).await.err().unwrap();
    assert!(matches!(error, StoreError::Identity(IdentityError::Missing(_))), "{error}");
    assert!(!dir.path().join("home/coregit.db").exists());
}

#[tokio::test]
async fn sound_records_pass_the_integrity_check_and_damaged_ones_do_not() {
    let (home, _) = Home::with_sync().await;
    assert_eq!(home.store.integrity().await.unwrap(), Vec::<String>::new());
    home.store.close().await;
    let file = home.path().join("coregit.db");
    let mut bytes = std::fs::read(&file).unwrap();
    for byte in &mut bytes[4096..] {
        *byte ^= 0x5a;
    }
    std::fs::write(&file, bytes).unwrap();
    let error = match Store::open_with(&home.path(), options()).await {
        Err(error) => error,
        Ok(store) => {
            assert_ne!(store.integrity().await.unwrap_or_default(), Vec::<String>::new());
            store.connections().await.unwrap_err()
        }
    };
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    assert!(error.hint().unwrap().contains("backup"));
    std::fs::write(&file, "this is no database, but it has some length").unwrap();
    let error = Store::open_with(&home.path(), options()).await.err().unwrap();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
}

/// Runs one statement beside the store.
pub async fn sqlite(home: &Path, statement: &'static str) {
    use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(home.join("coregit.db"));
    let mut connection = options.connect().await.unwrap();
    connection.execute(statement).await.unwrap();
    connection.close().await.unwrap();
}
