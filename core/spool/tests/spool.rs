//! The spool on a real file system.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coregit_model::{EventId, ObjectFormat, Oid, RefName, RefUpdate, RepoId, Timestamp};
use coregit_spool::{Event, EventResult, Policy, Spool, SpoolError, Wanted, wake, write_atomic};
use tempfile::TempDir;

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn made() -> (TempDir, Spool) {
    let git_dir = tempfile::tempdir().unwrap();
    let spool = Spool::at(git_dir.path());
    spool.create().unwrap();
    (git_dir, spool)
}

fn policy() -> Policy {
    Policy {
        home: "/home".into(),
        coregit: "/usr/bin/coregit".into(),
        owner_uid: uid(),
        socket: "/home/s".into(),
        repo_id: RepoId::random(),
        allowed: Policy::USUAL_REFS.map(str::to_owned).to_vec(),
        protected: Vec::new(),
        labels: vec!["github".into()],
        fail_closed: false,
        wait_for_s: 60,
    }
}

fn event(names: &[&[u8]]) -> Event {
    let update = |name: &&[u8]| RefUpdate {
        name: RefName::new(*name).unwrap(),
        expected: Oid::zero(ObjectFormat::Sha1),
        new: Oid::from_bytes(&[7; 20]).unwrap(),
    };
    Event {
        id: EventId::random(),
        at: Timestamp::from_millis(1_775_390_400_123),
        updates: names.iter().map(update).collect(),
        sync: Wanted::Wait,
        only: Some(vec!["git hub".into()]),
        uid: uid(),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(path: PathBuf) -> Vec<String> {
    std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_event_is_read_back_as_it_was_written() {
    let (_dir, spool) = made();
    let odd: [&[u8]; 3] = [b"refs/heads/\xff\xfe", "refs/tags/été".as_bytes(), b"refs/heads/a\"b"];
    for names in [&[][..], &odd[..1], &odd[..]] {
        let event = event(names);
        spool.write_event(&event).unwrap();
        assert_eq!(spool.events().unwrap(), std::slice::from_ref(&event));
        spool.remove_event(&event.id).unwrap();
        assert_eq!(spool.events().unwrap(), []);
    }
}

#[test]
fn events_come_oldest_first() {
    let (_dir, spool) = made();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let event = event(&[b"refs/heads/main"]);
        spool.write_event(&event).unwrap();
        ids.push(event.id);
        std::thread::sleep(Duration::from_millis(2));
    }
    let read: Vec<_> = spool.events().unwrap().into_iter().map(|e| e.id).collect();
    assert_eq!(read, ids);
}

#[test]
fn an_event_that_nobody_can_read_is_set_aside_and_blocks_no_other() {
    let (dir, spool) = made();
    let events = dir.path().join("coregit/events");
    let whole = event(&[b"refs/heads/main"]);
    spool.write_event(&whole).unwrap();
    let text = std::fs::read(events.join(format!("{}.json", whole.id))).unwrap();
    std::fs::write(events.join("ev_0truncated.json"), &text[..text.len() / 2]).unwrap();
    std::fs::write(events.join("ev_0empty.json"), "").unwrap();
    std::fs::write(events.join("ev_0renamed.json"), &text).unwrap();
    std::fs::create_dir(events.join("ev_0folder.json")).unwrap();
    symlink("/etc/passwd", events.join("ev_0link.json")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(events.join("ev_0fifo.json")).status().unwrap();
    assert!(fifo.success());
    std::fs::write(events.join(".new-1-1-1"), "half").unwrap();
    assert_eq!(spool.events().unwrap(), [whole]);
    let mut aside = names(events.join("damaged"));
    aside.sort();
    let expected =
        ["empty", "fifo", "folder", "link", "renamed", "truncated"].map(|n| format!("ev_0{n}.json"));
    assert_eq!(aside, expected);
    assert_eq!(spool.events().unwrap().len(), 1);
}

#[test]
fn an_event_streams_and_an_error_leaves_nothing() {
    let (dir, spool) = made();
    let head = event(&[]);
    let update = event(&[b"refs/heads/main"]).updates.remove(0);
    let result = spool.stream_event::<SpoolError>(&head, |writer| {
        writer.update(&update)?;
        Err(SpoolError::Missing("x".into()))
    });
    assert!(result.is_err());
    assert_eq!(names(dir.path().join("coregit/events")), ["damaged"]);
    spool
        .stream_event::<SpoolError>(&head, |writer| (0..3).try_for_each(|_| writer.update(&update)))
        .unwrap();
    assert_eq!(spool.events().unwrap()[0].updates.len(), 3);
}

#[test]
fn without_a_spool_nothing_is_read_and_writing_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::at(dir.path());
    assert!(!spool.exists());
    assert!(spool.policy().unwrap_err().is_missing());
    assert_eq!(spool.events().unwrap(), []);
    assert_eq!(spool.failure(), None);
    assert!(spool.write_event(&event(&[])).unwrap_err().is_missing());
    spool.clear_failure().unwrap();
    spool.remove().unwrap();
}

#[test]
fn a_link_in_place_of_a_folder_is_not_followed() {
    for part in ["coregit", "coregit/events", "coregit/results"] {
        let (dir, spool) = made();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("t");
        std::fs::rename(dir.path().join(part), &target).unwrap();
        symlink(&target, dir.path().join(part)).unwrap();
        let event = event(&[b"refs/heads/main"]);
        let wrote = match part {
            "coregit/results" => spool.write_result(&event.id, &EventResult::default()),
            _ => spool.write_event(&event),
        };
        assert!(matches!(wrote, Err(SpoolError::Replaced(_))), "{part}: {wrote:?}");
        assert!(spool.create().is_err(), "{part}");
        assert!(spool.exists(), "{part}");
    }
}

#[test]
fn a_policy_round_trips_with_paths_that_are_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let (dir, spool) = made();
    let odd = PathBuf::from(std::ffi::OsStr::from_bytes(b"/srv/\xff\\x41 \n"));
    let policy =
        Policy { home: odd.clone(), coregit: odd.join("coregit"), socket: odd.join("s"), ..policy() };
    spool.write_policy(&policy).unwrap();
    assert_eq!(spool.policy().unwrap(), policy);
    assert_eq!(mode(&dir.path().join("coregit/policy.json")) & 0o022, 0);
}

#[test]
fn a_policy_that_others_could_have_written_is_not_trusted() {
    let (dir, spool) = made();
    let path = dir.path().join("coregit/policy.json");
    spool.write_policy(&Policy { owner_uid: 4_000_000, ..policy() }).unwrap();
    if uid() == 0 {
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
    }
    assert!(matches!(spool.policy(), Err(SpoolError::Untrusted { .. })));
    spool.write_policy(&policy()).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o664)).unwrap();
    assert!(matches!(spool.policy(), Err(SpoolError::Untrusted { .. })));
}

