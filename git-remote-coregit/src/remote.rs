//! A host as one talk sees it: requests with the right credential, renames followed, refusals put into words.

use bytes::Bytes;
use coregit_http::{Client, Cost, Credential, Effect, HttpError, Request, Response, Retry};
use coregit_model::{ErrorClass, Origin};

use crate::address::WebUrl;
use crate::discovery::Challenge;
use crate::language;
use crate::login::Login;
use crate::road::Shape;
use crate::trouble::{Trouble, say};
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
    Gzip {
        /// Its length before.
        from: usize,
    },
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
    pub(crate) client: Client,
    /// Where it is; another place after a rename.
    pub(crate) base: String,
    pub(crate) origin: Origin,
    /// The user name that stood in the address.
    pub(crate) user: Option<String>,
    pub(crate) login: Option<Login>,
    pub(crate) shape: Shape,
    /// Whether `login` has been accepted.
    pub(crate) proved: bool,
    /// Whether commands have been sent whose report is not here yet.
    pub pushing: bool,
    /// Whether git was asked to be verbose: requests are told as git's own helper tells them.
    pub verbose: bool,
    /// `Accept-Language`, where the user has languages.
    languages: Option<String>,
}

impl Remote {
    /// A repository, before the first request.
    pub fn new(client: Client, to: Destination) -> Self {
        let Destination { url, origin, login, shape } = to;
        let languages = language::preferred(&|name| std::env::var(name).ok());
        let (base, user) = (url.base, url.user);
        Self {
            client,
            base,
            origin,
            user,
            login,
            shape,
            proved: false,
            pushing: false,
            verbose: false,
            languages,
        }
    }

    /// The address as messages show it.
    pub fn shown(&self) -> &str {
        &self.base
    }

    /// The credential that requests carry.
    pub(crate) fn credential(&self) -> Option<&Credential> {
        self.login.as_ref().map(|login| &login.credential)
    }

    /// A request with everything that is the same for all of this talk.
    pub(crate) fn dressed(&self, request: Request, service: Service) -> Request {
        let request = request.cost(service.cost()).retry(Retry::Never);
        let request = self.languages.iter().fold(request, |r, l| r.header("accept-language", l));
        let request = service.protocol().into_iter().fold(request, |r, v| r.header("git-protocol", v));
        self.credential().into_iter().fold(request, Request::credential)
    }

    /// One POST. Bytes are sent again when the host asks for a credential first; a stream is sent once.
    pub async fn post(&mut self, service: Service, body: Bytes, coding: Coding) -> Result<Response, Trouble> {
        self.tell(
            service,
            match coding {
                Coding::Plain => format!("{} bytes", body.len()),
                Coding::Gzip { from } => format!("gzip {from} to {} bytes", body.len()),
            },
        );
        loop {
            let request = self.post_request(service).bytes(body.clone());
            let request = match coding {
                Coding::Plain => request,
                Coding::Gzip { .. } => request.header("content-encoding", "gzip"),
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
    pub async fn post_stream(&mut self, service: Service, request: Request) -> Result<Response, Trouble> {
        self.tell(service, "chunked".to_owned());
        let response = self.post_once(request).await?;
        match response.status() {
            200..=299 => Ok(self.approved(response)),
            _ => Err(self.refused(response).await),
        }
    }

    fn tell(&self, service: Service, how: String) {
        if self.verbose {
            say(&format!("POST {} ({how})", service.name()));
        }
    }

    /// A POST without its body.
    pub fn post_request(&self, service: Service) -> Request {
        let name = service.name();
        let request = Request::post(format!("{}/{name}", self.base))
            .header("content-type", format!("application/x-{name}-request"))
            .header("accept", format!("application/x-{name}-result"));
        self.dressed(request, service)
    }

    async fn post_once(&self, request: Request) -> Result<Response, Trouble> {
        self.client.send_raw(request).await.map_err(|e| self.in_words(&e))
    }

    fn approved(&mut self, response: Response) -> Response {
        self.approve();
        response
    }

    /// Tells git's credential helpers, once, that what they gave works.
    pub(crate) fn approve(&mut self) {
        if !std::mem::replace(&mut self.proved, true) {
            self.login.iter().for_each(Login::approve);
        }
    }

    pub(crate) async fn refused(&self, response: Response) -> Trouble {
        let credential = self.credential().cloned();
        let error = Client::refusal(response, credential.as_ref()).await;
        self.in_words(&error)
    }

    /// An error of this host, in words.
    pub fn in_words(&self, error: &HttpError) -> Trouble {
        let trouble = words::of(error, &self.base, self.login.as_ref().map(|login| &login.giver));
        if self.pushing && error.effect() == Effect::Unknown { words::maybe_moved(trouble) } else { trouble }
    }
}

/// An answer that is not what its request was for.
pub fn wrong_answer(remote: &Remote, what: &str) -> Trouble {
    let error = HttpError::invalid(what).with_class(ErrorClass::Invalid);
    remote.in_words(&error)
}
