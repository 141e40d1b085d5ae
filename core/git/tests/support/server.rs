//! `git http-backend` behind a server of a few lines that can cut, lie and babble.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

/// What goes wrong with requests whose path ends with `on`.
#[derive(Clone)]
struct Fault {
    on: &'static str,
    what: What,
}

#[derive(Clone)]
pub enum What {
    /// The connection goes away after this many bytes of the request's body.
    CutRequest(usize),
    /// The request is done; the connection goes away after this many bytes of the answer's body.
    CutAnswer(usize),
    /// The request is done and never answered.
    NoAnswer,
    /// This is answered instead: status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// This, then this again and again.
    Endless(&'static str, Vec<u8>, Vec<u8>),
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    root: PathBuf,
    address: std::net::SocketAddr,
    seen: Mutex<Vec<Seen>>,
    fault: Mutex<Option<Fault>>,
}

impl Server {
    /// Serves every repository below `root`, for pushes too.
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, fault) = (Mutex::default(), Mutex::default());
        let server = Self(Arc::new(Inner { root: root.to_owned(), address, seen, fault }));
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                std::thread::spawn(move || serving.connection(stream));
            }
        });
        server
    }

    pub fn url(&self, repo: &str) -> String {
        format!("http://{}/{repo}", self.0.address)
    }

    pub fn fault(&self, on: &'static str, what: What) {
        *self.0.fault.lock().unwrap() = Some(Fault { on, what });
    }

    pub fn heal(&self) {
        *self.0.fault.lock().unwrap() = None;
    }

    /// The requests since the last look.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.seen.lock().unwrap())
    }

    fn connection(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(request) = Request::read(&mut reader) {
            if self.serve(request, &mut reader, &stream).is_none() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
    }

    fn fault_for(&self, request: &Request) -> Option<What> {
        let fault = self.0.fault.lock().unwrap().clone();
        fault.filter(|f| request.path.ends_with(f.on)).map(|f| f.what)
    }

    fn note(&self, request: &Request, body: usize) {
        let seen = Seen { line: request.line.clone(), headers: request.headers.clone(), body };
        self.0.seen.lock().unwrap().push(seen);
    }

    fn serve(&self, request: Request, reader: &mut BufReader<TcpStream>, mut out: &TcpStream) -> Option<()> {
        match self.fault_for(&request) {
            Some(What::CutRequest(after)) => {
                let mut left = Vec::new();
                request.body(reader).take(after as u64).read_to_end(&mut left).ok()?;
                self.note(&request, left.len());
                None
            }
            Some(What::Answer(status, headers, body)) => {
                let read = std::io::copy(&mut request.body(reader), &mut std::io::sink()).ok()?;
                self.note(&request, read as usize);
                let headers: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
                let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
                out.write_all(&[head.as_bytes(), &body].concat()).ok()
            }
            Some(What::Endless(kind, first, again)) => {
                std::io::copy(&mut request.body(reader), &mut std::io::sink()).ok()?;
                let head = format!("HTTP/1.1 200 X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
                out.write_all(&[head.as_bytes(), &first].concat()).ok()?;
                loop {
                    out.write_all(&again).ok()?;
                }
            }
            Some(What::CutAnswer(after)) => self.backend(request, reader, |a| answer_of(a, out, after)),
            Some(What::NoAnswer) => self.backend(request, reader, |mut answer| {
                std::io::copy(&mut answer, &mut std::io::sink()).ok()?;
                None
            }),
            None => self.backend(request, reader, |a| answer_of(a, out, usize::MAX)),
        }
    }

    /// Runs `git http-backend`, feeding it while its answer is taken.
    fn backend(
        &self,
        request: Request,
        reader: &mut BufReader<TcpStream>,
        take: impl FnOnce(BufReader<ChildStdout>) -> Option<()> + Send,
    ) -> Option<()> {
        let mut child = request.command(&self.0.root).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let answer = BufReader::new(child.stdout.take().unwrap());
        std::thread::scope(|scope| {
            let out = scope.spawn(move || take(answer));
            let read = std::io::copy(&mut request.body(reader), &mut stdin).unwrap_or(0);
            drop(stdin);
            self.note(&request, read as usize);
            let told = out.join().unwrap();
            child.wait().unwrap();
            told
        })
    }
}

/// Turns a CGI answer into an HTTP one, in chunks. The connection goes away after `left` bytes.
fn answer_of(mut answer: impl BufRead, mut out: &TcpStream, left: usize) -> Option<()> {
    let (mut status, mut headers) = ("200 OK".to_owned(), String::new());
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).ok()?;
        let line = line.trim_end();
        match line.strip_prefix("Status: ") {
            _ if line.is_empty() => break,
            Some(other) => status = other.to_owned(),
            None => headers.push_str(&format!("{line}\r\n")),
        }
    }
    out.write_all(format!("HTTP/1.1 {status}\r\n{headers}transfer-encoding: chunked\r\n\r\n").as_bytes())
        .ok()?;
    chunks(answer, out, left)
}

