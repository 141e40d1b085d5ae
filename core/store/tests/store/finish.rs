//! The end of a run: all of it or nothing, and what becomes of intents, bases, holds and receipts.

use coregit_model::{Receipt, ReceiptRef, RunStatus, SyncConfig};
use coregit_store::{Base, BaseKey, Found, Hold, Intent, StoreError};

use crate::support::{Home, finished, now, oid, ref_name, started};

fn base(sync: &SyncConfig, name: &str, digit: char) -> Base {
    let name = ref_name(name);
    let key = BaseKey {
        repo_id: sync.repo_id.clone(),
        remote_key: "https://github.com#1".into(),
        ours: name.clone(),
        theirs: name,
    };
    Base { ours_oid: oid(digit), theirs_oid: oid(digit), managed_by: Some(sync.id.clone()), ..Base::at(key) }
}

fn intent(name: &str, digit: char) -> Intent {
    let new = Some(oid(digit));
    Intent { name: ref_name(name), expected: None, new, source: new }
}

fn receipt() -> Receipt {
    let refs = vec![ReceiptRef {
        local: ref_name("refs/heads/main"),
        local_oid: Some(oid('a')),
        remote: ref_name("refs/heads/main"),
        remote_oid: Some(oid('a')),
    }];
    Receipt { run_id: None, verified_at: now(), refs, fingerprint: "f00".into() }
}

#[tokio::test]
async fn a_run_that_went_well_leaves_everything_at_once() {
    let (home, sync) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &sync).await;
    home.store.set_intents(&run.id, &sync.id, &[intent("refs/heads/main", 'a')]).await.unwrap();
    let main = ref_name("refs/heads/main");
    home.store.hold(&Hold { sync_id: sync.id.clone(), name: main, oid: oid('9') }).await.unwrap();
    let mut end = finished(&run, RunStatus::Success);
    end.put_bases = vec![base(&sync, "refs/heads/main", 'a'), base(&sync, "refs/tags/v1", 'b')];
    end.receipt = Some(receipt());
    end.last_synced_sha = Some(oid('a'));
    home.store.finish_run(&claim, &end).await.unwrap();

    let store = home.again().await;
    assert_eq!(store.bases(&sync.repo_id, "https://github.com#1").await.unwrap(), end.put_bases);
    assert_eq!(store.intents_of(&sync.id).await.unwrap(), []);
    assert!(store.holds(&sync.id).await.unwrap().is_empty());
    let kept = store.receipt(&run.id).await.unwrap().unwrap();
    assert_eq!(kept, Receipt { run_id: Some(run.id.clone()), ..end.receipt.unwrap() });
    assert_eq!(store.last_receipt(&sync.id).await.unwrap(), Some(kept));
    let Found::One(after) = store.sync(sync.id.as_str()).await.unwrap() else { panic!() };
    assert_eq!((after.last_synced_sha, after.last_error), (Some(oid('a')), None));
    assert!(after.last_synced_at.is_some());
}

#[tokio::test]
async fn a_run_ends_once() {
    let (home, sync) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &sync).await;
    home.store.finish_run(&claim, &finished(&run, RunStatus::Success)).await.unwrap();
    let mut again = finished(&run, RunStatus::Error);
    again.put_bases = vec![base(&sync, "refs/heads/main", 'a')];
    assert!(matches!(home.store.finish_run(&claim, &again).await.unwrap_err(), StoreError::LeaseLost));
    assert_eq!(home.store.bases_of_repo(&sync.repo_id).await.unwrap(), []);
    assert_eq!(home.store.run(&run.id).await.unwrap().unwrap().status, RunStatus::Success);
}

#[tokio::test]
async fn what_a_dead_run_intended_outlives_a_run_that_could_not_look() {
    let (home, sync) = Home::with_sync().await;
    let (dead, run) = started(&home.store, &sync).await;
    let intents = [intent("refs/heads/a", 'a'), intent("refs/heads/b", 'b')];
    home.store.set_intents(&run.id, &sync.id, &intents).await.unwrap();
    home.store.release(&dead, None).await.unwrap();

    let (claim, run) = started(&home.store, &sync).await;
    home.store.set_intents(&run.id, &sync.id, &[intent("refs/heads/c", 'c')]).await.unwrap();
    assert_eq!(home.store.intents_of(&sync.id).await.unwrap().len(), 3);
    let mut end = finished(&run, RunStatus::Error);
    end.put_bases = vec![base(&sync, "refs/heads/a", 'a')];
    home.store.finish_run(&claim, &end).await.unwrap();
    assert_eq!(home.store.intents_of(&sync.id).await.unwrap(), [intent("refs/heads/b", 'b')]);
    home.store.finish(&claim).await.unwrap();

    let (claim, run) = started(&home.store, &sync).await;
    home.store.finish_run(&claim, &finished(&run, RunStatus::Skipped)).await.unwrap();
    assert_eq!(home.store.intents_of(&sync.id).await.unwrap(), []);
}

#[tokio::test]
async fn intents_stay_when_nobody_knows_what_became_of_them() {
    let (home, sync) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &sync).await;
    home.store.set_intents(&run.id, &sync.id, &[intent("refs/heads/a", 'a')]).await.unwrap();
    let mut end = finished(&run, RunStatus::Error);
    end.keep_intents = true;
    end.last_error = Some("the answer was lost".into());
    home.store.finish_run(&claim, &end).await.unwrap();
    assert_eq!(home.store.intents_of(&sync.id).await.unwrap(), [intent("refs/heads/a", 'a')]);
    let Found::One(after) = home.store.sync(sync.id.as_str()).await.unwrap() else { panic!() };
    assert_eq!(after.last_error.as_deref(), Some("the answer was lost"));
}

#[tokio::test]
async fn a_run_by_older_settings_does_not_say_where_the_sync_stands() {
    let (home, sync) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &sync).await;
    let mut changed = sync.clone();
    changed.branch = coregit_model::BranchName::parse("next").unwrap();
    home.store.update_sync(&changed, sync.updated_at).await.unwrap();
    home.store.pin_remote(&sync.id, 1).await.unwrap();
    let mut end = finished(&run, RunStatus::Success);
    end.receipt = Some(receipt());
    end.last_synced_sha = Some(oid('a'));
    home.store.finish_run(&claim, &end).await.unwrap();
    let Found::One(after) = home.store.sync(sync.id.as_str()).await.unwrap() else { panic!() };
    assert_eq!((after.last_synced_sha, after.last_synced_at), (None, None));
}

#[tokio::test]
async fn a_run_whose_sync_was_deleted_cannot_be_recorded() {
    let (home, sync) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &sync).await;
    home.store.delete_sync(&sync.id).await.unwrap();
    let end = finished(&run, RunStatus::Success);
    assert!(matches!(home.store.finish_run(&claim, &end).await.unwrap_err(), StoreError::LeaseLost));
    assert_eq!(home.store.run(&run.id).await.unwrap().unwrap().status, RunStatus::Error);
}
