//! The keyring: rotation beside work, recipients that come and go, and what the check finds.

use coregit_store::{Options, Recipient, SealError, Store, StoreError};

use crate::home::sqlite;
use crate::support::{Home, child, child_home, connection, now, options, token};

const OTHER: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

#[tokio::test]
async fn rotation_seals_everything_again_and_drops_the_old_key() {
    let home = Home::new().await;
    let connections: Vec<_> = (0..150).map(|i| connection(&format!("c{i}"))).collect();
    for (i, connection) in connections.iter().enumerate() {
        home.store.insert_connection(connection, &token(&format!("ghp_{i}"))).await.unwrap();
        if i % 2 == 0 {
            home.store.set_cached_token(connection, &token(&format!("ghs_{i}")), now()).await.unwrap();
        }
    }
    let running = home.again().await;
    running.open_token(&connections[0]).await.unwrap();
    let before = home.store.check_keyring().await.unwrap();
    let report = home.store.rotate().await.unwrap();
    assert!(report.is_sound());
    assert_eq!((report.keys.len(), report.keys[0].fields), (1, 225));
    assert_ne!(report.keys[0].id, before.keys[0].id);
    for (i, connection) in connections.iter().enumerate() {
        assert_eq!(running.open_token(connection).await.unwrap().expose(), format!("ghp_{i}"));
    }
    let (cached, _) = running.cached_token(&connections[2]).await.unwrap().unwrap();
    assert_eq!(cached.expose(), "ghs_2");
}

#[tokio::test]
async fn tokens_are_written_and_opened_while_the_keyring_rotates() {
    let name = "keyring::tokens_are_written_and_opened_while_the_keyring_rotates";
    if let Some(home) = child_home() {
        let store = Store::open_with(&home, options()).await.unwrap();
        for _ in 0..8 {
            assert!(store.rotate().await.unwrap().is_sound());
        }
        return;
    }
    let home = Home::new().await;
    let mut child = child(name, &home.path(), &[]);
    let mut made = Vec::new();
    while child.try_wait().unwrap().is_none() || made.len() < 10 {
        let connection = connection(&format!("c{}", made.len()));
        let text = format!("ghp_{}", made.len());
        home.store.insert_connection(&connection, &token(&text)).await.unwrap();
        assert_eq!(home.store.open_token(&connection).await.unwrap().expose(), text);
        made.push(connection);
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (i, connection) in made.iter().enumerate() {
        assert_eq!(home.store.open_token(connection).await.unwrap().expose(), format!("ghp_{i}"));
    }
    let report = home.store.rotate().await.unwrap();
    assert!(report.is_sound());
    assert_eq!((report.keys.len(), report.fields.len()), (1, made.len()));
}

#[tokio::test]
async fn a_rotation_that_was_killed_half_way_is_finished_by_the_next() {
    let home = Home::new().await;
    let connections: Vec<_> = (0..3).map(|i| connection(&format!("c{i}"))).collect();
    for connection in &connections {
        home.store.insert_connection(connection, &token("x")).await.unwrap();
    }
    sqlite(
        &home.path(),
        "CREATE TABLE old_keys AS SELECT * FROM keyring; CREATE TABLE old_rows AS SELECT * FROM connections",
    )
    .await;
    home.store.rotate().await.unwrap();
    // As it stood before the last batch: one field under the old key, which is retired and still there.
    sqlite(
        &home.path(),
        "INSERT INTO keyring SELECT * FROM (SELECT id, 'retired', wrapped, recipients_proof, created_at, 1 FROM old_keys); \
         UPDATE connections SET token = (SELECT token FROM old_rows o WHERE o.id = connections.id), \
         token_key = (SELECT token_key FROM old_rows LIMIT 1) WHERE label = 'c1'; \
         DROP TABLE old_keys; DROP TABLE old_rows",
    )
    .await;
    let before = home.store.check_keyring().await.unwrap();
    assert_eq!(before.keys.iter().map(|k| k.fields).collect::<Vec<_>>(), [1, 2]);
    let after = home.store.rotate().await.unwrap();
    assert!(after.is_sound());
    assert_eq!(after.keys.iter().map(|k| k.fields).collect::<Vec<_>>(), [3]);
    for connection in &connections {
        assert_eq!(home.store.open_token(connection).await.unwrap().expose(), "x");
    }
}

#[tokio::test]
async fn without_an_active_key_nothing_is_sealed_and_the_rest_opens() {
    let home = Home::new().await;
    let work = connection("work");
    home.store.insert_connection(&work, &token("x")).await.unwrap();
    sqlite(&home.path(), "UPDATE keyring SET state = 'retired'").await;
    let store = home.again().await;
    let error = store.insert_connection(&connection("x"), &token("x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Seal(SealError::NoActiveKey)), "{error}");
    assert_eq!(store.open_token(&work).await.unwrap().expose(), "x");
}

#[tokio::test]
async fn a_recipient_that_was_added_can_open_everything() {
    let (home, other) = (Home::new().await, Home::new().await);
    let connection = connection("work");
    home.store.insert_connection(&connection, &token("ghp_x")).await.unwrap();
    let recipient: Recipient = other.store.recipients().await.unwrap()[0].parse().unwrap();
    let own: Recipient = home.store.recipients().await.unwrap()[0].parse().unwrap();
    let with_other = Options { identity: Some(other.path().join("identity.txt")), ..options() };

    home.store.add_recipient(&recipient).await.unwrap();
    home.store.add_recipient(&recipient).await.unwrap();
    assert_eq!(home.store.recipients().await.unwrap().len(), 2);
    let theirs = Store::open_with(&home.path(), with_other.clone()).await.unwrap();
    assert_eq!(theirs.open_token(&connection).await.unwrap().expose(), "ghp_x");

    let error = home.store.remove_recipient(&own).await.unwrap_err();
    assert!(error.to_string().contains("could not open the keyring any more"), "{error}");
    assert_eq!(home.store.recipients().await.unwrap().len(), 2);
    home.store.remove_recipient(&recipient).await.unwrap();
    assert_eq!(home.store.recipients().await.unwrap(), [own.to_string()]);
    let theirs = Store::open_with(&home.path(), with_other).await.unwrap();
    assert!(theirs.open_token(&connection).await.is_err());
    assert_eq!(home.store.open_token(&connection).await.unwrap().expose(), "ghp_x");
}

#[tokio::test]
async fn the_last_recipient_stays_and_an_unknown_one_is_not_removed() {
    let home = Home::new().await;
    let own: Recipient = home.store.recipients().await.unwrap()[0].parse().unwrap();
    let error = home.store.remove_recipient(&own).await.unwrap_err();
    assert!(error.to_string().contains("last recipient"), "{error}");
    let error = home.store.remove_recipient(&OTHER.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "recipient", .. }), "{error}");
}

#[tokio::test]
async fn a_recipient_slipped_into_the_records_gets_nothing() {
    let home = Home::new().await;
    home.store.insert_connection(&connection("work"), &token("x")).await.unwrap();
    sqlite(
        &home.path(),
        "INSERT INTO recipients (recipient, added_at) \
         VALUES ('age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p', 0)",
    )
    .await;
    let own: Recipient = home.store.recipients().await.unwrap()[0].parse().unwrap();
    for error in [
        home.store.rotate().await.unwrap_err(),
        home.store.export_keyring().await.unwrap_err(),
        home.store.remove_recipient(&own).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("changed by something else"), "{error}");
    }
    let report = home.store.check_keyring().await.unwrap();
    assert!(report.keys[0].problem.as_deref().unwrap().contains("recipients"));
}