#[test]
fn a_damaged_policy_is_an_error_and_no_panic() {
    let (dir, spool) = made();
    spool.write_policy(&policy()).unwrap();
    let path = dir.path().join("coregit/policy.json");
    let text = std::fs::read(&path).unwrap();
    for end in 0..text.len() - 2 {
        std::fs::write(&path, &text[..end]).unwrap();
        assert!(matches!(spool.policy(), Err(SpoolError::Damaged { .. })), "{end}");
    }
    spool.write_policy(&Policy { coregit: "coregit".into(), ..policy() }).unwrap();
    assert!(matches!(spool.policy(), Err(SpoolError::Damaged { .. })));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(spool.policy(), Err(SpoolError::Replaced(_))));
}

#[test]
fn folders_and_events_are_as_open_as_the_repository() {
    for (git_dir, ours, shared, file) in [
        (0o700, 0o700, 0o700, 0o600),
        (0o755, 0o755, 0o755, 0o644),
        (0o2770, 0o2750, 0o2770, 0o660),
        (0o770, 0o2750, 0o2770, 0o660),
        (0o2775, 0o2755, 0o2775, 0o664),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(git_dir)).unwrap();
        let spool = Spool::at(dir.path());
        spool.create().unwrap();
        spool.create().unwrap();
        assert_eq!(mode(&dir.path().join("coregit")), ours, "{git_dir:o}");
        assert_eq!(mode(&dir.path().join("coregit/events")), shared, "{git_dir:o}");
        assert_eq!(mode(&dir.path().join("coregit/results")), ours, "{git_dir:o}");
        let event = event(&[b"refs/heads/main"]);
        spool.write_event(&event).unwrap();
        assert_eq!(mode(&dir.path().join(format!("coregit/events/{}.json", event.id))), file, "{git_dir:o}");
    }
}

#[test]
fn an_event_that_root_writes_belongs_to_the_owner_of_the_folder() {
    if uid() != 0 {
        return;
    }
    let (dir, spool) = made();
    let events = dir.path().join("coregit/events");
    std::os::unix::fs::chown(&events, Some(65534), Some(65534)).unwrap();
    let event = event(&[b"refs/heads/main"]);
    spool.write_event(&event).unwrap();
    let file = std::fs::metadata(events.join(format!("{}.json", event.id))).unwrap();
    assert_eq!((file.uid(), file.gid()), (65534, 65534));
    assert_eq!(spool.events().unwrap()[0].uid, 0, "who pushed is kept");
}

