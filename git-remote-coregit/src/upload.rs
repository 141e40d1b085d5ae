//! Fetching: the advertisement of protocol version 2, then one POST for each request of git.

use std::io::{BufRead, Read, Write};

use bytes::Bytes;
use coregit_http::{HttpError, Response};
use flate2::Compression;
use flate2::bufread::GzEncoder;

use crate::discovery::First;
use crate::framing::{self, Sideband, Watch};
use crate::remote::{Coding, Remote, Service, wrong_answer};
use crate::trouble::Trouble;
use crate::words;

/// The longest list of version 2 capabilities that is taken; git's own is under 1 KiB.
const LONGEST_CAPABILITIES: usize = 1 << 20;
/// Shorter requests are not worth packing; git draws the same line.
const WORTH_PACKING: usize = 1024;

const SERVICE_LINE: &[u8] = b"001e# service=git-upload-pack\n0000";
const VERSION_2: &[u8] = b"000eversion 2\n";

/// What a host answered to the first request of a fetch.
pub enum Opened {
    /// Its capabilities in version 2, as git reads them.
    Version2(Vec<u8>),
    /// Only git's own helper can go on.
    GitsOwn,
}

/// Asks for the capabilities of a repository.
pub async fn open(remote: &mut Remote) -> Result<Opened, Trouble> {
    let response = match remote.advertisement(Service::UploadPack).await? {
        First::Answer(response) => *response,
        First::GitsOwn => return Ok(Opened::GitsOwn),
    };
    let smart = is_advertisement(&response, Service::UploadPack);
    let mut body = response.stream();
    let mut raw = Vec::new();
    while let Some(piece) = body.next_piece().await.map_err(|e| remote.in_words(&e))? {
        raw.extend_from_slice(&piece);
        if !smart && looks_like_a_page(&raw) {
            return Err(words::web_page(remote.shown()));
        }
        if (!smart && raw.len() > 14) || is_older(&raw) {
            return Ok(Opened::GitsOwn);
        }
        if raw.len() > LONGEST_CAPABILITIES {
            return Err(wrong_answer(remote, "its list of capabilities does not end"));
        }
    }
    let list = without_service_line(&raw);
    match list.starts_with(VERSION_2) || is_error(list) {
        true => Ok(Opened::Version2(list.to_vec())),
        false => Ok(Opened::GitsOwn),
    }
}

/// Whether the answer says of itself that it is the advertisement of this service.
pub fn is_advertisement(response: &Response, service: Service) -> bool {
    let kind = response.header("content-type").unwrap_or("");
    kind.split(';').next().unwrap_or("").trim() == format!("application/x-{}-advertisement", service.name())
}

/// Whether text that should have been a list of refs is a web page.
pub fn looks_like_a_page(raw: &[u8]) -> bool {
    let start = raw.trim_ascii_start();
    let start = start[..start.len().min(14)].to_ascii_lowercase();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}

/// Whether a list that has begun is one of version 0 or 1, which may be long: no need to read on.
fn is_older(raw: &[u8]) -> bool {
    let list = without_service_line(raw);
    let undecided = SERVICE_LINE.starts_with(raw) || list.len() < 8;
    let head = &list[..list.len().min(VERSION_2.len())];
    !undecided && !VERSION_2.starts_with(head) && !is_error(list)
}

fn is_error(list: &[u8]) -> bool {
    list.get(4..8) == Some(b"ERR ")
}

/// The list behind `# service=…` and its flush, which some servers send in version 2 too.
fn without_service_line(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(SERVICE_LINE).unwrap_or(raw)
}

/// Passes requests of git on until it has no more.
pub async fn relay(
    remote: &mut Remote,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<(), Trouble> {
    while let Some(request) = framing::read_request(input)? {
        let response = ask(remote, request).await?;
        pass(remote, response, Watch::new(Sideband::BehindPackfile), output).await?;
    }
    Ok(())
}

async fn ask(remote: &mut Remote, request: Vec<u8>) -> Result<Response, Trouble> {
    let response = match request.len() > WORTH_PACKING {
        true => {
            let coding = Coding::Gzip { from: request.len() };
            remote.post(Service::UploadPack, packed(&request)?, coding).await?
        }
        false => remote.post(Service::UploadPack, request.into(), Coding::Plain).await?,
    };
    check_kind(remote, response, Service::UploadPack)
}

fn packed(request: &[u8]) -> Result<Bytes, Trouble> {
    let mut packed = Vec::with_capacity(request.len() / 2);
    let encoded = GzEncoder::new(request, Compression::default()).read_to_end(&mut packed);
    encoded.map_err(|e| Trouble::io("a request cannot be packed", &e))?;
    Ok(packed.into())
}

/// The answer, where it is of the kind that was asked for.
pub fn check_kind(remote: &Remote, response: Response, service: Service) -> Result<Response, Trouble> {
    let kind = response.header("content-type").unwrap_or("").to_owned();
    if kind.starts_with("text/html") {
        return Err(words::web_page(remote.shown()));
    }
    if let Some(coding) = response.header("content-encoding").filter(|c| *c != "identity") {
        return Err(wrong_answer(
            remote,
            &format!("its answer is packed as {coding:?}, which was not asked for"),
        ));
    }
    let wanted = format!("application/x-{}-result", service.name());
    match kind.split(';').next().unwrap_or("").trim() == wanted {
        true => Ok(response),
        false => Err(wrong_answer(remote, &format!("its answer is {kind:?} and not {wanted}"))),
    }
}

/// Copies an answer to git while it arrives.
pub async fn pass(
    remote: &Remote,
    response: Response,
    mut watch: Watch,
    output: &mut dyn Write,
) -> Result<(), Trouble> {
    let mut body = response.stream();
    while let Some(piece) = body.next_piece().await.map_err(|e| remote.in_words(&e))? {
        let seen = watch.pass(&piece).map_err(|flaw| malformed(remote, flaw))?;
        output.write_all(&seen).map_err(to_git)?;
    }
    output.flush().map_err(to_git)?;
    match watch.is_complete() {
        true => Ok(()),
        // git would wait for the rest for ever.
        false => Err(malformed(remote, "an answer that breaks off")),
    }
}

fn malformed(remote: &Remote, flaw: &str) -> Trouble {
    remote.in_words(&HttpError::invalid(format!("its answer is not what git speaks: {flaw}")))
}

/// An error of writing to git.
pub fn to_git(error: std::io::Error) -> Trouble {
    Trouble::io("git cannot be answered", &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart_by_their_first_bytes() {
        let service = b"001e# service=git-upload-pack\n0000".to_vec();
        let with = |rest: &[u8]| [&service[..], rest].concat();
        for new in
            [&b"000eversion 2\n0000"[..], &with(b"000eversion 2\n0015agent=git/2.47.3\n0000"), &service]
        {
            assert!(!is_older(new), "{:?}", String::from_utf8_lossy(new));
        }
        let line = format!("00a0{} HEAD\0multi_ack", "7".repeat(40)).into_bytes();
        for old in [&line[..], &with(&line), b"000eversion 1\n00a0", &with(b"000eversion 1\n00a0")] {
            assert!(is_older(old), "{:?}", String::from_utf8_lossy(old));
        }
    }

    #[test]
    fn web_pages_are_known_by_their_beginning() {
        assert!(looks_like_a_page(b"\n <!DOCTYPE html><p>Log in"));
        assert!(looks_like_a_page(b"<HTML>"));
        assert!(!looks_like_a_page(b"7777 refs/heads/main"));
    }
}
