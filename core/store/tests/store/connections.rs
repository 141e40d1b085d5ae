//! Connections: their rows, their tokens, and what goes with them.

use coregit_model::{Connection, Origin, SyncConfig, SyncState, TokenKind};
use coregit_store::{Base, BaseKey, Found, Intent, SealError, Store, StoreError, remote_key};

use crate::home::sqlite;
use crate::support::{Home, connection, now, oid, ref_name, repo, started, sync, token};

async fn stored(store: &Store, connection: &Connection) -> Connection {
    match store.connection(connection.id.as_str()).await.unwrap() {
        Found::One(found) => found,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_reads_back_as_it_was_written() {
    let home = Home::new().await;
    let mut app = connection("an app");
    app.url = Some("http://127.0.0.1:8080".into());
    app.origin = Origin::parse("http://127.0.0.1:8080").unwrap().0;
    app.token_kind = TokenKind::App;
    app.app_id = Some("Iv1.x".into());
    app.installation_id = Some(u64::MAX >> 1);
    app.ca_file = Some("/etc/ca.pem".into());
    app.last_synced_at = Some(now());
    app.invalid_since = Some(now());
    let plain = connection("plain");
    for connection in [&app, &plain] {
        home.store.insert_connection(connection, &token("x")).await.unwrap();
        assert_eq!(&stored(&home.store, connection).await, connection);
    }
    assert_eq!(home.store.connections().await.unwrap(), [app, plain]);
}

#[tokio::test]
async fn an_id_wins_over_a_label_and_a_shared_label_is_many() {
    let home = Home::new().await;
    let (a, b) = (connection("work"), connection("work"));
    let mut c = connection("x");
    c.label = a.id.to_string();
    for connection in [&a, &b, &c] {
        home.store.insert_connection(connection, &token("x")).await.unwrap();
    }
    assert_eq!(home.store.connection("work").await.unwrap(), Found::Many);
    assert_eq!(home.store.connection(a.id.as_str()).await.unwrap(), Found::One(a));
    assert_eq!(home.store.connection("nobody").await.unwrap(), Found::None);
    assert_eq!(home.store.connection("").await.unwrap(), Found::None);
}

#[tokio::test]
async fn a_token_comes_back_whole_up_to_a_private_key() {
    let home = Home::new().await;
    for (i, text) in ["ghp_x", &"s".repeat(4096), &"-----BEGIN RSA PRIVATE KEY-----\nMII…\n".repeat(100)]
        .into_iter()
        .enumerate()
    {
        let connection = connection(&format!("c{i}"));
        home.store.insert_connection(&connection, &token(text)).await.unwrap();
        assert_eq!(home.again().await.open_token(&connection).await.unwrap().expose(), text);
    }
}

#[tokio::test]
async fn a_token_opens_for_its_own_origin_only() {
    let home = Home::new().await;
    let mut connection = connection("work");
    home.store.insert_connection(&connection, &token("x")).await.unwrap();
    for other in ["https://github.com:8443", "https://github.com.evil.example", "http://localhost"] {
        connection.origin = Origin::parse(other).unwrap().0;
        let error = home.store.open_token(&connection).await.unwrap_err();
        assert!(matches!(error, StoreError::Seal(SealError::NotAuthentic(_))), "{error}");
        let error = home.store.update_connection(&connection, None).await.unwrap_err();
        assert!(matches!(error, StoreError::OtherOrigin), "{error}");
    }
    home.store.update_connection(&connection, Some(&token("y"))).await.unwrap();
    assert_eq!(home.store.open_token(&connection).await.unwrap().expose(), "y");
}

#[tokio::test]
async fn a_token_that_was_moved_to_another_row_or_column_does_not_open() {
    let home = Home::new().await;
    let (a, b) = (connection("a"), connection("b"));
    for connection in [&a, &b] {
        home.store.insert_connection(connection, &token("x")).await.unwrap();
        home.store.set_cached_token(connection, &token("cached"), now()).await.unwrap();
    }
    sqlite(
        &home.path(),
        "UPDATE connections SET token = (SELECT token FROM connections WHERE label = 'b') WHERE label = 'a'",
    )
    .await;
    sqlite(&home.path(), "UPDATE connections SET token = cached_token WHERE label = 'b'").await;
    for connection in [&a, &b] {
        let error = home.store.open_token(connection).await.unwrap_err();
        assert!(matches!(error, StoreError::Seal(SealError::NotAuthentic(_))), "{error}");
        assert!(error.hint().unwrap().contains("coregit connections update"));
    }
    let report = home.store.check_keyring().await.unwrap();
    assert_eq!(report.fields.iter().filter(|f| f.problem.is_some()).count(), 2);
    assert!(!report.is_sound());
}

#[tokio::test]
async fn a_cached_token_is_kept_until_the_secret_changes() {
    let home = Home::new().await;
    let app = connection("app");
    home.store.insert_connection(&app, &token("pem")).await.unwrap();
    assert!(home.store.cached_token(&app).await.unwrap().is_none());
    let expires = now().plus_seconds(3600);
    home.store.set_cached_token(&app, &token("ghs_1"), expires).await.unwrap();
    let (cached, until) = home.again().await.cached_token(&app).await.unwrap().unwrap();
    assert_eq!((cached.expose(), until), ("ghs_1", expires));
    home.store.drop_cached_token(&app).await.unwrap();
    assert!(home.store.cached_token(&app).await.unwrap().is_none());
    home.store.set_cached_token(&app, &token("ghs_2"), expires).await.unwrap();
    home.store.update_connection(&app, Some(&token("other pem"))).await.unwrap();
    assert!(home.store.cached_token(&app).await.unwrap().is_none());
}

#[tokio::test]
async fn a_refused_token_is_noted_and_a_sync_that_works_takes_the_note_away() {
    let home = Home::new().await;
    let connection = connection("work");
    home.store.insert_connection(&connection, &token("x")).await.unwrap();
    let since = now();
    home.store.set_connection_invalid(&connection.id, Some(since)).await.unwrap();
    assert_eq!(stored(&home.store, &connection).await.invalid_since, Some(since));
    home.store.touch_connection_synced(&connection.id).await.unwrap();
    let found = stored(&home.store, &connection).await;
    assert!(found.invalid_since.is_none() && found.last_synced_at.is_some());
}

/// A second sync of the same repository, through another connection to another remote.
async fn add_second(home: &Home, first: &SyncConfig) -> SyncConfig {
    let repo_of_first = home.store.repo_by_id(&first.repo_id).await.unwrap().unwrap();
    let other = connection("other");
    home.store.insert_connection(&other, &token("y")).await.unwrap();
    let mut second = sync(&repo_of_first, &other, "second");
    second.remote = "octocat/second".to_owned().try_into().unwrap();
    home.store.insert_sync(&second).await.unwrap();
    second
}

fn key_of(sync: &SyncConfig) -> String {
    remote_key(&connection("x").origin, sync)
}

#[tokio::test]
async fn a_deleted_connection_takes_its_syncs_and_leaves_their_history() {
    let (home, first) = Home::with_sync().await;
    let second = add_second(&home, &first).await;
    for s in [&first, &second] {
        let main = ref_name("refs/heads/main");
        let (repo_id, remote_key) = (s.repo_id.clone(), key_of(s));
        let key = BaseKey { repo_id, remote_key, ours: main.clone(), theirs: main };
        home.store.put_bases(&[Base { ours_oid: oid('a'), ..Base::at(key) }]).await.unwrap();
        home.store.add_trigger(&s.id, "push", None).await.unwrap();
    }
    let (_, run) = started(&home.store, &first).await;
    let intent = Intent { name: ref_name("refs/heads/x"), expected: None, new: None, source: None };
    home.store.set_intents(&run.id, &first.id, &[intent]).await.unwrap();
    home.store.delete_connection(&first.connection_id).await.unwrap();

    assert_eq!(home.store.syncs().await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(home.store.bases(&first.repo_id, &key_of(&first)).await.unwrap(), []);
    assert_eq!(home.store.bases(&first.repo_id, &key_of(&second)).await.unwrap().len(), 1);
    assert_eq!(home.store.intents_of(&first.id).await.unwrap(), []);
    let closed = home.store.run(&run.id).await.unwrap().unwrap();
    assert_eq!(closed.status, coregit_model::RunStatus::Error);
    assert!(closed.message.contains("deleted"));
    assert_eq!(home.store.integrity().await.unwrap(), Vec::<String>::new());
    let again = home.store.delete_connection(&first.connection_id).await.unwrap_err();
    assert!(matches!(again, StoreError::NotFound { what: "connection", .. }), "{again}");
}

#[tokio::test]
async fn a_sync_of_a_connection_or_repository_that_is_gone_cannot_be_made() {
    let home = Home::new().await;
    let mut orphan = sync(&repo("ghost"), &connection("ghost"), "x");
    orphan.state = SyncState::Paused;
    assert!(matches!(home.store.insert_sync(&orphan).await.unwrap_err(), StoreError::Orphan));
}

/// Changes and uses one connection until it is gone; a token that opened is one that was set.
async fn change_and_use(store: Store, mine: Connection, name: String) -> Result<(), StoreError> {
    for i in 0..10 {
        store.update_connection(&mine, Some(&token(&format!("{name}{i}")))).await?;
        store.set_cached_token(&mine, &token("cached"), now()).await?;
        let opened = store.open_token(&mine).await?;
        assert!(opened.expose().starts_with("task"));
        store.cached_token(&mine).await?;
    }
    Ok(())
}

#[tokio::test]
async fn many_tasks_change_one_connection_at_once_and_none_uses_it_after_its_deletion() {
    let home = Home::new().await;
    let shared = connection("shared");
    home.store.insert_connection(&shared, &token("task")).await.unwrap();
    let stores = [home.store.clone(), home.again().await];
    let task =
        |i: usize| tokio::spawn(change_and_use(stores[i % 2].clone(), shared.clone(), format!("task{i}-")));
    let tasks: Vec<_> = (0..16).map(task).collect();
    tokio::task::yield_now().await;
    home.store.rotate().await.unwrap();
    home.store.delete_connection(&shared.id).await.unwrap();
    let gone = |e| matches!(e, StoreError::NotFound { what: "connection", .. });
    assert!(gone(home.store.open_token(&shared).await.unwrap_err()));
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => {}
            Err(error) => assert!(gone(error)),
        }
    }
}