fn chunks(mut answer: impl BufRead, mut out: &TcpStream, mut left: usize) -> Option<()> {
    let mut piece = vec![0; 64 << 10];
    loop {
        let n = answer.read(&mut piece).ok()?;
        let shown = n.min(left);
        left -= shown;
        if shown > 0 {
            out.write_all(format!("{shown:x}\r\n").as_bytes()).ok()?;
            out.write_all(&piece[..shown]).ok()?;
            out.write_all(b"\r\n").ok()?;
        }
        if shown < n {
            std::io::copy(&mut answer, &mut std::io::sink()).ok()?;
            return None;
        }
        if n == 0 {
            return out.write_all(b"0\r\n\r\n").ok();
        }
    }
}

struct Request {
    line: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let line = lines.first()?.clone();
        let target = line.split(' ').nth(1)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |l: &String| l.split_once(": ").map(|(n, v)| (n.to_lowercase(), v.to_owned()));
        let (path, query) = (path.to_owned(), query.to_owned());
        Some(Self { path, query, headers: lines[1..].iter().filter_map(header).collect(), line })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn body<'a>(&self, reader: &'a mut BufReader<TcpStream>) -> Box<dyn Read + 'a> {
        match self.header("content-length").map(|l| l.parse().unwrap()) {
            Some(length) => Box::new(reader.take(length)),
            None if self.header("transfer-encoding").is_some() => {
                Box::new(Chunked { reader, left: 0, done: false })
            }
            None => Box::new(std::io::empty()),
        }
    }

    fn command(&self, root: &Path) -> Command {
        let mut command = Command::new("git");
        command.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "t");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("REQUEST_METHOD", self.line.split(' ').next().unwrap());
        command.env("PATH_INFO", &self.path).env("QUERY_STRING", &self.query);
        let told = [
            ("content-type", "CONTENT_TYPE"),
            ("content-length", "CONTENT_LENGTH"),
            ("git-protocol", "GIT_PROTOCOL"),
        ];
        for (header, name) in told {
            self.header(header).map(|value| command.env(name, value));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

struct Chunked<'a> {
    reader: &'a mut BufReader<TcpStream>,
    left: u64,
    done: bool,
}

impl Read for Chunked<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.done {
            return Ok(0);
        }
        let mut line = String::new();
        if self.left == 0 {
            self.reader.read_line(&mut line)?;
            self.left = u64::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
            if self.left == 0 {
                self.done = true;
                self.reader.read_line(&mut line)?;
                return Ok(0);
            }
        }
        let most = out.len().min(self.left as usize);
        let n = self.reader.read(&mut out[..most])?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n as u64;
        if self.left == 0 {
            self.reader.read_line(&mut line)?;
        }
        Ok(n)
    }
}
