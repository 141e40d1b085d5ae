//! git over HTTP at GitHub's addresses, with GitHub's refusals.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response};
use percent_encoding::percent_decode_str;

use super::access::{Level, may, sso_missing, visible};
use super::auth::Caller;
use super::bare::{clean, http_backend};
use super::cgi;
use super::front::Passport;
use super::push;
use super::shared::Shared;
use super::world::Repo;

const BAD_TOKEN: &str =
    "Invalid username or token. Password authentication is not supported for Git operations.";

/// Which of git's services is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    UploadPack,
    ReceivePack,
}

/// A git request: where it goes, and what it wants. The service of a POST is the one in its path, which is the
/// one that runs; a query cannot make a write look like a read.
pub(super) struct Asked {
    pub(super) owner: String,
    pub(super) name: String,
    /// The path below the repository: `info/refs`, `git-upload-pack` or `git-receive-pack`.
    pub(super) file: &'static str,
    pub(super) service: Service,
}

impl Asked {
    /// The query that git gets: made anew, so that it names the service that was judged.
    fn query(&self) -> &'static str {
        match (self.file, self.service) {
            ("info/refs", Service::UploadPack) => "service=git-upload-pack",
            ("info/refs", Service::ReceivePack) => "service=git-receive-pack",
            _ => "",
        }
    }
}

/// Answers a git request.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Body>,
    passport: Passport,
) -> Response<Body> {
    let Some(asked) = parse(&request) else { return refusal(404, "Not Found") };
    let repo = match admit(&shared, &asked, &passport.caller) {
        Ok(repo) => repo,
        Err(response) => return *response,
    };
    match serve(&shared, (&asked, &repo), &passport.caller, request).await {
        Ok(response) => response,
        Err(error) => refusal(500, &error.to_string()),
    }
}

fn parse(request: &Request<Body>) -> Option<Asked> {
    let path = percent_decode_str(request.uri().path()).decode_utf8().ok()?;
    let mut parts = path.strip_prefix('/')?.splitn(3, '/');
    let (owner, name, file) = (parts.next()?, parts.next()?, parts.next()?);
    let query = request.uri().query().unwrap_or("");
    let (file, service) = match (request.method(), file) {
        (&Method::GET, "info/refs") => ("info/refs", advertised(query)?),
        (&Method::POST, "git-upload-pack") => ("git-upload-pack", Service::UploadPack),
        (&Method::POST, "git-receive-pack") => ("git-receive-pack", Service::ReceivePack),
        _ => return None,
    };
    let name = name.strip_suffix(".git").unwrap_or(name).to_owned();
    Some(Asked { owner: owner.to_owned(), name, file, service })
}

/// The service whose refs are asked for; without one it would be the dumb protocol, which GitHub does not speak.
fn advertised(query: &str) -> Option<Service> {
    match query.split('&').find_map(|p| p.strip_prefix("service="))? {
        "git-upload-pack" => Some(Service::UploadPack),
        "git-receive-pack" => Some(Service::ReceivePack),
        _ => None,
    }
}

/// The repository, or GitHub's refusal.
fn admit(shared: &Shared, asked: &Asked, caller: &Caller) -> Result<Repo, Box<Response<Body>>> {
    let refused = |status, text: &str| Err(Box::new(refusal(status, text)));
    if matches!(caller, Caller::Unknown | Caller::RefusedJwt(_) | Caller::App(_)) {
        return refused(401, BAD_TOKEN);
    }
    let world = shared.world();
    let Some(repo) = world.repo(&asked.owner, &asked.name) else {
        return match world.moved_repo(&asked.owner, &asked.name) {
            Some(repo) if visible(&world, caller, repo) => Err(Box::new(moved(shared, asked, repo))),
            _ => Err(Box::new(hidden(caller))),
        };
    };
    if !visible(&world, caller, repo) {
        return Err(Box::new(hidden(caller)));
    }
    if sso_missing(&world, caller, repo) {
        return refused(403, &sso_text(&repo.owner));
    }
    let asks = if asked.service == Service::ReceivePack { Level::Write } else { Level::Read };
    match may(&world, caller, repo, ("contents", asks)) {
        true if repo.archived && asks == Level::Write => {
            refused(403, "This repository was archived so it is read-only.")
        }
        true => Ok(repo.clone()),
        false if matches!(caller, Caller::Anonymous) => Err(Box::new(unauthorized())),
        false => {
            refused(403, &format!("Permission to {}.git denied to {}.", repo.full_name(), caller.login()))
        }
    }
}

/// What a caller gets of a repository that is absent or hidden: the same in both cases.
fn hidden(caller: &Caller) -> Response<Body> {
    match caller {
        Caller::Anonymous => unauthorized(),
        _ => refusal(404, "Repository not found."),
    }
}

fn unauthorized() -> Response<Body> {
    refusal(401, "No anonymous write access.")
}

fn sso_text(organization: &str) -> String {
    format!(
        "The '{organization}' organization has enabled or enforced SAML SSO. To access this repository, you must use \
         the HTTPS remote with a personal access token or SSH with an SSH key and passphrase that has been authorized \
         for this organization."
    )
}

fn refusal(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status.try_into().expect("a constant status");
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/plain; charset=UTF-8"));
    if status == 401 {
        headers.insert("www-authenticate", HeaderValue::from_static("Basic realm=\"GitHub\""));
    }
    response
}

fn moved(shared: &Shared, asked: &Asked, repo: &Repo) -> Response<Body> {
    let mark = if asked.query().is_empty() { "" } else { "?" };
    let to = format!("{}/{}.git/{}{mark}{}", shared.url, repo.full_name(), asked.file, asked.query());
    let mut response = refusal(301, "Moved Permanently");
    response.headers_mut().insert("location", HeaderValue::try_from(to).expect("names are printable"));
    response
}

async fn serve(
    shared: &Arc<Shared>,
    (asked, repo): (&Asked, &Repo),
    caller: &Caller,
    request: Request<Body>,
) -> std::io::Result<Response<Body>> {
    let v2 = request.headers().get("git-protocol").is_some_and(|v| v.as_bytes().ends_with(b"version=2"));
    let shows_refs = asked.service == Service::UploadPack && (asked.file == "info/refs") != v2;
    let bare = if shows_refs { shared.bare_to_read(repo) } else { shared.bare(repo) };
    let mut command = clean(http_backend());
    command.env("GIT_HTTP_EXPORT_ALL", "1").env("GIT_PROJECT_ROOT", bare.path());
    command.env("PATH_INFO", format!("/{}", asked.file)).env("REQUEST_METHOD", request.method().as_str());
    command.env("QUERY_STRING", asked.query()).env("REMOTE_ADDR", "127.0.0.1");
    command.env("REMOTE_USER", if caller.login().is_empty() { "anonymous" } else { caller.login() });
    command.envs(forwarded(request.headers()));
    if asked.file == "git-receive-pack" {
        return push::receive(shared.clone(), repo, caller, (command, request.into_body())).await;
    }
    Ok(stream(cgi::run(command, request.into_body()).await?))
}

fn stream(mut answer: cgi::Answer) -> Response<Body> {
    let (_, nothing) = tokio::sync::mpsc::channel(1);
    let body = std::mem::replace(&mut answer.body, nothing);
    answer.into_response(cgi::streamed(body))
}

/// The request's headers that git reads, as CGI names them.
fn forwarded(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let wanted = [
        ("content-type", "CONTENT_TYPE"),
        ("content-length", "CONTENT_LENGTH"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ];
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    wanted.into_iter().filter_map(|(header, variable)| Some((variable, text(header)?))).collect()
}
