//! Rows of SQLite whose transaction was acknowledged, with the setting that the store uses and without.

use std::path::Path;

use coregit_tests::powercut::Rule;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use crate::Lab;

const ROWS: i64 = 50;

async fn open(file: &Path, synchronous: SqliteSynchronous) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(synchronous);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Writes rows, each in a transaction of its own, cuts the power, and counts the rows that are left.
async fn rows_left(lab: &mut Lab, synchronous: SqliteSynchronous) -> i64 {
    let file = lab.on_disk("records.db");
    let mut records = open(&file, synchronous).await;
    sqlx::query("CREATE TABLE record (number INTEGER)").execute(&mut records).await.unwrap();
    lab.disk.settle().unwrap();
    for number in 0..ROWS {
        sqlx::query("INSERT INTO record VALUES ($1)").bind(number).execute(&mut records).await.unwrap();
    }
    lab.disk.cut().unwrap();
    drop(records);
    let mut after = open(&file, synchronous).await;
    sqlx::query_scalar("SELECT count(*) FROM record").fetch_one(&mut after).await.unwrap()
}

#[tokio::test]
async fn rows_survive_with_synchronous_full() {
    for rule in [Rule::NamesAtOnce, Rule::Journal, Rule::Strict] {
        let Some(mut lab) = Lab::new(rule) else { return };
        assert_eq!(rows_left(&mut lab, SqliteSynchronous::Full).await, ROWS, "{rule:?}");
    }
}

#[tokio::test]
async fn rows_are_lost_with_synchronous_normal() {
    let Some(mut lab) = Lab::new(Rule::NamesAtOnce) else { return };
    assert!(rows_left(&mut lab, SqliteSynchronous::Normal).await < ROWS);
}
