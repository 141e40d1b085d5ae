//! Runs: what they say comes back, newest first, page by page.

use coregit_model::{Action, Counts, ErrorClass, RefResult, RefStatus, RunId, RunStatus, SyncRun};

use crate::support::{Home, finished, oid, ref_name, run_of, started};

#[tokio::test]
async fn a_run_reads_back_as_it_ended() {
    let (home, sync) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &sync).await;
    assert_eq!(home.store.run(&run.id).await.unwrap().unwrap(), run);
    let mut end = finished(&run, RunStatus::Error);
    end.run.class = Some(ErrorClass::RejectedByRule);
    end.run.message = "refs/heads/\u{fffd} was refused".into();
    end.run.remote_sha = Some(oid('a'));
    end.run.commit_sha = Some("f".repeat(64).parse().unwrap());
    end.run.counts = Counts { files_changed: 1 << 40, deleted: 2, requests: u32::MAX, bytes_sent: 3 };
    end.run.refs = vec![RefResult {
        name: ref_name("refs/heads/b\\xff"),
        action: Action::Force,
        old: None,
        new: Some(oid('b')),
        status: RefStatus::Rejected,
        reason: Some("GH013".into()),
    }];
    home.store.finish_run(&claim, &end).await.unwrap();
    assert_eq!(home.again().await.run(&run.id).await.unwrap().unwrap(), end.run);
    assert_eq!(home.store.run(&RunId::random()).await.unwrap(), None);
}

#[tokio::test]
async fn history_is_paged_without_gaps_while_it_grows() {
    let (home, sync) = Home::with_sync().await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(one_run(&home, &sync).await);
    }
    ids.reverse();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let (page, next) = home.store.runs(&sync.repo_id, 3, cursor.as_ref()).await.unwrap();
        seen.extend(page.into_iter().map(|r: SyncRun| r.id));
        one_run(&home, &sync).await;
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let last = home.store.last_runs(&sync.id, 2).await.unwrap();
    assert_eq!(last.len(), 2);
    assert!(last[0].id > last[1].id);
    let (all, next) = home.store.runs(&sync.repo_id, 100, None).await.unwrap();
    assert_eq!((all.len(), next), (10, None));
}

async fn one_run(home: &Home, sync: &coregit_model::SyncConfig) -> RunId {
    // Ids sort by the millisecond that they were made in.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    let (claim, run) = started(&home.store, sync).await;
    home.store.finish_run(&claim, &finished(&run, RunStatus::Success)).await.unwrap();
    home.store.finish(&claim).await.unwrap();
    run.id
}

#[tokio::test]
async fn a_run_starts_once() {
    let (home, sync) = Home::with_sync().await;
    let (claim, run) = started(&home.store, &sync).await;
    assert!(home.store.start_run(&claim, &run).await.is_err());
    let other = run_of(&sync);
    home.store.start_run(&claim, &other).await.unwrap();
}