#[tokio::test]
async fn a_key_slipped_into_the_records_does_not_get_old_tokens() {
    let home = Home::new().await;
    let connection = connection("work");
    home.store.insert_connection(&connection, &token("ghp_x")).await.unwrap();
    // A key that the intruder knows, wrapped to the right recipient, made active; theirs added as well.
    let intruder = Home::new().await;
    let own: Recipient = home.store.recipients().await.unwrap()[0].parse().unwrap();
    intruder.store.add_recipient(&own).await.unwrap();
    intruder.store.close().await;
    home.store.close().await;
    let attach = format!(
        "ATTACH '{}' AS theirs; UPDATE keyring SET state = 'retired'; \
         INSERT INTO keyring SELECT * FROM theirs.keyring; DELETE FROM recipients; \
         INSERT INTO recipients SELECT * FROM theirs.recipients",
        intruder.path().join("coregit.db").display()
    );
    sqlite(&home.path(), Box::leak(attach.into_boxed_str())).await;

    let store = home.again().await;
    let report = store.rotate().await.unwrap();
    assert!(!report.is_sound());
    let field = &report.fields[0];
    let theirs = intruder.again().await.check_keyring().await.unwrap().keys[0].id.clone();
    assert_ne!(field.key, theirs);
    let active = report.keys.iter().find(|k| k.active).unwrap();
    assert_ne!(field.key, active.id, "the token was sealed under a key that the intruder can unwrap");
}

#[tokio::test]
async fn a_missing_key_is_named_and_the_rest_still_opens() {
    let home = Home::new().await;
    let (lost, kept) = (connection("lost"), connection("kept"));
    for connection in [&lost, &kept] {
        home.store.insert_connection(connection, &token("x")).await.unwrap();
    }
    sqlite(
        &home.path(),
        "UPDATE connections SET token = CAST(x'0104' || 'key0' || zeroblob(40) AS BLOB) WHERE label = 'lost'",
    )
    .await;
    let error = home.store.open_token(&lost).await.unwrap_err();
    assert!(matches!(error, StoreError::Seal(SealError::KeyMissing { .. })), "{error}");
    assert!(error.to_string().contains("key0") && error.hint().unwrap().contains("update"));
    assert_eq!(home.store.open_token(&kept).await.unwrap().expose(), "x");
    let report = home.store.rotate().await.unwrap();
    let broken: Vec<_> = report.fields.iter().filter(|f| f.problem.is_some()).collect();
    assert_eq!((broken.len(), broken[0].row_id.as_str()), (1, lost.id.as_str()));
    assert_eq!(home.store.open_token(&kept).await.unwrap().expose(), "x");
    home.store.update_connection(&lost, Some(&token("new"))).await.unwrap();
    let report = home.store.rotate().await.unwrap();
    assert!(report.is_sound());
    assert_eq!(report.keys.len(), 1);
}
