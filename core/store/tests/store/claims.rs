//! Claims: never two at once, taken over when a lease ran out, fenced for good then.

use std::collections::BTreeSet;
use std::time::Duration;

use coregit_model::{RunStatus, SyncConfig};
use coregit_store::{Claim, Intent, Store, StoreError};

use crate::support::{
    Home, LEASE_S, child, child_home, finished, now, oid, options, ref_name, run_of, started, token,
};

/// Claims whatever is due until nothing is, `finish`ing each; the ids claimed.
async fn drain(store: &Store, worker: &str) -> Vec<String> {
    let mut claimed = Vec::new();
    while let Some(claim) = store.claim(worker, LEASE_S, None).await.unwrap() {
        claimed.push(claim.trigger_id.to_string());
        assert!(store.heartbeat(&claim, LEASE_S).await.unwrap());
        assert!(store.finish(&claim).await.unwrap());
    }
    claimed
}

async fn many_triggers(home: &Home, syncs: usize) -> Vec<SyncConfig> {
    let connection = crate::support::connection("many");
    home.store.insert_connection(&connection, &token("t")).await.unwrap();
    let repo = crate::support::repo("many");
    home.store.insert_repo(&repo).await.unwrap();
    let mut made = Vec::new();
    for i in 0..syncs {
        let sync = crate::support::sync(&repo, &connection, &format!("s{i}"));
        home.store.insert_sync(&sync).await.unwrap();
        home.store.add_trigger(&sync.id, "push", None).await.unwrap();
        made.push(sync);
    }
    made
}

#[tokio::test]
async fn two_processes_never_claim_the_same_trigger() {
    let name = "claims::two_processes_never_claim_the_same_trigger";
    if let Some(home) = child_home() {
        let store = Store::open_with(&home, options()).await.unwrap();
        for id in drain(&store, "child").await {
            println!("claimed {id}");
        }
        return;
    }
    let home = Home::new().await;
    many_triggers(&home, 60).await;
    let children: Vec<_> = (0..2).map(|_| child(name, &home.path(), &[])).collect();
    let (store, task) = (home.store.clone(), home.again().await);
    let (mut all, more) = tokio::join!(drain(&store, "a"), drain(&task, "b"));
    all.extend(more);
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        all.extend(text.lines().filter_map(|l| l.split_once("claimed ")).map(|(_, id)| id.to_owned()));
    }
    assert_eq!(all.len(), 60);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 60);
}

#[tokio::test]
async fn a_claim_whose_lease_ran_out_is_taken_over_and_its_run_closed() {
    let (home, sync) = Home::with_sync().await;
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    let dead = home.store.claim("dead", 0, None).await.unwrap().unwrap();
    let run = run_of(&sync);
    home.store.start_run(&dead, &run).await.unwrap();
    let intent = Intent { name: ref_name("refs/heads/x"), expected: None, new: Some(oid('a')), source: None };
    home.store.set_intents(&run.id, &sync.id, std::slice::from_ref(&intent)).await.unwrap();

    let taken = home.again().await.claim("alive", LEASE_S, None).await.unwrap().unwrap();
    assert_eq!((&taken.trigger_id, taken.attempt), (&dead.trigger_id, 2));
    let closed = home.store.run(&run.id).await.unwrap().unwrap();
    assert_eq!(closed.status, RunStatus::Error);
    assert!(closed.message.contains("died") && closed.completed_at.is_some());
    assert_eq!(home.store.intents_of(&sync.id).await.unwrap(), [intent]);
}

/// What a worker that was stopped for longer than its lease tries when it goes on.
async fn everything_a_late_worker_does(store: &Store, claim: &Claim, sync: &SyncConfig) {
    let run = run_of(sync);
    assert!(matches!(store.start_run(claim, &run).await.unwrap_err(), StoreError::LeaseLost));
    assert!(!store.heartbeat(claim, LEASE_S).await.unwrap());
    assert!(!store.release(claim, None).await.unwrap());
    assert!(!store.finish(claim).await.unwrap());
}

