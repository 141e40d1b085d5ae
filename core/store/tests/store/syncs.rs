//! Sync configs: read back whole, changed only by who saw the last change.

use coregit_model::{BranchName, Refspec, Refspecs, RunStatus, SyncConfig, SyncState, Timestamp};
use coregit_store::{Base, BaseKey, Found, Store, StoreError, SyncRetry, remote_key};

use crate::support::{Home, connection, finished, now, oid, ref_name, started, sync};

async fn stored(store: &Store, sync: &SyncConfig) -> SyncConfig {
    match store.sync(sync.id.as_str()).await.unwrap() {
        Found::One(found) => found,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_sync_reads_back_as_it_was_written() {
    let (home, first) = Home::with_sync().await;
    assert_eq!(stored(&home.store, &first).await, first);
    let repo = home.store.repo_by_id(&first.repo_id).await.unwrap().unwrap();
    let mut odd = sync(&repo, &connection("x"), "odd");
    odd.connection_id = first.connection_id.clone();
    odd.branch = BranchName::new(&b"f\xffx"[..]).unwrap();
    odd.refs = Refspecs(vec![
        Refspec::parse("^refs/heads/tmp/*").unwrap(),
        Refspec::parse("refs/heads/main:refs/heads/stable").unwrap(),
    ]);
    odd.remote_id = Some(1_296_269);
    odd.state = SyncState::Held;
    odd.last_synced_sha = Some(oid('a'));
    odd.last_synced_at = Some(now());
    odd.last_error = Some("refused".into());
    odd.interval_s = None;
    home.store.insert_sync(&odd).await.unwrap();
    assert_eq!(stored(&home.store, &odd).await, odd);
    assert_eq!(home.store.syncs_of(&repo.id).await.unwrap().len(), 2);
    assert_eq!(home.store.syncs_of_connection(&first.connection_id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn labels_are_unique_in_a_repository_and_ambiguous_across_them() {
    let (home, first) = Home::with_sync().await;
    let repo = home.store.repo_by_id(&first.repo_id).await.unwrap().unwrap();
    let mut twin = sync(&repo, &connection("x"), "work");
    twin.connection_id = first.connection_id.clone();
    let error = home.store.insert_sync(&twin).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists { what: "sync" }), "{error}");
    assert_eq!(home.store.sync("work").await.unwrap(), Found::One(first.clone()));
    let other = home.add_sync("other").await;
    let mut renamed = other.clone();
    renamed.label = "work".into();
    home.store.update_sync(&renamed, other.updated_at).await.unwrap();
    assert_eq!(home.store.sync("work").await.unwrap(), Found::Many);
    assert_eq!(home.store.sync("other").await.unwrap(), Found::None);
}

#[tokio::test]
async fn a_change_made_on_an_old_copy_is_refused() {
    let (home, first) = Home::with_sync().await;
    let mut a = first.clone();
    a.interval_s = Some(60);
    home.store.update_sync(&a, first.updated_at).await.unwrap();
    let mut b = first.clone();
    b.interval_s = Some(120);
    let error = home.store.update_sync(&b, first.updated_at).await.unwrap_err();
    assert!(matches!(error, StoreError::Changed { what: "sync" }), "{error}");
    let found = stored(&home.store, &first).await;
    assert_eq!(found.interval_s, Some(60));
    home.store.update_sync(&b, found.updated_at).await.unwrap();
    assert_eq!(stored(&home.store, &first).await.interval_s, Some(120));
}

#[tokio::test]
async fn a_change_keeps_what_runs_noted_unless_another_thing_is_synced() {
    let (home, first) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &first).await;
    let mut end = finished(&run, RunStatus::Error);
    end.last_synced_sha = Some(oid('b'));
    end.receipt = Some(coregit_model::Receipt {
        run_id: None,
        verified_at: now(),
        refs: Vec::new(),
        fingerprint: "f".into(),
    });
    end.last_error = Some("one ref was refused".into());
    home.store.finish_run(&claim, &end).await.unwrap();
    home.store.set_sync_state(&first.id, SyncState::Paused, Some("by hand")).await.unwrap();

    let mut stale = first.clone();
    stale.auto_sync = false;
    home.store.update_sync(&stale, first.updated_at).await.unwrap();
    let found = stored(&home.store, &first).await;
    assert_eq!((found.last_synced_sha, found.state), (Some(oid('b')), SyncState::Paused));
    assert_eq!(found.last_error.as_deref(), Some("one ref was refused"));
    assert!(!found.auto_sync);
    assert_eq!(home.store.sync_state_reason(&first.id).await.unwrap().as_deref(), Some("by hand"));

    let mut branch = found.clone();
    branch.branch = BranchName::parse("next").unwrap();
    home.store.update_sync(&branch, found.updated_at).await.unwrap();
    let found = stored(&home.store, &first).await;
    assert_eq!((found.last_synced_sha, found.last_synced_at), (None, None));
}

#[tokio::test]
async fn bases_follow_a_remote_that_is_pinned_or_renamed() {
    let (home, first) = Home::with_sync().await;
    let origin = connection("x").origin;
    let main = ref_name("refs/heads/main");
    let key = |s: &SyncConfig| BaseKey {
        repo_id: s.repo_id.clone(),
        remote_key: remote_key(&origin, s),
        ours: main.clone(),
        theirs: main.clone(),
    };
    home.store.put_bases(&[Base { ours_oid: oid('c'), ..Base::at(key(&first)) }]).await.unwrap();
    let renamed = "octocat/new-name".to_owned().try_into().unwrap();
    home.store.rename_remote(&first.id, &renamed).await.unwrap();
    let found = stored(&home.store, &first).await;
    assert_eq!(found.remote, renamed);
    assert_eq!(home.store.bases(&first.repo_id, &remote_key(&origin, &found)).await.unwrap().len(), 1);
    home.store.pin_remote(&first.id, 42).await.unwrap();
    let found = stored(&home.store, &first).await;
    assert_eq!(remote_key(&origin, &found), "https://github.com#42");
    let bases = home.store.bases(&first.repo_id, "https://github.com#42").await.unwrap();
    assert_eq!(bases[0].ours_oid, oid('c'));
    assert_eq!(home.store.bases_of_repo(&first.repo_id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn retries_are_kept_with_the_sync() {
    let (home, first) = Home::with_sync().await;
    assert_eq!(home.store.sync_retry(&first.id).await.unwrap(), SyncRetry::default());
    let at = Some(Timestamp::from_millis(1_800_000_000_123));
    home.store.set_sync_retry(&first.id, 3, at).await.unwrap();
    let retry = home.again().await.sync_retry(&first.id).await.unwrap();
    assert_eq!(retry, SyncRetry { failures: 3, next_try_at: at });
}

#[tokio::test]
async fn a_deleted_sync_is_gone_with_what_was_only_its() {
    let (home, first) = Home::with_sync().await;
    home.store.add_trigger(&first.id, "push", None).await.unwrap();
    home.store.delete_sync(&first.id).await.unwrap();
    assert_eq!(home.store.sync(first.id.as_str()).await.unwrap(), Found::None);
    assert!(home.store.claim("w", 60, None).await.unwrap().is_none());
    for error in [
        home.store.delete_sync(&first.id).await.unwrap_err(),
        home.store.add_trigger(&first.id, "push", None).await.unwrap_err(),
        home.store.update_sync(&first, first.updated_at).await.unwrap_err(),
        home.store.pin_remote(&first.id, 1).await.unwrap_err(),
        home.store.set_sync_state(&first.id, SyncState::Active, None).await.unwrap_err(),
        home.store.sync_retry(&first.id).await.unwrap_err(),
        home.store.claim_sync(&first.id, "w", 60).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    }
}