#[test]
fn the_owner_of_the_file_tells_who_pushed() {
    if uid() != 0 {
        return;
    }
    let (dir, spool) = made();
    let event = event(&[b"refs/heads/main"]);
    spool.write_event(&event).unwrap();
    let file = dir.path().join(format!("coregit/events/{}.json", event.id));
    std::os::unix::fs::chown(file, Some(65534), None).unwrap();
    assert_eq!(spool.events().unwrap()[0].uid, 65534);
}

#[test]
fn results_are_found_by_their_event_and_go_with_age() {
    let (dir, spool) = made();
    let id = EventId::random();
    assert_eq!(spool.result(&id), None);
    let result = EventResult { done: true, lines: vec!["main → github: ok".into()], ..Default::default() };
    spool.write_result(&id, &result).unwrap();
    assert_eq!(spool.result(&id), Some(result));
    spool.remove_results_older_than(Duration::from_secs(3600)).unwrap();
    assert!(spool.result(&id).is_some());
    spool.remove_results_older_than(Duration::ZERO).unwrap();
    assert_eq!(spool.result(&id), None);
    assert_eq!(names(dir.path().join("coregit/results")), [""; 0]);
}

#[test]
fn the_last_failure_is_one_printable_line() {
    let (_dir, spool) = made();
    assert_eq!(spool.failure(), None);
    spool.write_failure("github: no\n\u{1b}]0;x").unwrap();
    assert_eq!(spool.failure().unwrap(), "github: no\\x0a\\x1b]0;x");
    spool.clear_failure().unwrap();
    assert_eq!(spool.failure(), None);
}

#[test]
fn removing_the_spool_leaves_what_others_put_there() {
    let (dir, spool) = made();
    spool.write_policy(&policy()).unwrap();
    spool.write_event(&event(&[b"refs/heads/main"])).unwrap();
    std::fs::write(dir.path().join("coregit/events/ev_0x.json"), "").unwrap();
    spool.events().unwrap();
    spool.write_result(&EventId::random(), &EventResult::default()).unwrap();
    spool.write_failure("x").unwrap();
    std::fs::write(dir.path().join("coregit/mirrors.json"), "{}").unwrap();
    spool.remove().unwrap();
    assert_eq!(names(dir.path().join("coregit")), ["mirrors.json"]);
    std::fs::remove_file(dir.path().join("coregit/mirrors.json")).unwrap();
    spool.remove().unwrap();
    assert!(!spool.exists());
}

#[test]
fn an_atomic_write_sets_the_mode_and_replaces_a_link_without_following_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("a"), dir.path().join("b"));
    std::fs::write(&other, "other").unwrap();
    symlink(&other, &path).unwrap();
    write_atomic(&path, b"new", 0o640).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert_eq!(std::fs::read(&other).unwrap(), b"other");
    assert_eq!(mode(&path), 0o640);
    assert_eq!(names(dir.path().to_owned()).len(), 2);
    assert!(write_atomic(&dir.path().join("none/a"), b"", 0o600).is_err());
}

#[test]
fn who_may_not_enter_the_home_wakes_its_worker_by_another_address() {
    let (home, repo) = (PathBuf::from(format!("/nobody/{}", EventId::random())), RepoId::random());
    assert!(wake::send_open(&home, 7, &repo).is_err(), "nobody listens");
    let worker = wake::bind_open(&home, 7).unwrap();
    wake::send_open(&home, 7, &repo).unwrap();
    let mut buffer = [0; wake::MAX_LEN];
    let len = worker.recv(&mut buffer).unwrap();
    assert_eq!(wake::read(&buffer[..len]), Some(repo.clone()));
    assert!(wake::send_open(&home, 8, &repo).is_err(), "another owner's");
}

#[test]
fn a_worker_is_woken_by_a_datagram_and_its_absence_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let repo = RepoId::random();
    assert!(wake::send(&path, &repo).is_err());
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    wake::send(&path, &repo).unwrap();
    let mut buffer = [0; wake::MAX_LEN];
    let len = socket.recv(&mut buffer).unwrap();
    assert_eq!(wake::read(&buffer[..len]), Some(repo.clone()));
    drop(socket);
    assert!(wake::send(&path, &repo).is_err(), "a socket file that nobody listens on");
    assert_eq!(wake::read(b"../x"), None);
}

#[test]
fn a_worker_whose_queue_is_full_counts_as_awake() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let _socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let filler = std::os::unix::net::UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to(b"x", &path).is_ok() {}
    wake::send(&path, &RepoId::random()).unwrap();
}
