//! A TCP proxy that lets bytes arrive late: distance for tests and figures, without touching the kernel.
//! What it does not have: loss, jitter and TCP's slow start.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

const CHUNK: usize = 64 * 1024;
/// A shaped line takes in no more than it sends in this time.
const AHEAD: Duration = Duration::from_millis(200);

/// What lies between the two ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    /// How long a byte is under way, in each direction.
    pub one_way: Duration,
    /// Bytes per second in each direction of one connection; `None` is no limit.
    pub rate: Option<u64>,
}

impl Line {
    /// A line without a limit whose round trips take so many milliseconds.
    pub fn round_trip(ms: u64) -> Self {
        Self { one_way: Duration::from_millis(ms) / 2, rate: None }
    }

    /// The same line, so many bytes per second wide.
    pub fn rate(self, bytes_per_second: u64) -> Self {
        Self { rate: Some(bytes_per_second.max(1)), ..self }
    }

    /// When the last of these bytes has left, if the first leaves at `from`.
    fn left(&self, from: Instant, bytes: usize) -> Instant {
        match self.rate {
            Some(rate) => from + Duration::from_secs_f64(bytes as f64 / rate as f64),
            None => from,
        }
    }
}

/// A running proxy. It stops, and cuts what is open, when dropped.
pub struct Delay {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Delay {
    /// Starts a proxy in front of `target` on a free port of 127.0.0.1, on a thread of its own.
    ///
    /// # Panics
    ///
    /// Where no port can be had.
    pub fn start(target: SocketAddr, line: Line) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port can be had");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let accepted = Arc::new(AtomicUsize::new(0));
        let way = Way { target, line, accepted: accepted.clone() };
        let thread = std::thread::spawn(move || run(listener, way, stopped));
        Self { address, accepted, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were opened through it so far.
    pub fn connections(&self) -> usize {
        self.accepted.load(Relaxed)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Where connections lead, and over what.
struct Way {
    target: SocketAddr,
    line: Line,
    accepted: Arc<AtomicUsize>,
}

fn run(listener: std::net::TcpListener, way: Way, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be started");
    runtime.block_on(async move {
        listener.set_nonblocking(true).expect("a fresh socket takes options");
        let listener = TcpListener::from_std(listener).expect("a runtime runs here");
        tokio::select! {
            () = accept(listener, way) => {}
            _ = stopped => {}
        }
    });
}

async fn accept(listener: TcpListener, way: Way) {
    loop {
        let Ok((near, _)) = listener.accept().await else {
            // Out of file descriptors: wait for some to come back.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        way.accepted.fetch_add(1, Relaxed);
        tokio::spawn(connect(near, way.target, way.line));
    }
}

/// Carries one connection. The kernel has accepted it at once; over the distance that answer would have
/// taken a round trip, so nothing of the client's counts as sent before that.
async fn connect(near: TcpStream, target: SocketAddr, line: Line) {
    let opened = Instant::now() + line.one_way * 2;
    let Ok(far) = TcpStream::connect(target).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(carry(near_in, far_out, (line, opened)), carry(far_in, near_out, (line, opened)));
}

/// One direction: every byte `one_way` after it came, the end of the stream too.
async fn carry(from: OwnedReadHalf, to: OwnedWriteHalf, way: (Line, Instant)) {
    let (queue, late) = mpsc::unbounded_channel();
    tokio::join!(take_in(from, way, queue), deliver(late, to));
}

async fn take_in(
    mut from: OwnedReadHalf,
    (line, opened): (Line, Instant),
    queue: mpsc::UnboundedSender<(Instant, Bytes)>,
) {
    let mut free = opened;
    loop {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = from.read_buf(&mut chunk).await.unwrap_or(0);
        free = line.left(free.max(Instant::now()), read);
        if queue.send((free + line.one_way, chunk.freeze())).is_err() || read == 0 {
            return;
        }
        if line.rate.is_some() {
            sleep_until(free - AHEAD).await;
        }
    }
}

async fn deliver(mut late: mpsc::UnboundedReceiver<(Instant, Bytes)>, mut to: OwnedWriteHalf) {
    while let Some((due, chunk)) = late.recv().await {
        sleep_until(due).await;
        if chunk.is_empty() || to.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// A server that sends back what it gets, and a proxy in front of it.
    fn echo(line: Line) -> Delay {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut back = socket.try_clone().unwrap();
            std::io::copy(&mut socket, &mut back).unwrap();
            back.shutdown(std::net::Shutdown::Write).unwrap();
        });
        Delay::start(address, line)
    }

    /// Sends this much and reads it back; returns how long that took.
    fn exchange(delay: &Delay, bytes: usize) -> Duration {
        let sent: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
        let began = std::time::Instant::now();
        let mut socket = std::net::TcpStream::connect(delay.address()).unwrap();
        let mut back = Vec::new();
        std::thread::scope(|scope| {
            let mut writer = socket.try_clone().unwrap();
            let sent = &sent;
            scope.spawn(move || {
                writer.write_all(sent).unwrap();
                writer.shutdown(std::net::Shutdown::Write).unwrap();
            });
            socket.read_to_end(&mut back).unwrap();
        });
        assert_eq!(back, sent);
        began.elapsed()
    }

    #[test]
    fn a_connection_and_one_exchange_take_two_round_trips() {
        let delay = echo(Line::round_trip(60));
        let took = exchange(&delay, 10);
        assert!(took >= Duration::from_millis(120), "{took:?}");
        assert_eq!(delay.connections(), 1);
    }

    #[test]
    fn bytes_arrive_whole_and_in_order_and_no_slower_than_they_must() {
        let took = exchange(&echo(Line::round_trip(20)), 3_000_000);
        assert!(took >= Duration::from_millis(40) && took < Duration::from_secs(5), "{took:?}");
    }

    #[test]
    fn a_shaped_line_takes_its_time() {
        let took = exchange(&echo(Line::default().rate(1_000_000)), 300_000);
        assert!(took >= Duration::from_millis(290), "{took:?}");
    }
}
