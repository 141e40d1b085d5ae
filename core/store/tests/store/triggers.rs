//! Triggers and events: coalesced, durable, harmless when taken twice.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use coregit_model::{EventId, SyncState, Timestamp};
use coregit_store::{Hold, Taken, Waiter};

use crate::support::{Home, LEASE_S, now, oid, ref_name};

fn at(millis: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(millis))
}

#[tokio::test]
async fn reasons_coalesce_into_one_that_keeps_the_earliest_time() {
    let (home, sync) = Home::with_sync().await;
    let later = now().plus_seconds(3600);
    home.store.add_trigger(&sync.id, "interval", Some(later.plus_seconds(60))).await.unwrap();
    home.store.add_trigger(&sync.id, "sweep", Some(later)).await.unwrap();
    home.store.add_trigger(&sync.id, "interval", Some(later.plus_seconds(5))).await.unwrap();
    assert_eq!(home.store.next_due(None).await.unwrap(), Some(later));
    assert!(home.store.claim("w", LEASE_S, None).await.unwrap().is_none());
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    let claim = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    assert_eq!((claim.reason.as_str(), claim.attempt), ("push", 1));
    assert!(home.store.claim("w", LEASE_S, None).await.unwrap().is_none());
}

#[tokio::test]
async fn one_runs_and_one_waits_and_no_more() {
    let (home, sync) = Home::with_sync().await;
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    let first = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    for _ in 0..3 {
        home.store.add_trigger(&sync.id, "push", None).await.unwrap();
        assert!(home.store.claim("w2", LEASE_S, None).await.unwrap().is_none());
    }
    assert!(home.store.finish(&first).await.unwrap());
    let second = home.store.claim("w2", LEASE_S, None).await.unwrap().unwrap();
    assert!(home.store.finish(&second).await.unwrap());
    assert!(home.store.claim("w2", LEASE_S, None).await.unwrap().is_none());
    assert_eq!(home.store.next_due(None).await.unwrap(), None);
}

#[tokio::test]
async fn an_event_that_is_taken_twice_is_taken_once() {
    let (home, sync) = Home::with_sync().await;
    let odd = OsStr::from_bytes(b"/srv/\xff.git").into();
    let waiter = Waiter { git_dir: odd, event_id: EventId::random() };
    let hold = Hold { sync_id: sync.id.clone(), name: ref_name("refs/heads/x"), oid: oid('a') };
    let event = Taken {
        triggers: vec![sync.id.clone()],
        holds: vec![hold],
        waiter: Some(waiter.clone()),
        ..Taken::default()
    };
    let other = Waiter { git_dir: "/srv/b.git".into(), event_id: EventId::random() };
    for event in [&event, &event, &Taken { waiter: Some(other.clone()), holds: vec![], ..event.clone() }] {
        home.store.take_event(event).await.unwrap();
    }
    let claim = home.store.claim("w", LEASE_S, None).await.unwrap().unwrap();
    assert_eq!(claim.waiters, [waiter, other]);
    assert_eq!(home.store.holds(&sync.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_event_for_a_sync_that_is_gone_is_passed_over() {
    let (home, sync) = Home::with_sync().await;
    let kept = home.add_sync("kept").await;
    home.store.delete_sync(&sync.id).await.unwrap();
    let event = Taken {
        triggers: vec![sync.id.clone(), kept.id.clone()],
        holds: vec![Hold { sync_id: sync.id.clone(), name: ref_name("refs/heads/x"), oid: oid('a') }],
        ..Taken::default()
    };
    home.store.take_event(&event).await.unwrap();
    assert_eq!(home.store.claim("w", LEASE_S, None).await.unwrap().unwrap().sync_id, kept.id);
}

#[tokio::test]
async fn a_hold_ends_when_its_ref_moves_or_somebody_triggers_by_hand() {
    let (home, sync) = Home::with_sync().await;
    let hold = |name: &str, digit| Hold { sync_id: sync.id.clone(), name: ref_name(name), oid: oid(digit) };
    home.store.hold(&hold("refs/heads/main", 'a')).await.unwrap();
    home.store.hold(&hold("refs/heads/main", 'b')).await.unwrap();
    home.store.hold(&hold("refs/heads/b\\xff", 'c')).await.unwrap();
    let held = home.store.holds(&sync.id).await.unwrap();
    assert!(held.contains(&(ref_name("refs/heads/main"), oid('b'))) && held.len() == 2);
    let moved = Taken {
        triggers: vec![sync.id.clone()],
        moved: vec![ref_name("refs/heads/main")],
        ..Taken::default()
    };
    home.store.take_event(&moved).await.unwrap();
    assert_eq!(home.store.holds(&sync.id).await.unwrap().len(), 1);
    home.store.drop_holds_of(&sync.id, &[ref_name("refs/heads/b\\xff")]).await.unwrap();
    home.store.hold(&hold("refs/heads/main", 'd')).await.unwrap();
    home.store.drop_holds(&sync.id).await.unwrap();
    assert!(home.store.holds(&sync.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_paused_sync_waits_until_it_is_resumed() {
    let (home, sync) = Home::with_sync().await;
    home.store.add_trigger(&sync.id, "push", None).await.unwrap();
    for state in [SyncState::Paused, SyncState::Held] {
        home.store.set_sync_state(&sync.id, state, None).await.unwrap();
        assert!(home.store.claim("w", LEASE_S, None).await.unwrap().is_none());
        assert_eq!(home.store.next_due(None).await.unwrap(), None);
    }
    home.store.set_sync_state(&sync.id, SyncState::Active, None).await.unwrap();
    assert_eq!(home.store.next_due(None).await.unwrap(), at(0));
    assert!(home.store.claim("w", LEASE_S, None).await.unwrap().is_some());
}

#[tokio::test]
async fn a_drain_sees_only_its_own_repository() {
    let (home, a) = Home::with_sync().await;
    let b = home.add_sync("b").await;
    home.store.add_trigger(&a.id, "push", None).await.unwrap();
    assert_eq!(home.store.next_due(Some(&b.repo_id)).await.unwrap(), None);
    assert!(home.store.claim("w", LEASE_S, Some(&b.repo_id)).await.unwrap().is_none());
    let claim = home.store.claim("w", LEASE_S, Some(&a.repo_id)).await.unwrap().unwrap();
    assert_eq!(claim.sync_id, a.id);
}