#[tokio::test]
async fn a_worker_that_was_stopped_past_its_lease_can_write_nothing() {
    let (home, sync) = Home::with_sync().await;
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    let late = home.store.claim("stopped", 0, None).await.unwrap().unwrap();
    let run = run_of(&sync);
    home.store.start_run(&late, &run).await.unwrap();
    let other = home.again().await;
    let claim = other.claim("other", LEASE_S, None).await.unwrap().unwrap();
    let end = finished(&run, RunStatus::Success);

    everything_a_late_worker_does(&home.store, &late, &sync).await;
    assert!(matches!(home.store.finish_run(&late, &end).await.unwrap_err(), StoreError::LeaseLost));
    let intents = home.store.set_intents(&run.id, &sync.id, &[]).await;
    assert!(matches!(intents.unwrap_err(), StoreError::LeaseLost));

    assert!(other.heartbeat(&claim, LEASE_S).await.unwrap());
    assert!(other.finish(&claim).await.unwrap());
    everything_a_late_worker_does(&home.store, &late, &sync).await;
    assert_eq!(home.store.run(&run.id).await.unwrap().unwrap().status, RunStatus::Error);
}

/// Claims, and tries to go on with it when the parent says so.
async fn be_stopped(home: &std::path::Path) {
    let store = Store::open_with(home, options()).await.unwrap();
    let claim = store.claim("child", 1, None).await.unwrap().unwrap();
    assert!(store.heartbeat(&claim, 1).await.unwrap());
    // Stopped between two writes: inside of one it would hold SQLite's lock.
    std::fs::write(home.join("claimed"), "").unwrap();
    while !home.join("continued").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!store.heartbeat(&claim, 1).await.unwrap());
    assert!(!store.finish(&claim).await.unwrap());
}

