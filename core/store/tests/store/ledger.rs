//! Bases, receipts and budgets: what is kept between runs.

use coregit_model::{Oid, Receipt};
use coregit_store::{Base, BaseKey};

use crate::home::sqlite;
use crate::support::{Home, now, oid, ref_name, started};

#[tokio::test]
async fn one_base_is_kept_for_a_pair_of_refs() {
    let (home, sync) = Home::with_sync().await;
    let key = |theirs: &str| BaseKey {
        repo_id: sync.repo_id.clone(),
        remote_key: "https://github.com#1".into(),
        ours: ref_name("refs/heads/\\xff"),
        theirs: ref_name(theirs),
    };
    let sha256: Oid = "e".repeat(64).parse().unwrap();
    let first = Base { ours_oid: sha256, theirs_oid: oid('2'), ..Base::at(key("refs/heads/a")) };
    let second = Base { managed_by: Some(sync.id.clone()), ..Base::at(key("refs/heads/b")) };
    home.store.put_bases(&[first.clone(), second.clone()]).await.unwrap();
    let moved = Base { theirs_oid: oid('3'), ..first };
    home.store.put_bases(std::slice::from_ref(&moved)).await.unwrap();
    let found = home.store.bases(&sync.repo_id, "https://github.com#1").await.unwrap();
    assert_eq!(found, [moved.clone(), second.clone()]);
    assert_eq!(home.store.bases(&sync.repo_id, "https://github.com#2").await.unwrap(), []);
    home.store.delete_bases(&[key("refs/heads/b"), key("refs/heads/b")]).await.unwrap();
    assert_eq!(home.store.bases_of_repo(&sync.repo_id).await.unwrap(), [moved]);
    home.store.put_bases(&[]).await.unwrap();
}

#[tokio::test]
async fn many_bases_are_written_in_one_go() {
    let (home, sync) = Home::with_sync().await;
    let base = |i: usize| {
        let name = ref_name(&format!("refs/heads/b{i:05}"));
        let remote_key = "https://github.com#1".to_owned();
        let key = BaseKey { repo_id: sync.repo_id.clone(), remote_key, ours: name.clone(), theirs: name };
        Base { ours_oid: oid('1'), theirs_oid: oid('1'), ..Base::at(key) }
    };
    let bases: Vec<_> = (0..2_500).map(base).collect();
    home.store.put_bases(&bases).await.unwrap();
    assert_eq!(home.store.bases_of_repo(&sync.repo_id).await.unwrap(), bases);
}

#[tokio::test]
async fn of_verifies_the_newest_receipt_is_kept() {
    let (home, sync) = Home::with_sync().await;
    let receipt = |fingerprint: &str, later| Receipt {
        run_id: None,
        verified_at: now().plus_seconds(later),
        refs: Vec::new(),
        fingerprint: fingerprint.into(),
    };
    assert_eq!(home.store.last_receipt(&sync.id).await.unwrap(), None);
    for (name, later) in [("a", 1), ("b", 2)] {
        home.store.put_receipt(&sync.id, &receipt(name, later)).await.unwrap();
    }
    let last = home.store.last_receipt(&sync.id).await.unwrap().unwrap();
    assert_eq!((last.fingerprint.as_str(), last.run_id), ("b", None));
    let (_, run) = started(&home.store, &sync).await;
    assert_eq!(home.store.receipt(&run.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_budget_is_shared_and_an_old_one_is_forgotten() {
    let home = Home::new().await;
    let token = crate::support::token("ghp_x");
    let fingerprint = home.store.token_fingerprint(&token).await.unwrap();
    assert_eq!(home.store.budget("github.com", &fingerprint).await.unwrap(), None);
    home.store.put_budget("github.com", &fingerprint, r#"{"left":1}"#).await.unwrap();
    home.store.put_budget("github.com", &fingerprint, r#"{"left":0}"#).await.unwrap();
    let found = home.again().await.budget("github.com", &fingerprint).await.unwrap().unwrap();
    assert_eq!(found.json, r#"{"left":0}"#);
    sqlite(&home.path(), "UPDATE budgets SET updated_at = updated_at - 8 * 86400000").await;
    home.store.put_budget("gitlab.com", &fingerprint, "{}").await.unwrap();
    assert_eq!(home.store.budget("github.com", &fingerprint).await.unwrap(), None);
}

#[tokio::test]
async fn a_fingerprint_tells_tokens_apart_and_homes_too() {
    let (home, other) = (Home::new().await, Home::new().await);
    let token = |text: &str| crate::support::token(text);
    let a = home.store.token_fingerprint(&token("a")).await.unwrap();
    assert_eq!(a, home.again().await.token_fingerprint(&token("a")).await.unwrap());
    assert!(a.len() == 24 && a.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_ne!(a, home.store.token_fingerprint(&token("b")).await.unwrap());
    assert_ne!(a, other.store.token_fingerprint(&token("a")).await.unwrap());
}
