//! A host whose every connection is told what to do: a script, as data.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the host does with one request. The last act of a script is repeated for ever.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers these bytes and hangs up.
    Say(String),
    /// Reads the request and hangs up.
    HangUp,
    /// Hangs up before reading.
    HangUpAtOnce,
    /// Reads the request and never answers.
    Silence,
    /// Answers piece by piece, with this pause before each.
    Drip(Vec<String>, u64),
    /// Answers these bytes, then these again and again.
    Endless(String, Vec<u8>),
    /// Reads the body this many bytes at a time, with this pause before each; then answers.
    SipThenSay(usize, u64, String),
}

/// The host. It dies with the test's runtime.
pub struct Host {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Host {
    pub async fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = requests.clone();
        tokio::spawn(async move {
            for n in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let act = script[n.min(script.len() - 1)].clone();
                tokio::spawn(play(stream, act, seen.clone()));
            }
        });
        Self { url, requests }
    }

    /// Heads and bodies of the requests that came whole.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn hits(&self) -> usize {
        self.requests().len()
    }
}

async fn play(mut stream: TcpStream, act: Act, seen: Arc<Mutex<Vec<String>>>) {
    if matches!(act, Act::HangUpAtOnce) {
        seen.lock().unwrap().push(String::new());
        return;
    }
    let sip = if let Act::SipThenSay(bytes, pause, _) = &act { Some((*bytes, *pause)) } else { None };
    let Some(request) = read_request(&mut stream, sip).await else { return };
    seen.lock().unwrap().push(request);
    match act {
        Act::Say(text) | Act::SipThenSay(_, _, text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Act::HangUp | Act::HangUpAtOnce => {}
        Act::Silence => tokio::time::sleep(Duration::from_secs(600)).await,
        Act::Drip(pieces, pause) => {
            for piece in pieces {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let _ = stream.write_all(piece.as_bytes()).await;
            }
        }
        Act::Endless(head, piece) => {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&piece).await.is_ok() {}
        }
    }
}

/// One request: its head, and its body by `Content-Length` or to the last chunk.
async fn read_request(stream: &mut TcpStream, sip: Option<(usize, u64)>) -> Option<String> {
    let mut raw = Vec::new();
    let mut piece = vec![0; sip.map_or(65_536, |(bytes, _)| bytes)];
    loop {
        if let Some((_, pause)) = sip {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        raw.extend_from_slice(&piece[..read]);
        if is_whole(&raw) {
            return Some(String::from_utf8_lossy(&raw).into_owned());
        }
    }
}

fn is_whole(raw: &[u8]) -> bool {
    let Some(end) = raw.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&raw[..end]).to_ascii_lowercase();
    let body = &raw[end + 4..];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    match length {
        Some(length) => body.len() >= length,
        None => !head.contains("transfer-encoding: chunked") || body.ends_with(b"0\r\n\r\n"),
    }
}

/// An answer with these headers (each ending in CR LF) and this body.
pub fn answer(status: u16, headers: &str, body: &str) -> Act {
    Act::Say(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))
}

pub fn json(body: &str) -> Act {
    answer(200, "content-type: application/json\r\n", body)
}
