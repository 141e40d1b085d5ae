//! Archives: where `tarball` leads. A private one is let out by a mark that lives five minutes.

use axum::body::Body;
use axum::http::{Request, Response};
use ring::hmac;

use super::cgi;
use super::hex;
use super::reply::{Reply, not_found};
use super::shared::Shared;
use super::world::Repo;

/// How long an address lives, in seconds.
const LIFE: i64 = 300;

impl Shared {
    /// The address of a commit's archive.
    pub(super) fn archive_url(&self, repo: &Repo, commit: &str) -> String {
        let until = self.clock.now() + LIFE;
        let path = format!("{}/legacy.tar.gz/{commit}", repo.full_name());
        format!("{}/_codeload/{path}?until={until}&token={}", self.url, self.mark(&path, until))
    }

    fn mark(&self, path: &str, until: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.url.as_bytes());
        hex(hmac::sign(&key, format!("{path} {until}").as_bytes()).as_ref())[..32].to_owned()
    }
}

/// Answers, within the forge's runtime, `/_codeload/<owner>/<name>/legacy.tar.gz/<commit>`.
pub(super) fn answer(shared: &Shared, request: &Request<Body>) -> Response<Body> {
    match archive(shared, request) {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

fn archive(shared: &Shared, request: &Request<Body>) -> Result<Response<Body>, Reply> {
    let path = request.uri().path().strip_prefix("/_codeload/").ok_or_else(not_found)?;
    let query = request.uri().query().unwrap_or("");
    let asked = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)).unwrap_or("");
    let until: i64 = asked("until=").parse().map_err(|_| not_found())?;
    if until < shared.clock.now() || asked("token=") != shared.mark(path, until) {
        return Err(not_found());
    }
    let mut parts = path.split('/');
    let (owner, name) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let commit = parts.nth(1).filter(|c| c.len() == 40).ok_or_else(not_found)?;
    let repo = shared.world().repo(owner, name).cloned().ok_or_else(not_found)?;
    let prefix = format!("--prefix={owner}-{name}-{}/", &commit[..7]);
    let command = shared.bare(&repo).git(&["archive", "--format=tar.gz", &prefix, commit]);
    let output = cgi::output(command).map_err(|_| not_found())?;
    let mut response = Response::new(cgi::streamed(output));
    response.headers_mut().insert("content-type", "application/x-gzip".parse().expect("a constant"));
    Ok(response)
}
