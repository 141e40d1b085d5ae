//! A remote repository over smart HTTP: its addresses, its refs, and what its refusals mean.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use coregit_http::{Client, Cost, Credential, Effect, HttpError, Request, Response, Retry};
use coregit_model::{ErrorClass, ObjectFormat, Origin, RedactedUrl};

use crate::GitError;
use crate::packets::Packets;
use crate::wire::advertisement::{self, Advertisement};
use crate::wire::listing::{self, Listing};
use crate::wire::pkt::{self, Packet};

/// The longest list of refs or report that is read: about 1.5 million refs.
const LONGEST_ANSWER: u64 = 128 << 20;

/// A remote repository, spoken to through our own HTTP client. Cheap; its connections are the client's.
pub struct Remote {
    pub(crate) client: Client,
    url: String,
    credential: Option<Credential>,
    format: ObjectFormat,
    pub(crate) longest: u64,
    /// Whether the host has taken the credential for a push.
    pub(crate) proved: AtomicBool,
    /// Whether the server was found to speak version 0 only.
    old: AtomicBool,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({})", RedactedUrl::new(&self.url))
    }
}

impl Remote {
    /// The repository at this address (`https://HOST/OWNER/REPO.git`), whose objects are named by SHA-1.
    pub fn new(client: Client, url: impl Into<String>, credential: Option<Credential>) -> Self {
        let mut url = url.into();
        url.truncate(url.trim_end_matches('/').len());
        let (proved, old) = (AtomicBool::new(false), AtomicBool::new(false));
        let (format, longest) = (ObjectFormat::Sha1, LONGEST_ANSWER);
        Self { client, url, credential, format, longest, proved, old }
    }

    /// The same repository, whose objects are named like this.
    pub fn with_format(self, format: ObjectFormat) -> Self {
        Self { format, ..self }
    }

