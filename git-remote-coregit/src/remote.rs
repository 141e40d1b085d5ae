//! A host as one talk sees it: requests with the right credential, renames followed, refusals put into words.

use std::time::Duration;

use bytes::Bytes;
use coregit_http::{Client, Cost, Credential, Effect, HttpError, Request, Response, Retry};
use coregit_model::{ErrorClass, Origin};

use crate::address::WebUrl;
use crate::login::{self, Challenges, Giver, Login};
use crate::road::Shape;
use crate::trouble::Trouble;
use crate::words;

/// git's services, as HTTP names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Reading.
    UploadPack,
    /// Pushing.
    ReceivePack,
    /// `git archive --remote`.
    UploadArchive,
}

impl Service {
    /// The service of this name.
    pub fn named(name: &str) -> Option<Self> {
        use Service::*;
        [UploadPack, ReceivePack, UploadArchive].into_iter().find(|service| service.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Service::UploadPack => "git-upload-pack",
            Service::ReceivePack => "git-receive-pack",
            Service::UploadArchive => "git-upload-archive",
        }
    }

    /// Protocol version 2 exists for reading; some servers refuse a push that asks for it.
    fn protocol(self) -> Option<&'static str> {
        (self == Service::UploadPack).then_some("version=2")
    }

    fn cost(self) -> Cost {
        if self == Service::ReceivePack { Cost::GIT_WRITE } else { Cost::GIT_READ }
    }
}

/// How the body of a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Plain,
    /// Packed by gzip.
    Gzip,
}

/// Where a talk goes and what is known about it beforehand.
pub struct Destination {
    /// The repository.
    pub url: WebUrl,
    /// Its origin.
    pub origin: Origin,
    /// A credential that needs no asking.
    pub login: Option<Login>,
    /// What the user set.
    pub shape: Shape,
}

/// A repository at a host.
pub struct Remote {
    client: Client,
    /// Where it is; another place after a rename.
    base: String,
    origin: Origin,
    /// The user name that stood in the address.
    user: Option<String>,
    login: Option<Login>,
    shape: Shape,
    /// Whether `login` has been accepted.
    proved: bool,
    /// Whether commands have been sent whose report is not here yet.
    pub pushing: bool,
}

/// What a first request ends with.
pub enum First {
    /// An answer of success.
    Answer(Box<Response>),
    /// Only git's own helper can go on.
    GitsOwn,
}

/// What became of a 401.
enum Challenge {
    /// There is a credential now.
    Met,
    /// The host asks for a kind of login that only git's own helper has.
    GitsOwn,
}

/// Waits before the second and the third try of a first request that failed on the way.
const AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];
const MOST_REDIRECTS: usize = 5;

impl Remote {
    /// A repository, before the first request.
    pub fn new(client: Client, to: Destination) -> Self {
        let Destination { url, origin, login, shape } = to;
        Self { client, base: url.base, origin, user: url.user, login, shape, proved: false, pushing: false }
    }

    /// The address as messages show it.
    pub fn shown(&self) -> &str {
        &self.base
    }

    /// The credential that requests carry.
    fn credential(&self) -> Option<&Credential> {
        self.login.as_ref().map(|login| &login.credential)
    }

    /// What a service advertises. Follows a rename, asks for credentials when the host does, and tries again
    /// what failed on the way.
    pub async fn advertisement(&mut self, service: Service) -> Result<First, Trouble> {
        if self.shape.proactive && self.login.is_none() {
            self.login = Some(self.ask_git(&Vec::new())?);
        }
        let mut redirects = 0;
        loop {
            let response = self.get(service).await?;
            match response.status() {
                200..=299 => {
                    self.approve();
                    return Ok(First::Answer(Box::new(response)));
                }
                301 | 302 | 303 | 307 | 308 if redirects < MOST_REDIRECTS => {
                    redirects += 1;
                    self.follow(&response, service)?;
                }
                401 => match self.unauthorized(response).await? {
                    Challenge::Met => {}
                    Challenge::GitsOwn => return Ok(First::GitsOwn),
                },
                _ => return Err(self.refused(response).await),
            }
        }
    }

    async fn get(&self, service: Service) -> Result<Response, Trouble> {
        let mut waits = AGAIN.iter();
        loop {
            let outcome = self.client.send_raw(self.first_request(service)).await;
            let passing = match &outcome {
                Ok(response) => matches!(response.status(), 502..=504),
                Err(error) => error.try_again(),
            };
            match waits.next().filter(|_| passing) {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => return outcome.map_err(|e| self.in_words(&e)),
            }
        }
    }

    fn first_request(&self, service: Service) -> Request {
        let url = format!("{}/info/refs?service={}", self.base, service.name());
        let request = Request::get(url).header("accept", "*/*").header("pragma", "no-cache");
        self.dressed(request, service).retry(Retry::Never)
    }

    fn dressed(&self, request: Request, service: Service) -> Request {
        let request = request.cost(service.cost());
        let request = service.protocol().into_iter().fold(request, |r, v| r.header("git-protocol", v));
        self.credential().into_iter().fold(request, Request::credential)
    }

