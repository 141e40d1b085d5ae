//! The first request of a talk: finds where the repository is now, and what the host wants to know.

use std::time::Duration;

use coregit_http::{Request, Response};
use coregit_model::Origin;

use crate::login::{self, Challenges, Giver};
use crate::remote::{Remote, Service};
use crate::road::Proactive;
use crate::trouble::{Trouble, say};
use crate::words;

/// What a first request ends with.
pub enum First {
    /// An answer of success.
    Answer(Box<Response>),
    /// Only git's own helper can go on.
    GitsOwn,
}

/// What became of a 401.
pub enum Challenge {
    /// There is a credential now.
    Met,
    /// The host asks for a kind of login that only git's own helper has.
    GitsOwn,
}

/// Waits before the second and the third try of a request that failed on the way.
const AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];
const MOST_REDIRECTS: usize = 5;

impl Remote {
    /// What a service advertises. Follows a rename, asks for credentials when the host does, and tries again
    /// what failed on the way.
    pub async fn advertisement(&mut self, service: Service) -> Result<First, Trouble> {
        self.ask_before_the_host()?;
        let asked = format!("{}/info/refs?service={}", self.base, service.name());
        let (mut at, mut redirects) = (asked.clone(), 0);
        loop {
            let response = self.get(&at, service).await?;
            match response.status() {
                200..=299 if at == asked => return Ok(self.found(response)),
                200..=299 => {
                    self.settle(&at, service)?;
                    return Ok(self.found(response));
                }
                301 | 302 | 303 | 307 | 308 if redirects < MOST_REDIRECTS => {
                    redirects += 1;
                    at = self.hop(&response, service)?;
                }
                401 => match self.unauthorized(response).await? {
                    Challenge::Met => {}
                    Challenge::GitsOwn => return Ok(First::GitsOwn),
                },
                _ => return Err(self.refused(response).await),
            }
        }
    }

    /// Gets a credential at once where `http.proactiveAuth` wants so.
    fn ask_before_the_host(&mut self) -> Result<(), Trouble> {
        let challenges = match self.shape.proactive {
            Proactive::Basic => vec!["Basic".to_owned()],
            Proactive::Auto => Vec::new(),
            Proactive::No => return Ok(()),
        };
        if self.login.is_none() {
            self.login = Some(self.ask_git(&challenges)?);
        }
        Ok(())
    }

    fn found(&mut self, response: Response) -> First {
        self.approve();
        First::Answer(Box::new(response))
    }

    async fn get(&self, url: &str, service: Service) -> Result<Response, Trouble> {
        let mut waits = AGAIN.iter();
        loop {
            let request = Request::get(url).header("accept", "*/*").header("pragma", "no-cache");
            let outcome = self.client.send_raw(self.dressed(request, service)).await;
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

    /// Where the host points to. A credential stays with its origin.
    fn hop(&mut self, response: &Response, service: Service) -> Result<String, Trouble> {
        let to = absolute(&self.origin, response.header("location").unwrap_or(""));
        let whole = to.split(['?', '#']).next().unwrap_or("");
        let origin = Origin::parse(whole).ok().filter(|_| self.shape.redirects);
        let (origin, _) = origin.ok_or_else(|| words::not_followed(&self.base, &to))?;
        if origin != self.origin {
            self.leave(origin, &to)?;
        }
        if let Some(base) = base_of(&to, service) {
            self.base = base;
        }
        Ok(to)
    }

    /// To another origin nothing goes along, and from TLS nobody goes back to plain http.
    fn leave(&mut self, origin: Origin, to: &str) -> Result<(), Trouble> {
        let connection = matches!(self.login.as_ref().map(|l| &l.giver), Some(Giver::Connection(_)));
        if connection || (self.origin.scheme() == "https" && origin.scheme() == "http") {
            return Err(words::not_followed(&self.base, to));
        }
        self.login = None;
        self.user = None;
        self.origin = origin;
        Ok(())
    }

    /// Takes the place where the list was found for the repository's, and tells so.
    fn settle(&mut self, at: &str, service: Service) -> Result<(), Trouble> {
        self.base = base_of(at, service).ok_or_else(|| words::not_followed(&self.base, at))?;
        say(&format!("warning: redirecting to {}/", self.base));
        Ok(())
    }

    /// Gets a credential after a 401; another one where a credential helper said that it has more to say.
    pub(crate) async fn unauthorized(&mut self, response: Response) -> Result<Challenge, Trouble> {
        let challenges: Challenges = response.head.all("www-authenticate").map(login::tidy).collect();
        match &self.login {
            Some(login) if login.has_more() => {}
            Some(login) => {
                login.reject(&challenges);
                return Err(self.refused(response).await);
            }
            None if !login::can_meet(&challenges) => return Ok(Challenge::GitsOwn),
            None => {}
        }
        self.login = Some(self.ask_git(&challenges)?);
        self.proved = false;
        Ok(Challenge::Met)
    }

    fn ask_git(&self, challenges: &Challenges) -> Result<login::Login, Trouble> {
        let path = self.base.strip_prefix(&self.origin.to_string()).unwrap_or("").trim_start_matches('/');
        let whom = login::Whom { origin: &self.origin, path, user: self.user.as_deref() };
        login::ask_git(&whom, challenges, self.login.as_ref())
    }
}

/// The repository whose list is at this address.
fn base_of(at: &str, service: Service) -> Option<String> {
    let with_query = format!("/info/refs?service={}", service.name());
    let base = at.strip_suffix(&with_query).or_else(|| at.strip_suffix("/info/refs"))?;
    Origin::parse(base).ok().map(|(origin, path)| format!("{origin}{path}"))
}

/// A `Location` as a whole address.
fn absolute(origin: &Origin, to: &str) -> String {
    if to.starts_with('/') && !to.starts_with("//") { format!("{origin}{to}") } else { to.to_owned() }
}