    /// The same repository, of whose lists and reports at most this many bytes are read (128 MiB unless
    /// said otherwise; packs have a limit of their own).
    pub fn with_longest_answer(self, longest: u64) -> Self {
        Self { longest, ..self }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The hash that names its objects.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// What it holds and its server can do, as a push needs it. One request.
    pub async fn receive_pack_advertisement(&self) -> Result<Advertisement, GitError> {
        let found = self.advertisement("git-receive-pack").await?;
        self.proved.store(true, Relaxed);
        Ok(found)
    }

    async fn advertisement(&self, service: &'static str) -> Result<Advertisement, GitError> {
        let url = format!("{}/info/refs?service={service}", self.url);
        let request = self.prepare(Request::get(url)).cost(Cost::GIT_READ);
        let response = self.client.send(request).await.map_err(|e| self.refused(e))?;
        expect_type(&response, &format!("application/x-{service}-advertisement"))?;
        let mut packets = Packets::new(response.stream(), self.longest);
        let mut reader = advertisement::Reader::new(service);
        while let Some(packet) = packets.next().await? {
            if reader.take(packet)? {
                packets.finish().await;
                break;
            }
        }
        reader.finish()
    }

    /// Its refs that begin with one of these bytes (all without any), and where HEAD points.
    ///
    /// One request where the server speaks version 2, which all large hosts do; else two, the first time.
    pub async fn ls_refs(&self, prefixes: &[&[u8]]) -> Result<Listing, GitError> {
        let mut listing = match self.old.load(Relaxed) {
            true => self.list_old().await?,
            false => match self.list(prefixes).await {
                Ok(listing) => listing,
                Err(e) if is_no_answer(&e) => {
                    let listing = self.list_old().await?;
                    self.old.store(!is_broken(&e), Relaxed);
                    listing
                }
                Err(e) => return Err(e),
            },
        };
        listing.keep(prefixes);
        Ok(listing)
    }

    async fn list(&self, prefixes: &[&[u8]]) -> Result<Listing, GitError> {
        let body = listing::request(prefixes, self.format)?;
        // Not repeated here: where this failed, the old way is tried.
        let response = self.upload_pack(body, Retry::IfNoEffect).await?;
        let mut packets = Packets::new(response.stream(), self.longest);
        let mut listing = Listing::default();
        while let Some(packet) = packets.next().await? {
            match packet {
                Packet::Data(line) => {
                    pkt::error_of(&line).map_or(Ok(()), Err)?;
                    listing::take(&mut listing, &line, self.format)?;
                }
                Packet::Flush => {
                    packets.finish().await;
                    return Ok(listing);
                }
                other => return Err(GitError::protocol(format_args!("{other:?} in its list of refs"))),
            }
        }
        Err(GitError::Protocol("its list of refs breaks off".into()))
    }

    async fn list_old(&self) -> Result<Listing, GitError> {
        let Advertisement { refs, head, .. } = self.advertisement("git-upload-pack").await?;
        Ok(Listing { refs, head })
    }

    /// One request to upload-pack in version 2.
    pub(crate) async fn upload_pack(&self, body: Vec<u8>, retry: Retry) -> Result<Response, GitError> {
        let request = Request::post(format!("{}/git-upload-pack", self.url))
            .header("content-type", "application/x-git-upload-pack-request")
            .header("git-protocol", "version=2")
            .bytes(body)
            .cost(Cost::GIT_READ)
            .retry(retry);
        let response = self.client.send(self.prepare(request)).await.map_err(|e| self.refused(e))?;
        expect_type(&response, "application/x-git-upload-pack-result")?;
        Ok(response)
    }

    /// A request to receive-pack; its body is still missing.
    pub(crate) fn receive_pack(&self) -> Request {
        let request = Request::post(format!("{}/git-receive-pack", self.url))
            .header("content-type", "application/x-git-receive-pack-request")
            .header("accept", RESULT)
            .cost(Cost::GIT_WRITE);
        self.prepare(request)
    }

    fn prepare(&self, request: Request) -> Request {
        match &self.credential {
            Some(credential) => request.credential(credential),
            None => request,
        }
    }

    /// The client's error; a redirect with the repository's new address.
    pub(crate) fn refused(&self, error: HttpError) -> GitError {
        let to = (error.class() == ErrorClass::Moved).then(|| error.location().and_then(|to| self.moved(to)));
        to.flatten().unwrap_or(GitError::Http(error))
    }

    fn moved(&self, location: &str) -> Option<GitError> {
        let (here, _) = Origin::parse(&self.url).ok()?;
        let absolute = match location.starts_with('/') && !location.starts_with("//") {
            true => format!("{here}{location}"),
            false => location.to_owned(),
        };
        let path = absolute.split(['?', '#']).next()?;
        let tails = ["/info/refs", "/git-upload-pack", "/git-receive-pack"];
        let to = tails.iter().find_map(|tail| path.strip_suffix(tail)).unwrap_or(path);
        let same_origin = Origin::parse(to).is_ok_and(|(there, _)| there == here);
        // The same address again would be followed for ever.
        (to != self.url).then(|| GitError::Moved { to: RedactedUrl::new(to).to_string(), same_origin })
    }
}

/// The type of receive-pack's answer.
pub(crate) const RESULT: &str = "application/x-git-receive-pack-result";

/// A page in place of git's answer is told as such: a portal, or a host without smart HTTP.
pub(crate) fn expect_type(response: &Response, expected: &str) -> Result<(), GitError> {
    let given = response.header("content-type").unwrap_or("nothing");
    match given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected)) {
        true => Ok(()),
        false => Err(GitError::Unsupported(format!(
            "the host answered {} where git's {expected} was expected; the address may not be that of a repository",
            coregit_model::printable(&given.chars().take(100).collect::<String>())
        ))),
    }
}

/// Whether a version 2 request met something that did not understand it, or broke on it.
fn is_no_answer(error: &GitError) -> bool {
    match error {
        GitError::Protocol(_) | GitError::Remote(_) | GitError::Unsupported(_) => true,
        GitError::Http(e) => e.effect() == Effect::Unknown || e.status() == Some(400),
        _ => false,
    }
}

/// Whether the failure speaks of the network rather than of the protocol.
fn is_broken(error: &GitError) -> bool {
    matches!(error, GitError::Http(e) if e.status() != Some(400) && e.status() != Some(500))
}
