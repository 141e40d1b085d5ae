//! CGI: `git http-backend` as a child, bodies streamed both ways.

use std::io;
use std::process::Stdio;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

const CHUNK: usize = 64 * 1024;

/// What a CGI program answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: mpsc::Receiver<Bytes>,
}

impl Answer {
    /// The HTTP answer with this body.
    pub(super) fn into_response(self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// Kills what is left of a child's process group when the forge goes away.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Starts the program, feeds it the body and reads its header block. The rest of its output comes through the
/// channel; a reader that goes away does not stop the program, as on a real server.
pub(super) async fn run(command: std::process::Command, body: Body) -> io::Result<Answer> {
    let mut command = Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn()?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id as i32)));
    let stdin = child.stdin.take().expect("stdin is piped");
    let mut stdout = child.stdout.take().expect("stdout is piped");
    tokio::spawn(feed(stdin, body));
    let mut first = BytesMut::new();
    let end = loop {
        if let Some(end) = first.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        if stdout.read_buf(&mut first).await? == 0 {
            return Err(io::Error::other("git http-backend ended without a header"));
        }
    };
    let head = first.split_to(end + 4);
    let (status, headers) = header_block(&head);
    let (sender, body) = mpsc::channel(4);
    tokio::spawn(pump((child, group), first.freeze(), stdout, sender));
    Ok(Answer { status, headers, body })
}

/// Starts a program that reads nothing and streams what it prints.
pub(super) fn output(command: std::process::Command) -> io::Result<mpsc::Receiver<Bytes>> {
    let mut command = Command::from(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn()?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(id as i32)));
    let stdout = child.stdout.take().expect("stdout is piped");
    let (sender, body) = mpsc::channel(4);
    tokio::spawn(pump((child, group), Bytes::new(), stdout, sender));
    Ok(body)
}

async fn feed(mut stdin: ChildStdin, body: Body) {
    let mut chunks = body.into_data_stream();
    // An error on either side ends the input: receive-pack then refuses what it did not get whole.
    while let Some(Ok(chunk)) = chunks.next().await {
        if stdin.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

async fn pump(
    (mut child, mut group): (Child, Group),
    first: Bytes,
    mut stdout: impl AsyncRead + Unpin,
    sender: mpsc::Sender<Bytes>,
) {
    let mut chunk = BytesMut::from(first);
    loop {
        if !chunk.is_empty() {
            // Nobody reads any more: go on, so that the program ends as it would have.
            let _ = sender.send(chunk.split().freeze()).await;
        }
        chunk.reserve(CHUNK);
        if stdout.read_buf(&mut chunk).await.unwrap_or(0) == 0 {
            break;
        }
    }
    let _ = child.wait().await;
    group.0 = None;
}

fn header_block(block: &[u8]) -> (StatusCode, Vec<(HeaderName, HeaderValue)>) {
    let mut status = StatusCode::OK;
    let mut headers = Vec::new();
    for line in String::from_utf8_lossy(block).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|c| c.parse().ok());
            status = code.unwrap_or(StatusCode::BAD_GATEWAY);
        } else if let (Ok(name), Ok(value)) = (name.parse(), value.parse()) {
            headers.push((name, value));
        }
    }
    (status, headers)
}

/// A body of what comes through a channel.
pub(super) fn streamed(receiver: mpsc::Receiver<Bytes>) -> Body {
    Body::from_stream(received(receiver).map(Ok::<_, io::Error>))
}

fn received(receiver: mpsc::Receiver<Bytes>) -> impl Stream<Item = Bytes> {
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
}
