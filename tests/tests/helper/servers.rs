//! Small servers on loopback for what the forge does not do: old protocols, the dumb one, and lies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn read(stream: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let mut seen = Self { method: words.next()?.into(), target: words.next()?.into(), ..Self::default() };
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            seen.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if seen.header("transfer-encoding").is_some() {
            read_chunks(stream, &mut seen.body)?;
        } else if let Some(length) = seen.header("content-length") {
            stream.take(length.parse().ok()?).read_to_end(&mut seen.body).ok()?;
        }
        Some(seen)
    }
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let length = u64::from_str_radix(line.trim(), 16).ok()?;
        stream.take(length).read_to_end(body).ok()?;
        stream.read_line(&mut line).ok()?;
        if length == 0 {
            return Some(());
        }
    }
}

/// What a server does with a request: writes an answer, or anything else, and the connection closes.
pub type Act = dyn Fn(&Seen, &mut TcpStream) + Send + Sync;

/// A server that runs until the test ends.
pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub fn start(act: impl Fn(&Seen, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (act, log): (Arc<Act>, _) = (Arc::new(act), seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (act, log) = (act.clone(), log.clone());
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    if let Some(request) = Seen::read(&mut reader) {
                        log.lock().unwrap().push(request.clone());
                        act(&request, reader.get_mut());
                    }
                });
            }
        });
        Self { url, seen }
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// `coregit::` and the address of something here.
    pub fn coregit(&self, path: &str) -> String {
        format!("coregit::{}/{path}", self.url)
    }
}

/// A whole answer.
pub fn answer(stream: &mut TcpStream, status: &str, headers: &[(&str, &str)], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    let _ = stream.write_all(format!("{head}\r\n").as_bytes());
    let _ = stream.write_all(body);
}

/// An answer without a length: it ends when the connection does.
pub fn begin(stream: &mut TcpStream, kind: &str) {
    let head =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/x-git-{kind}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
}

/// `git http-backend` over the repositories below a folder.
#[derive(Clone)]
pub struct Backend {
    pub root: PathBuf,
    /// Whether it is told the version that the client asks for.
    pub versions: bool,
}

impl Backend {
    pub fn serve(&self, seen: &Seen, stream: &mut TcpStream) {
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let mut command = Command::new("git");
        command.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.env("GIT_PROJECT_ROOT", &self.root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "ada");
        command.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", &seen.method);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", &self.root);
        for (header, variable) in
            [("content-type", "CONTENT_TYPE"), ("content-encoding", "HTTP_CONTENT_ENCODING")]
        {
            command.env(variable, seen.header(header).unwrap_or(""));
        }
        if let Some(version) = seen.header("git-protocol").filter(|_| self.versions) {
            command.env("GIT_PROTOCOL", version);
        }
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let body = seen.body.clone();
        std::thread::spawn(move || stdin.write_all(&body));
        let output = child.wait_with_output().unwrap().stdout;
        let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(0);
        let head = String::from_utf8_lossy(&output[..end]).into_owned();
        let headers: Vec<(&str, &str)> = head.lines().filter_map(|l| l.split_once(": ")).collect();
        let status = headers.iter().find(|(n, _)| *n == "Status").map_or("200 OK", |(_, v)| v);
        answer(stream, status, &headers, &output[(end + 4).min(output.len())..]);
    }
}

/// Files as they lie, as the dumb protocol reads them.
pub fn files(root: &Path, seen: &Seen, stream: &mut TcpStream) {
    let path = seen.target.split('?').next().unwrap_or("").trim_start_matches('/');
    match std::fs::read(root.join(path)) {
        Ok(content) => answer(stream, "200 OK", &[("content-type", "text/plain")], &content),
        Err(_) => answer(stream, "404 Not Found", &[], b""),
    }
}
