//! What the figures of this crate are measured with: `serve DIR`, `push REPO URL`, `diff REPO OLD NEW`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring tool prints, and stops where it is wrong"
)]

#[path = "../tests/support/server.rs"]
#[allow(dead_code, reason = "only its good side is needed here")]
mod server;

use std::path::Path;
use std::time::Instant;

use coregit_git::{Push, Remote, Repo};
use coregit_http::{Client, Settings};
use coregit_model::{Oid, RefUpdate};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", dir] => {
            println!("{}", server::Server::start(Path::new(dir)).url(""));
            std::thread::park();
        }
        ["push", repo, url] => push(repo, url),
        ["diff", repo, old, new] => diff(repo, old, new),
        _ => println!("serve DIR | push REPO URL | diff REPO OLD NEW"),
    }
}

/// Makes every branch and tag there what it is here, and proves it.
#[tokio::main(flavor = "current_thread")]
async fn push(repo: &str, url: &str) {
    let began = Instant::now();
    let repo = Repo::open(repo).expect("the figures can be taken");
    let remote = Remote::new(Client::new(&Settings::default()).expect("the figures can be taken"), url, None);
    let there = remote.receive_pack_advertisement().await.expect("the figures can be taken");
    let zero = Oid::zero(repo.format());
    let refs = repo.refs().expect("the figures can be taken").into_iter();
    let updates = refs.map(|(name, new)| RefUpdate {
        expected: there.refs.get(&name).copied().unwrap_or(zero),
        name,
        new,
    });
    let updates: Vec<_> = updates.filter(|u| u.expected != u.new).collect();
    let report = remote.push(&repo, &there, &Push::of(&updates)).await.expect("the figures can be taken");
    let pushed = began.elapsed();
    let proved = remote.ls_refs(&[b"refs/"]).await.expect("the figures can be taken");
    assert!(report.is_ok() && proved.refs.into_iter().eq(repo.refs().expect("the figures can be taken")));
    println!(
        "refs {} bytes {} pushed {pushed:?} proved {:?}",
        updates.len(),
        report.bytes_sent,
        began.elapsed()
    );
}

fn diff(repo: &str, old: &str, new: &str) {
    let began = Instant::now();
    let repo = Repo::open(repo).expect("the figures can be taken");
    let changes = repo
        .diff_trees(
            Some(&old.parse().expect("the figures can be taken")),
            Some(&new.parse().expect("the figures can be taken")),
            1_000_000,
        )
        .expect("the figures can be taken");
    let status = std::fs::read_to_string("/proc/self/status").expect("the figures can be taken");
    let peak = status.lines().find(|l| l.starts_with("VmHWM")).expect("the figures can be taken");
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("the figures can be taken");
    let cpu: u64 =
        stat.split(' ').next().expect("the figures can be taken").parse().expect("the figures can be taken");
    println!("changes {} wall {:?} cpu {} us {peak}", changes.len(), began.elapsed(), cpu / 1000);
}