    /// One POST. Bytes are sent again when the host asks for a credential first; a stream is sent once.
    pub async fn post(&mut self, service: Service, body: Bytes, coding: Coding) -> Result<Response, Trouble> {
        loop {
            let request = self.post_request(service).bytes(body.clone());
            let request = match coding {
                Coding::Plain => request,
                Coding::Gzip => request.header("content-encoding", "gzip"),
            };
            let response = self.post_once(request).await?;
            match response.status() {
                200..=299 => return Ok(self.approved(response)),
                401 => match self.unauthorized(response).await? {
                    Challenge::Met => {}
                    Challenge::GitsOwn => return Err(words::no_scheme(&self.base)),
                },
                _ => return Err(self.refused(response).await),
            }
        }
    }

    /// One POST with a request that was made by [`Remote::post_request`], its body a stream.
    pub async fn post_stream(&mut self, request: Request) -> Result<Response, Trouble> {
        let response = self.post_once(request).await?;
        match response.status() {
            200..=299 => Ok(self.approved(response)),
            _ => Err(self.refused(response).await),
        }
    }

    /// A POST without its body.
    pub fn post_request(&self, service: Service) -> Request {
        let name = service.name();
        let request = Request::post(format!("{}/{name}", self.base))
            .header("content-type", format!("application/x-{name}-request"))
            .header("accept", format!("application/x-{name}-result"));
        self.dressed(request, service).retry(Retry::Never)
    }

    async fn post_once(&self, request: Request) -> Result<Response, Trouble> {
        self.client.send_raw(request).await.map_err(|e| self.in_words(&e))
    }

    fn approved(&mut self, response: Response) -> Response {
        self.approve();
        response
    }

    fn approve(&mut self) {
        if !std::mem::replace(&mut self.proved, true) {
            self.login.iter().for_each(Login::approve);
        }
    }

    /// Gets a credential after a 401.
    async fn unauthorized(&mut self, response: Response) -> Result<Challenge, Trouble> {
        let challenges: Challenges = response.head.all("www-authenticate").map(str::to_owned).collect();
        if let Some(login) = &self.login {
            login.reject();
            return Err(self.refused(response).await);
        }
        if !login::can_meet(&challenges) {
            return Ok(Challenge::GitsOwn);
        }
        self.login = Some(self.ask_git(&challenges)?);
        self.proved = false;
        Ok(Challenge::Met)
    }

    fn ask_git(&self, challenges: &Challenges) -> Result<Login, Trouble> {
        let path = self.base.strip_prefix(&self.origin.to_string()).unwrap_or("").trim_start_matches('/');
        login::ask_git(&self.origin, path, self.user.as_deref(), challenges)
    }

    async fn refused(&self, response: Response) -> Trouble {
        let credential = self.credential().cloned();
        let error = Client::refusal(response, credential.as_ref()).await;
        self.in_words(&error)
    }

    /// An error of this host, in words.
    pub fn in_words(&self, error: &HttpError) -> Trouble {
        let trouble = words::of(error, &self.base, self.login.as_ref().map(|login| &login.giver));
        if self.pushing && error.effect() == Effect::Unknown { words::maybe_moved(trouble) } else { trouble }
    }

    /// Goes where the first request was sent. A credential stays with its origin.
    fn follow(&mut self, response: &Response, service: Service) -> Result<(), Trouble> {
        let to = response.header("location").unwrap_or("");
        let to = absolute(&self.origin, to);
        let suffix = format!("/info/refs?service={}", service.name());
        let base = to.strip_suffix(&suffix).filter(|_| self.shape.redirects);
        let (base, origin) = base
            .and_then(|base| {
                Origin::parse(base).ok().map(|(origin, path)| (format!("{origin}{path}"), origin))
            })
            .ok_or_else(|| words::not_followed(&self.base, &to))?;
        if origin != self.origin {
            self.leave(&origin, &base)?;
        }
        crate::trouble::say(&format!("warning: redirecting to {base}/"));
        self.base = base;
        self.origin = origin;
        Ok(())
    }

    /// To another origin nothing goes along, and from TLS nobody goes back to plain http.
    fn leave(&mut self, origin: &Origin, base: &str) -> Result<(), Trouble> {
        let connection = matches!(self.login.as_ref().map(|l| &l.giver), Some(Giver::Connection(_)));
        if connection || (self.origin.scheme() == "https" && origin.scheme() == "http") {
            return Err(words::not_followed(&self.base, base));
        }
        self.login = None;
        self.user = None;
        Ok(())
    }
}

/// A `Location` as a whole address.
fn absolute(origin: &Origin, to: &str) -> String {
    if to.starts_with('/') && !to.starts_with("//") { format!("{origin}{to}") } else { to.to_owned() }
}

/// An answer that is not what its request was for.
pub fn wrong_answer(remote: &Remote, what: &str) -> Trouble {
    let error = HttpError::invalid(what).with_class(ErrorClass::Invalid);
    remote.in_words(&error)
}
