//! Pushing: the advertisement, then commands and pack as one POST, then the report.

use std::io::{Read, Write};

use bytes::Bytes;
use coregit_http::Response;
use futures_util::stream;
use tokio::sync::mpsc;

use crate::discovery::First;
use crate::framing::{FLUSH, Sideband, Watch};
use crate::push::Asked;
use crate::remote::{Coding, Remote, Service, wrong_answer};
use crate::session::Input;
use crate::trouble::Trouble;
use crate::upload::{check_kind, is_advertisement, looks_like_a_page, pass, to_git};
use crate::words;

/// The longest advertisement that is taken: some three million refs.
const LONGEST_ADVERTISEMENT: usize = 256 << 20;
const SERVICE_LINE: &[u8] = b"001f# service=git-receive-pack\n0000";
/// So much is read from git's pipe at once, and so many pieces wait for the network at most.
const PIECE: usize = 64 << 10;
const WAITING: usize = 4;

/// Asks what a repository holds. `None`: only git's own helper can go on.
pub async fn open(remote: &mut Remote) -> Result<Option<Response>, Trouble> {
    let response = match remote.advertisement(Service::ReceivePack).await? {
        First::Answer(response) => *response,
        First::GitsOwn => return Ok(None),
    };
    if is_advertisement(&response, Service::ReceivePack) {
        return Ok(Some(response));
    }
    let start = response.stream().next_piece().await.map_err(|e| remote.in_words(&e))?;
    match start.is_some_and(|start| looks_like_a_page(&start)) {
        true => Err(words::web_page(remote.shown())),
        false => Ok(None),
    }
}

/// Copies the advertisement to git while it arrives, without its first line.
pub async fn advertise(remote: &Remote, response: Response, output: &mut dyn Write) -> Result<(), Trouble> {
    let mut body = response.stream();
    let (mut watch, mut start, mut seen) = (Watch::new(Sideband::Never), Some(Vec::new()), 0);
    while let Some(piece) = body.next_piece().await.map_err(|e| remote.in_words(&e))? {
        seen += piece.len();
        if seen > LONGEST_ADVERTISEMENT {
            return Err(wrong_answer(remote, "its list of refs does not end"));
        }
        let piece = match &mut start {
            None => piece,
            Some(held) => {
                held.extend_from_slice(&piece);
                if held.len() < SERVICE_LINE.len() {
                    continue;
                }
                without_service_line(start.take().expect("it was just looked at"))
            }
        };
        let piece = watch.pass(&piece).map_err(|flaw| wrong_answer(remote, flaw))?;
        output.write_all(&piece).map_err(to_git)?;
    }
    output.flush().map_err(to_git)?;
    match watch.is_complete() {
        true => Ok(()),
        false => Err(wrong_answer(remote, "its list of refs breaks off")),
    }
}

fn without_service_line(held: Vec<u8>) -> Bytes {
    let held = Bytes::from(held);
    if held.starts_with(SERVICE_LINE) { held.slice(SERVICE_LINE.len()..) } else { held }
}

/// Takes git's push and brings its report back. The pack is never held whole unless it is small.
pub async fn push(
    remote: &mut Remote,
    mut input: Input,
    output: &mut dyn Write,
    small: usize,
) -> Result<(), Trouble> {
    let Some(asked) = Asked::read(&mut input)? else { return Ok(()) };
    let sideband = if asked.sideband { Sideband::Everywhere } else { Sideband::Never };
    let mut body = asked.raw;
    if asked.pack {
        let room = (small + 1).saturating_sub(body.len()) as u64;
        (&mut input)
            .take(room)
            .read_to_end(&mut body)
            .map_err(|e| Trouble::io("git's pack cannot be read", &e))?;
    }
    remote.pushing = true;
    let response = match body.len() <= small {
        true => remote.post(Service::ReceivePack, body.into(), Coding::Plain).await?,
        false => stream_pack(remote, body.into(), input).await?,
    };
    let response = check_kind(remote, response, Service::ReceivePack)?;
    pass(remote, response, Watch::new(sideband), output).await
}

/// Sends what has been read and the rest of the pipe. An empty request first finds out whether the host
/// wants a credential: a stream cannot be sent twice.
async fn stream_pack(remote: &mut Remote, start: Bytes, input: Input) -> Result<Response, Trouble> {
    let probe = remote.post(Service::ReceivePack, Bytes::from_static(FLUSH), Coding::Plain).await?;
    drop(probe);
    let (sender, receiver) = mpsc::channel(WAITING);
    // Not waited for: when the host refuses early, this thread may still stand in a read that git ends.
    std::thread::spawn(move || pump(input, &sender));
    let rest =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let first = stream::iter([Ok(start)]);
    let body = futures_util::StreamExt::chain(first, rest);
    let request = remote.post_request(Service::ReceivePack).stream(body);
    remote.post_stream(Service::ReceivePack, request).await
}

/// Moves the pipe into the channel, piece by piece, until one of them ends.
fn pump(mut input: impl Read, sender: &mpsc::Sender<std::io::Result<Bytes>>) {
    loop {
        let mut piece = vec![0; PIECE];
        let read = match input.read(&mut piece) {
            Ok(0) => return,
            Ok(n) => {
                piece.truncate(n);
                Ok(piece.into())
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => Err(e),
        };
        let failed = read.is_err();
        if sender.blocking_send(read).is_err() || failed {
            return;
        }
    }
}
