//! kill -9 in the middle of everything: the records stay whole, and what was acknowledged is there.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use coregit_model::{RunStatus, SyncConfig};
use coregit_store::{Base, BaseKey, Found, Store};

use crate::support::{
    Home, LEASE_S, child, child_home, connection, finished, oid, options, ref_name, run_of, token,
};

/// Writes without end, telling each connection after it was written, and each run after it was finished.
async fn write_without_end(store: &Store, sync: &SyncConfig) {
    let mut out = std::io::stdout();
    for i in 0.. {
        let connection = connection(&format!("c{i}"));
        store.insert_connection(&connection, &token(connection.id.as_str())).await.unwrap();
        writeln!(out, "connection {}", connection.id).unwrap();
        store.add_trigger(&sync.id, "push", None).await.unwrap();
        let claim = store.claim("child", LEASE_S, None).await.unwrap().unwrap();
        let run = run_of(sync);
        store.start_run(&claim, &run).await.unwrap();
        let mut end = finished(&run, RunStatus::Success);
        let name = ref_name(&format!("refs/heads/{}", run.id));
        let remote_key = "https://github.com#1".to_owned();
        let key = BaseKey { repo_id: sync.repo_id.clone(), remote_key, ours: name.clone(), theirs: name };
        end.put_bases = vec![Base { ours_oid: oid('1'), ..Base::at(key) }];
        store.finish_run(&claim, &end).await.unwrap();
        writeln!(out, "run {}", run.id).unwrap();
        store.finish(&claim).await.unwrap();
        if i % 8 == 7 {
            store.rotate().await.unwrap();
            writeln!(out, "rotated").unwrap();
        }
    }
}

async fn the_only_sync(store: &Store) -> SyncConfig {
    store.syncs().await.unwrap().remove(0)
}

/// Ends leases of workers that were killed, as time would.
async fn expire(home: &Home) {
    crate::home::sqlite(&home.path(), "UPDATE triggers SET lease_until = 0").await;
}

#[tokio::test]
async fn a_killed_writer_loses_nothing_that_it_told_and_leaves_nothing_half_done() {
    let name = "kill::a_killed_writer_loses_nothing_that_it_told_and_leaves_nothing_half_done";
    if let Some(home) = child_home() {
        let store = Store::open_with(&home, options()).await.unwrap();
        let sync = the_only_sync(&store).await;
        return write_without_end(&store, &sync).await;
    }
    let (home, sync) = Home::with_sync().await;
    home.store.close().await;
    let mut told = BTreeSet::new();
    for round in 0..12u64 {
        let mut child = child(name, &home.path(), &[]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Under way, and then at another point of the loop each time.
        let under_way = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("run "));
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(round * 37 % 200));
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(under_way);
        told.extend(reader.join().unwrap());
        expire(&home).await;
        let store = home.again().await;
        assert_eq!(store.integrity().await.unwrap(), Vec::<String>::new());
        assert!(store.check_keyring().await.unwrap().is_sound());
        store.close().await;
    }
    let store = home.again().await;
    what_was_told_is_there(&store, &told).await;
    bases_and_runs_agree(&store, &sync).await;
}

async fn what_was_told_is_there(store: &Store, told: &BTreeSet<String>) {
    let ids = |what: &str| -> Vec<String> {
        told.iter().filter_map(|line| line.strip_prefix(what)).map(str::to_owned).collect()
    };
    let (connections, runs) = (ids("connection "), ids("run "));
    assert!(!connections.is_empty() && !runs.is_empty(), "the children got something done");
    for id in connections {
        let Found::One(connection) = store.connection(&id).await.unwrap() else { panic!("{id} is lost") };
        assert_eq!(store.open_token(&connection).await.unwrap().expose(), id);
    }
    for id in runs {
        let run = store.run(&coregit_model::RunId::parse(&id).unwrap()).await.unwrap().unwrap();
        assert_eq!(run.status, RunStatus::Success);
    }
}

/// A run and its base were written together: one is never there without the other.
async fn bases_and_runs_agree(store: &Store, sync: &SyncConfig) {
    let bases: BTreeSet<String> = store
        .bases_of_repo(&sync.repo_id)
        .await
        .unwrap()
        .iter()
        .map(|b| b.ours.to_string().replace("refs/heads/", ""))
        .collect();
    let (runs, _) = store.runs(&sync.repo_id, 100_000, None).await.unwrap();
    let ended: BTreeSet<String> =
        runs.iter().filter(|r| r.status == RunStatus::Success).map(|r| r.id.to_string()).collect();
    assert_eq!(bases, ended);
    if let Some(claim) = store.claim_sync(&sync.id, "after", LEASE_S).await.unwrap() {
        store.finish(&claim).await.unwrap();
    }
    let (runs, _) = store.runs(&sync.repo_id, 100_000, None).await.unwrap();
    assert!(runs.iter().all(|r| r.status != RunStatus::Running));
}

#[tokio::test]
async fn a_killed_init_leaves_a_home_that_the_next_init_completes() {
    let name = "kill::a_killed_init_leaves_a_home_that_the_next_init_completes";
    if let Some(home) = child_home() {
        Store::create_with(&home, &[], options()).await.unwrap();
        return;
    }
    let dir = tempfile::TempDir::new().unwrap();
    for round in 0..24u64 {
        let home = dir.path().join(format!("home{round}"));
        let mut child = child(name, &home, &[]);
        std::thread::sleep(Duration::from_millis(round * 3));
        child.kill().unwrap();
        child.wait().unwrap();
        let whole = home.join("coregit.db").exists();
        if whole {
            let store = Store::open_with(&home, options()).await.unwrap();
            assert!(store.check_keyring().await.unwrap().is_sound(), "a home with records is complete");
        }
        let store = Store::create_with(&home, &[], options()).await.unwrap();
        let connection = connection("work");
        store.insert_connection(&connection, &token("x")).await.unwrap();
        assert_eq!(store.open_token(&connection).await.unwrap().expose(), "x");
        assert!(store.check_keyring().await.unwrap().is_sound());
    }
}