#[tokio::test]
async fn a_process_that_is_stopped_loses_its_claim_and_learns_it() {
    let name = "claims::a_process_that_is_stopped_loses_its_claim_and_learns_it";
    if let Some(home) = child_home() {
        return be_stopped(&home).await;
    }
    let (home, sync) = Home::with_sync().await;
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    let child = child(name, &home.path(), &[]);
    while !home.path().join("claimed").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let claim = loop {
        match home.store.claim("other", LEASE_S, None).await.unwrap() {
            Some(claim) => break claim,
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    assert_eq!(claim.attempt, 2);
    std::fs::write(home.path().join("continued"), "").unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(home.store.heartbeat(&claim, LEASE_S).await.unwrap());
}

#[tokio::test]
async fn a_heartbeat_keeps_a_lease_alive() {
    let (home, sync) = Home::with_sync().await;
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    let claim = home.store.claim("w", 0, None).await.unwrap().unwrap();
    assert!(home.store.heartbeat(&claim, LEASE_S).await.unwrap());
    assert!(home.again().await.claim("other", LEASE_S, None).await.unwrap().is_none());
    assert!(home.store.next_due(None).await.unwrap().unwrap() > now());
}

#[tokio::test]
async fn a_released_claim_is_tried_again_at_its_time() {
    let (home, sync) = Home::with_sync().await;
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    let claim = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    let later = now().plus_seconds(600);
    assert!(home.store.release(&claim, Some(later)).await.unwrap());
    assert!(home.store.claim("w", LEASE_S, None).await.unwrap().is_none());
    assert_eq!(home.store.next_due(None).await.unwrap(), Some(later));
    home.store.add_trigger(&sync.id, "sweep", Some(later)).await.unwrap();
    assert_eq!(home.store.next_due(None).await.unwrap(), Some(later));

    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    let claim = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    assert_eq!(claim.attempt, 1);
    assert!(home.store.release(&claim, None).await.unwrap());
    assert_eq!(home.store.claim("w", LEASE_S, None).await.unwrap().unwrap().attempt, 2);
}

#[tokio::test]
async fn a_released_claim_makes_way_for_what_came_meanwhile_with_its_waiters() {
    let (home, sync) = Home::with_sync().await;
    let waiter = |n: u8| coregit_store::Waiter {
        git_dir: format!("/srv/{n}.git").into(),
        event_id: coregit_model::EventId::random(),
    };
    let event =
        |w| coregit_store::Taken { triggers: vec![sync.id.clone()], waiter: Some(w), ..Default::default() };
    home.store.take_event(&event(waiter(1))).await.unwrap();
    let first = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    home.store.take_event(&event(waiter(2))).await.unwrap();
    assert!(home.store.release(&first, Some(now().plus_seconds(600))).await.unwrap());
    let second = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    assert_ne!(second.trigger_id, first.trigger_id);
    assert_eq!(second.waiters.len(), 2);
    assert!(!home.store.finish(&first).await.unwrap());
}

#[tokio::test]
async fn a_run_by_hand_takes_the_same_lease() {
    let (home, sync) = Home::with_sync().await;
    let by_hand = home.store.claim_sync(&sync.id, "me", LEASE_S).await.unwrap().unwrap();
    assert_eq!(by_hand.reason, "manual");
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    assert!(home.store.claim("w", LEASE_S, None).await.unwrap().is_none());
    assert!(home.again().await.claim_sync(&sync.id, "you", LEASE_S).await.unwrap().is_none());
    assert!(home.store.finish(&by_hand).await.unwrap());

    let again = home.store.claim_sync(&sync.id, "me", LEASE_S).await.unwrap().unwrap();
    assert_eq!(again.reason, "push");
    assert!(home.store.finish(&again).await.unwrap());
    assert_eq!(home.store.next_due(None).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_by_hand_takes_over_an_expired_lease() {
    let (home, sync) = Home::with_sync().await;
    let dead = home.store.claim_sync(&sync.id, "dead", 0).await.unwrap().unwrap();
    let claim = home.store.claim_sync(&sync.id, "me", LEASE_S).await.unwrap().unwrap();
    assert_eq!(claim.attempt, 2);
    everything_a_late_worker_does(&home.store, &dead, &sync).await;
}

#[tokio::test]
async fn a_busy_connection_does_not_hold_up_the_others() {
    let home = Home::new().await;
    many_triggers(&home, 6).await;
    let quiet = home.add_sync("quiet").await;
    home.store.add_trigger(&quiet.id, "push", None).await.unwrap();
    let first = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    let second = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    assert!([first.sync_id, second.sync_id].contains(&quiet.id));
    home.store.add_trigger(&quiet.id, "push", None).await.unwrap();
    let third = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    assert_ne!(third.sync_id, quiet.id);
}

#[tokio::test]
async fn a_run_without_a_live_claim_is_closed_by_the_next_one() {
    let (home, sync) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &sync).await;
    assert!(home.store.finish(&claim).await.unwrap());
    let (_, next) = started(&home.store, &sync).await;
    assert_eq!(home.store.run(&run.id).await.unwrap().unwrap().status, RunStatus::Error);
    assert_eq!(home.store.run(&next.id).await.unwrap().unwrap().status, RunStatus::Running);
}

#[tokio::test]
async fn the_leases_of_a_worker_that_is_known_to_be_dead_end_at_once() {
    let (home, sync) = Home::with_sync().await;
    let other = home.add_sync("other").await;
    let dead = home.store.claim_sync(&sync.id, "host:1", LEASE_S).await.unwrap().unwrap();
    let alive = home.store.claim_sync(&other.id, "host:2", LEASE_S).await.unwrap().unwrap();
    let mut holders = home.store.holders().await.unwrap();
    holders.sort();
    assert_eq!(holders, ["host:1", "host:2"]);
    home.store.end_leases_of("host:1").await.unwrap();
    let taken = home.store.claim("host:2", LEASE_S, None).await.unwrap().unwrap();
    assert_eq!((&taken.sync_id, taken.attempt), (&sync.id, 2));
    everything_a_late_worker_does(&home.store, &dead, &sync).await;
    assert!(home.store.heartbeat(&alive, LEASE_S).await.unwrap());
}
