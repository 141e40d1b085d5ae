//! Events and the policy in the spool, under the strictest disk: a name is there only when its folder was synced.

use coregit_model::{EventId, ObjectFormat, Oid, RefName, RefUpdate, RepoId, Timestamp};
use coregit_spool::{Event, Policy, Spool, Wanted};
use coregit_tests::powercut::Rule;

use crate::Lab;

fn event() -> Event {
    let zero = Oid::zero(ObjectFormat::Sha1);
    let update = RefUpdate { name: RefName::parse("refs/heads/main").unwrap(), expected: zero, new: zero };
    let uid = rustix::process::getuid().as_raw();
    let (id, at) = (EventId::random(), Timestamp::now());
    Event { id, at, sync: Wanted::Run, only: None, uid, updates: vec![update] }
}

fn policy(lab: &Lab) -> Policy {
    Policy {
        home: lab.on_disk("home"),
        coregit: lab.on_disk("bin/coregit"),
        owner_uid: rustix::process::getuid().as_raw(),
        socket: lab.on_disk("home/worker.sock"),
        repo_id: RepoId::random(),
        allowed: vec!["refs/heads/".into()],
        protected: Vec::new(),
        labels: Vec::new(),
        fail_closed: false,
        wait_for_s: 60,
    }
}

/// A spool on the disk, its folders durable.
fn spool(lab: &mut Lab) -> Spool {
    std::fs::create_dir(lab.on_disk("app.git")).unwrap();
    let spool = Spool::at(&lab.on_disk("app.git"));
    spool.create().unwrap();
    lab.disk.settle().unwrap();
    spool
}

#[test]
fn an_event_that_was_written_survives_and_so_does_the_policy() {
    let Some(mut lab) = Lab::new(Rule::Strict) else { return };
    let spool = spool(&mut lab);
    let (event, policy) = (event(), policy(&lab));
    spool.write_policy(&policy).unwrap();
    spool.write_event(&event).unwrap();
    lab.disk.cut().unwrap();
    assert_eq!(spool.events().unwrap(), [event]);
    assert_eq!(spool.policy().unwrap(), policy);
}

#[test]
fn an_event_that_was_removed_may_come_back_but_only_whole() {
    let Some(mut lab) = Lab::new(Rule::Strict) else { return };
    let spool = spool(&mut lab);
    let event = event();
    spool.write_event(&event).unwrap();
    spool.remove_event(&event.id).unwrap();
    lab.disk.cut().unwrap();
    let left = spool.events().unwrap();
    assert!(left.is_empty() || left == [event], "{left:?}");
}
