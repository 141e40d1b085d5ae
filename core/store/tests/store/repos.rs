//! Repositories: names, paths and what goes with them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use coregit_model::{BranchName, RepoId, RepoSlug};
use coregit_store::StoreError;

use crate::support::{Home, repo, started};

#[tokio::test]
async fn repositories_are_found_by_slug_path_and_id() {
    let home = Home::new().await;
    let mut odd = repo("team/odd");
    odd.path = OsStr::from_bytes(b"/srv/\xff\xfe spaced\n.git").into();
    odd.default_branch = BranchName::new(&b"m\xe4in"[..]).unwrap();
    odd.created_here = false;
    let plain = repo("plain");
    for repo in [&odd, &plain] {
        home.store.insert_repo(repo).await.unwrap();
        assert_eq!(home.store.repo(&repo.slug).await.unwrap().as_ref(), Some(repo));
        assert_eq!(home.store.repo_by_path(&repo.path).await.unwrap().as_ref(), Some(repo));
        assert_eq!(home.store.repo_by_id(&repo.id).await.unwrap().as_ref(), Some(repo));
    }
    assert_eq!(home.store.repos().await.unwrap(), [plain, odd]);
    assert_eq!(home.store.repo(&RepoSlug::parse("nope").unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn a_slug_and_a_path_belong_to_one_repository() {
    let home = Home::new().await;
    let first = repo("app");
    home.store.insert_repo(&first).await.unwrap();
    let mut same_path = repo("other");
    same_path.path = first.path.clone();
    for taken in [repo("app"), same_path] {
        let error = home.store.insert_repo(&taken).await.unwrap_err();
        assert!(matches!(error, StoreError::Exists { what: "repository" }), "{error}");
    }
    let mut moved = first.clone();
    moved.path = "/elsewhere".into();
    home.store.update_repo(&moved).await.unwrap();
    assert_eq!(home.store.repo(&first.slug).await.unwrap(), Some(moved));
    let error = home.store.update_repo(&repo("ghost")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_repository_takes_its_syncs_and_history_with_it() {
    let (home, sync) = Home::with_sync().await;
    let (_, run) = started(&home.store, &sync).await;
    home.store.delete_repo(&sync.repo_id).await.unwrap();
    assert_eq!(home.store.syncs().await.unwrap(), []);
    assert_eq!(home.store.run(&run.id).await.unwrap(), None);
    assert_eq!(home.store.connections().await.unwrap().len(), 1);
    assert_eq!(home.store.integrity().await.unwrap(), Vec::<String>::new());
    assert!(home.store.delete_repo(&RepoId::random()).await.is_err());
}
