//! A push: judged while it runs, and what follows from it before the pusher hears of it.

use std::io;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::auth::Caller;
use super::cgi;
use super::exchange::Exchange;
use super::judge::{Judge, RefChange};
use super::report::{Commands, Rewriter};
use super::shared::Shared;
use super::world::Repo;

/// Runs receive-pack for a push and answers with its report.
pub(super) async fn receive(
    shared: Arc<Shared>,
    repo: &Repo,
    caller: &Caller,
    (mut command, body): (Command, Body),
) -> io::Result<Response<Body>> {
    let judge = Judge::new(&shared, repo, caller);
    let exchange = match judge.has_work() {
        true => Some(Exchange::open(&shared.root, judge)?),
        false => None,
    };
    if let Some(exchange) = &exchange {
        command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "core.hooksPath");
        command.env("GIT_CONFIG_VALUE_0", exchange.hooks());
    }
    shared.before_change(repo);
    let commands = Arc::new(Mutex::new(Commands::default()));
    let mut answer = cgi::run(command, watched(body, commands.clone())).await?;
    let (sender, receiver) = mpsc::channel(4);
    let (_, nothing) = mpsc::channel(1);
    let output = std::mem::replace(&mut answer.body, nothing);
    let push = Push { shared, repo: repo.clone(), pusher: caller.login().to_owned(), commands, exchange };
    tokio::spawn(push.run(output, sender));
    Ok(answer.into_response(cgi::streamed(receiver)))
}

/// The same body, its commands noted as they pass.
fn watched(body: Body, commands: Arc<Mutex<Commands>>) -> Body {
    let chunks = body.into_data_stream().map(move |chunk| {
        if let Ok(chunk) = &chunk {
            commands.lock().expect("no panic under this lock").feed(chunk);
        }
        chunk
    });
    Body::from_stream(chunks)
}

/// A push under way.
struct Push {
    shared: Arc<Shared>,
    repo: Repo,
    pusher: String,
    commands: Arc<Mutex<Commands>>,
    exchange: Option<Exchange>,
}

impl Push {
    /// Passes the answer on; its report goes out when everything that follows from the push has happened.
    async fn run(self, mut output: mpsc::Receiver<Bytes>, sender: mpsc::Sender<Bytes>) {
        let mut rewriter = Rewriter::default();
        while let Some(chunk) = output.recv().await {
            let early = rewriter.pass(&chunk);
            if !early.is_empty() {
                let _ = sender.send(early.into()).await;
            }
        }
        let reasons = self.exchange.as_ref().map(|e| e.reasons.clone()).unwrap_or_default();
        let report = rewriter.finish(&reasons.lock().expect("no panic under this lock"));
        let changes = self.commands.lock().expect("no panic under this lock").changes().to_vec();
        let _ = tokio::task::spawn_blocking(move || self.settle(changes)).await;
        let _ = sender.send(report.into()).await;
    }

    /// Tells the forge of the refs that moved.
    fn settle(self, changes: Vec<RefChange>) {
        let bare = self.shared.bare(&self.repo);
        let stands = |c: &RefChange| bare.find_ref(&c.name) == c.new;
        let moved: Vec<RefChange> = changes.into_iter().filter(stands).collect();
        self.shared.after_change(&self.repo, &self.pusher, &moved);
    }
}
