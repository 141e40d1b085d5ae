//! A token goes through every path that writes; nothing of it stands in any file of the home.

use std::path::Path;

use base64::Engine as _;
use coregit_model::RunStatus;

use crate::support::{Home, connection, finished, now, started, token};

/// The token and what it looks like in base64 at each of the three alignments, and in hex.
fn disguises(canary: &str) -> Vec<Vec<u8>> {
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    let mut all = vec![canary.as_bytes().to_vec()];
    for shift in 0..3 {
        let text = engine.encode([&b"xxx"[..shift], canary.as_bytes()].concat());
        all.push(text.as_bytes()[4..text.len() - 4].to_vec());
    }
    let hex: String = canary.bytes().map(|b| format!("{b:02x}")).collect();
    all.extend([hex.clone().into_bytes(), hex.to_uppercase().into_bytes()]);
    all
}

fn hits(dir: &Path, needles: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |n: &Vec<u8>| bytes.windows(n.len()).any(|w| w == n.as_slice());
        found.extend(needles.iter().filter(|n| holds(n)).map(|_| path.display().to_string()));
    }
    found
}

#[tokio::test]
async fn no_file_of_the_home_holds_a_token_in_the_clear() {
    let canary = "ghp_CANARYcanary0123456789CANARYcanary01";
    let home = Home::new().await;
    let secret = token(canary);
    let sync = home.add_sync("work").await;
    let work = connection("x");
    home.store.insert_connection(&work, &secret).await.unwrap();
    home.store.update_connection(&work, Some(&secret)).await.unwrap();
    home.store.set_cached_token(&work, &secret, now()).await.unwrap();
    let fingerprint = home.store.token_fingerprint(&secret).await.unwrap();
    home.store.put_budget("github.com", &fingerprint, "{}").await.unwrap();
    let (claim, run) = started(&home.store, &sync).await;
    home.store.finish_run(&claim, &finished(&run, RunStatus::Success)).await.unwrap();
    let needles = disguises(canary);
    assert!(home.path().join("coregit.db-wal").exists() && home.path().join("coregit.db-shm").exists());
    assert_eq!(hits(&home.path(), &needles), Vec::<String>::new());
    home.store.rotate().await.unwrap();
    assert_eq!(hits(&home.path(), &needles), Vec::<String>::new());
    home.store.delete_connection(&work.id).await.unwrap();
    home.store.close().await;
    assert_eq!(hits(&home.path(), &needles), Vec::<String>::new());

    std::fs::write(home.path().join("proof"), format!("…{}…", String::from_utf8_lossy(&needles[2]))).unwrap();
    assert_eq!(hits(&home.path(), &needles).len(), 1, "the search finds what is there");
}

#[tokio::test]
async fn a_replaced_or_rotated_token_leaves_no_old_ciphertext_behind() {
    let home = Home::new().await;
    let work = connection("work");
    home.store.insert_connection(&work, &token(&"a".repeat(4000))).await.unwrap();
    let sealed = || async {
        use sqlx::{ConnectOptions as _, Row as _};
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(home.path().join("coregit.db"));
        let mut records = options.connect().await.unwrap();
        let row = sqlx::query("SELECT token FROM connections").fetch_one(&mut records).await.unwrap();
        let sealed: Vec<u8> = row.get(0);
        // The middle of it: what a page keeps of a deleted row.
        sealed[1000..1040].to_vec()
    };
    let first = sealed().await;
    home.store.rotate().await.unwrap();
    let second = sealed().await;
    assert_ne!(first, second);
    assert_eq!(hits(&home.path(), &[first]), Vec::<String>::new());
    home.store.update_connection(&work, Some(&token("b"))).await.unwrap();
    home.store.close().await;
    assert_eq!(hits(&home.path(), &[second]), Vec::<String>::new());
}
