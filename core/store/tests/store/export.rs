//! The export of the keyring, opened with stock `age`; and with it a token, without any code of ours.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Home, connection, token};

/// What `age -d` makes of a file; `None` where there is no `age`, which only a CI machine may not lack.
fn stock_age(identity: &std::path::Path, file: &str) -> Option<String> {
    let child = Command::new("age")
        .arg("-d")
        .arg("-i")
        .arg(identity)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "the age program is missing: {error}");
            eprintln!("skipped: the age program is missing (Debian package age)");
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(file.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// Opens a sealed field as `FORMAT.md` says, with another implementation of AES-GCM.
fn open(key: &[u8], sealed: &[u8], place: [&str; 4]) -> Vec<u8> {
    let (id, rest) = sealed[2..].split_at(usize::from(sealed[1]));
    let (nonce, ciphertext) = rest.split_at(12);
    let mut data = Vec::new();
    for part in [&sealed[..1], id].into_iter().chain(place.map(str::as_bytes)) {
        data.extend((part.len() as u32).to_be_bytes());
        data.extend(part);
    }
    let key = ring::aead::UnboundKey::new(&ring::aead::AES_256_GCM, key).unwrap();
    let nonce = ring::aead::Nonce::try_assume_unique_for_key(nonce).unwrap();
    let mut plain = ciphertext.to_vec();
    let key = ring::aead::LessSafeKey::new(key);
    key.open_in_place(nonce, ring::aead::Aad::from(data), &mut plain).unwrap().to_vec()
}

#[tokio::test]
async fn stock_age_opens_the_export_and_another_program_opens_a_token_with_it() {
    let home = Home::new().await;
    let connection = connection("work");
    home.store.insert_connection(&connection, &token("ghp_exported")).await.unwrap();
    let file = home.store.export_keyring().await.unwrap();
    assert!(file.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    let Some(text) = stock_age(&home.path().join("identity.txt"), &file) else { return };
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let key = &json["keys"][0];
    assert_eq!((json["version"].as_u64(), key["state"].as_str()), (Some(1), Some("active")));

    let sealed: Vec<u8> = {
        use sqlx::{ConnectOptions as _, Row as _};
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(home.path().join("coregit.db"));
        let mut records = options.connect().await.unwrap();
        sqlx::query("SELECT token FROM connections").fetch_one(&mut records).await.unwrap().get(0)
    };
    let place = ["connections", connection.id.as_str(), "token", "https://github.com"];
    assert_eq!(open(&unhex(key["key"].as_str().unwrap()), &sealed, place), b"ghp_exported");
}

#[tokio::test]
async fn stock_age_opens_each_row_of_the_keyring() {
    let home = Home::new().await;
    use sqlx::{ConnectOptions as _, Row as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(home.path().join("coregit.db"));
    let mut records = options.connect().await.unwrap();
    let row = sqlx::query("SELECT id, wrapped FROM keyring").fetch_one(&mut records).await.unwrap();
    let Some(text) = stock_age(&home.path().join("identity.txt"), row.get("wrapped")) else { return };
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["id"].as_str(), Some(row.get::<&str, _>("id")));
    assert_eq!(json["key"].as_str().unwrap().len(), 64);
}
