//! Trouble with the file: locked, full, read-only. Each is told apart, in bounded time, and loses nothing.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use coregit_store::{Options, Store, StoreError};

use crate::support::{Home, child, child_home, connection, options, token};

#[tokio::test]
async fn a_writer_that_does_not_let_go_is_reported_in_bounded_time() {
    let home = Home::new().await;
    let quick = Options { busy_timeout: Duration::from_millis(300), ..options() };
    let store = Store::open_with(&home.path(), quick).await.unwrap();
    store.token_fingerprint(&token("x")).await.unwrap();
    use sqlx::{ConnectOptions as _, Executor as _};
    let other = sqlx::sqlite::SqliteConnectOptions::new().filename(home.path().join("coregit.db"));
    let mut other = other.connect().await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let start = Instant::now();
    let error = store.insert_connection(&connection("work"), &token("x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked), "{error}");
    assert!(error.try_again() && error.hint().is_some());
    assert!(start.elapsed() >= Duration::from_millis(250) && start.elapsed() < Duration::from_secs(15));
    assert_eq!(store.connections().await.unwrap(), [], "reading goes on");
    other.execute("ROLLBACK").await.unwrap();
    store.insert_connection(&connection("work"), &token("x")).await.unwrap();
}

#[tokio::test]
async fn records_that_were_removed_or_replaced_take_no_more_writes() {
    let (home, other) = (Home::new().await, Home::new().await);
    let file = home.path().join("coregit.db");
    let work = connection("work");
    home.store.insert_connection(&work, &token("x")).await.unwrap();
    other.store.close().await;
    for replaced in [false, true] {
        std::fs::rename(&file, home.dir.path().join(format!("aside{replaced}"))).unwrap();
        if replaced {
            std::fs::copy(other.path().join("coregit.db"), &file).unwrap();
        }
        for error in [
            home.store.touch_connection_synced(&work.id).await.unwrap_err(),
            home.store.insert_connection(&connection("more"), &token("x")).await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Gone(_)), "{error}");
        }
        if !replaced {
            std::fs::rename(home.dir.path().join("asidefalse"), &file).unwrap();
            home.store.touch_connection_synced(&work.id).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_rotation_waits_for_another_one() {
    let home = Home::new().await;
    let other = home.again().await;
    let (a, b) = tokio::join!(home.store.rotate(), other.rotate());
    assert!(a.unwrap().is_sound());
    assert!(b.unwrap().is_sound());
    assert_eq!(home.store.check_keyring().await.unwrap().keys.len(), 1);
}

/// A small file system of its own, where this user may mount one.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new(size: &str) -> Option<Self> {
        let dir = tempfile::TempDir::new().unwrap();
        let options = format!("size={size},mode=700");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(dir.path()).output();
        match done {
            Ok(done) if done.status.success() => Some(Self(dir)),
            _ => {
                eprintln!("a tmpfs cannot be mounted here");
                None
            }
        }
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", how]).arg(self.0.path()).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Writes until it fails; how many connections were acknowledged, and the error.
async fn fill(store: &Store) -> (usize, StoreError) {
    for i in 0..10_000 {
        let secret = token(&"x".repeat(4000));
        if let Err(error) = store.insert_connection(&connection(&format!("c{i}")), &secret).await {
            return (i, error);
        }
    }
    panic!("the disk took 40 MB");
}

async fn nothing_is_lost(home: &Path, written: usize) {
    let store = Store::open_with(home, options()).await.unwrap();
    assert_eq!(store.integrity().await.unwrap(), Vec::<String>::new());
    assert_eq!(store.connections().await.unwrap().len(), written);
    assert!(store.check_keyring().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing_that_was_acknowledged() {
    let Some(disk) = Mounted::new("2m") else { return };
    let home = disk.0.path().join("home");
    let store = Store::create_with(&home, &[], options()).await.unwrap();
    let (written, error) = fill(&store).await;
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!(error.hint().unwrap().contains("free"));
    assert!(written > 10);
    drop(store);
    disk.remount("remount,size=8m");
    nothing_is_lost(&home, written).await;
    let store = Store::open_with(&home, options()).await.unwrap();
    store.insert_connection(&connection("more"), &token("x")).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_start_gets_no_half_home() {
    let Some(disk) = Mounted::new("40k") else { return };
    let home = disk.0.path().join("home");
    let error = Store::create_with(&home, &[], options()).await.err().unwrap();
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!(!home.join("coregit.db").exists());
    disk.remount("remount,size=8m");
    let store = Store::create_with(&home, &[], options()).await.unwrap();
    assert!(store.check_keyring().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_file_size_limit_loses_nothing_that_was_acknowledged() {
    let name = "disk::a_file_size_limit_loses_nothing_that_was_acknowledged";
    if let Some(home) = child_home() {
        let store = Store::open_with(&home, options()).await.unwrap();
        let (written, error) = fill(&store).await;
        assert!(matches!(error, StoreError::Io(_) | StoreError::Full), "{error:?}");
        println!("written {written}");
        return;
    }
    let home = Home::new().await;
    home.store.close().await;
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 600; exec \"$@\"", "sh"];
    let output = child(name, &home.path(), &limited).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let written = text.lines().find_map(|l| l.split_once("written ")).unwrap().1;
    nothing_is_lost(&home.path(), written.trim().parse().unwrap()).await;
}

#[tokio::test]
async fn a_file_system_that_turned_read_only_is_told() {
    let Some(disk) = Mounted::new("8m") else { return };
    let home = disk.0.path().join("home");
    let store = Store::create_with(&home, &[], options()).await.unwrap();
    store.insert_connection(&connection("work"), &token("x")).await.unwrap();
    store.close().await;
    disk.remount("remount,ro");
    let error = match Store::open_with(&home, options()).await {
        Err(error) => error,
        Ok(store) => store.insert_connection(&connection("more"), &token("x")).await.unwrap_err(),
    };
    assert!(matches!(error, StoreError::ReadOnly), "{error:?}");
    assert!(error.hint().unwrap().contains("writable"));
    disk.remount("remount,rw");
    nothing_is_lost(&home, 1).await;
}

#[tokio::test]
async fn records_that_this_user_may_not_write_are_told_as_read_only() {
    let name = "disk::records_that_this_user_may_not_write_are_told_as_read_only";
    if let Some(home) = child_home() {
        let error = match Store::open_with(&home, options()).await {
            Err(error) => error,
            Ok(store) => {
                let repo = crate::support::repo("app");
                store.insert_repo(&repo).await.unwrap_err()
            }
        };
        assert!(matches!(error, StoreError::ReadOnly), "{error:?}");
        return;
    }
    let home = Home::new().await;
    home.store.close().await;
    let mode = |path: &Path, mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(path, mode).unwrap();
    };
    let root = rustix::process::geteuid().is_root();
    if root {
        for path in [home.path(), home.path().join("coregit.db"), home.dir.path().to_owned()] {
            std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
        }
    }
    mode(&home.path().join("coregit.db"), 0o400);
    mode(&home.path(), 0o500);
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let output = child(name, &home.path(), if root { &nobody } else { &[] }).wait_with_output().unwrap();
    mode(&home.path(), 0o700);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
