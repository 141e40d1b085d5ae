//! Refusals and failures of a host in plain words: what happened, and what to do.

use std::time::Duration;

use coregit_http::{Effect, HttpError};
use coregit_model::ErrorClass;

use crate::address::shown;
use crate::login::Giver;
use crate::trouble::Trouble;

/// An error of a request to the repository at `url`.
pub fn of(error: &HttpError, url: &str, giver: Option<&Giver>) -> Trouble {
    let (url, said) = (shown(url), error.message());
    let sentence = match error.class() {
        ErrorClass::Auth => format!("Authentication failed for '{url}/': {said}"),
        ErrorClass::NotFound => format!("repository '{url}/' not found, or you have no access: {said}"),
        ErrorClass::Scope | ErrorClass::Sso => format!("access to '{url}/' is refused: {said}"),
        ErrorClass::TooLarge => format!("'{url}/' takes no push of this size: {said}"),
        ErrorClass::Rate => format!("unable to access '{url}/': {said}{}", when(error.wait())),
        ErrorClass::Moved => format!("unable to update url base from redirection: {said}"),
        _ => format!("unable to access '{url}/': {said}{}", unknown(error)),
    };
    let hint = error.hint().map(str::to_owned).or_else(|| mends(error, giver));
    hint.into_iter().fold(Trouble::new(sentence), Trouble::hint)
}

fn when(wait: Option<Duration>) -> String {
    wait.map(|wait| format!("; try again in {} s", wait.as_secs().max(1))).unwrap_or_default()
}

/// What is not known after an answer that did not come.
fn unknown(error: &HttpError) -> String {
    match (error.effect(), error.status()) {
        (_, Some(status)) => format!(" (HTTP {status})"),
        (Effect::Unknown, None) => String::new(),
        _ => when(error.wait()),
    }
}

fn mends(error: &HttpError, giver: Option<&Giver>) -> Option<String> {
    match (error.class(), giver) {
        (ErrorClass::Auth, Some(Giver::Connection(label))) => Some(format!(
            "`coregit connections test {label}` tells why; `coregit connections update {label} --token-stdin` gives it another token"
        )),
        (ErrorClass::Auth, Some(Giver::Address)) => {
            Some("check the user name and the password in the address".to_owned())
        }
        (ErrorClass::Auth, _) => Some("check the user name, and the password or token".to_owned()),
        (ErrorClass::NotFound, None) => {
            Some("check the address; without a login, private repositories are not found either".to_owned())
        }
        (ErrorClass::NotFound, _) => {
            Some("check the address, and whether the token may read this repository".to_owned())
        }
        (ErrorClass::TooLarge, _) => Some(
            "push fewer commits at a time, or have the host's limit raised (nginx: client_max_body_size)"
                .to_owned(),
        ),
        (ErrorClass::Transient, _) => Some("try again later".to_owned()),
        _ => None,
    }
}

/// A push whose report did not come.
pub fn maybe_moved(trouble: Trouble) -> Trouble {
    Trouble::new(format!("{trouble}; whether the refs moved is not known"))
        .hint("`git fetch` tells; pushing again does no harm")
}

/// A redirect that is not followed.
pub fn not_followed(from: &str, to: &str) -> Trouble {
    let (from, to) = (shown(from), shown(to));
    Trouble::new(format!("unable to access '{from}/': the host points to '{to}', which is not followed"))
        .hint("a token stays with its host; if that is the repository, use its address: `git remote set-url`")
}

/// A host asks, in the middle of a talk, for a login that is not known here.
pub fn no_scheme(url: &str) -> Trouble {
    Trouble::new(format!(
        "Authentication failed for '{}/': the host asks for another kind of login",
        shown(url)
    ))
}

/// A web page where git's protocol was expected.
pub fn web_page(url: &str) -> Trouble {
    Trouble::new(format!("unable to access '{}/': a web page came instead of git's protocol", shown(url))).hint(
        "a login portal or a proxy may stand between; open the address in a browser, check it and http.proxy",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(class: ErrorClass, giver: Option<&Giver>) -> String {
        let error = HttpError::new(class, Effect::Refused, "no").with_wait(Duration::from_secs(7));
        of(&error, "https://u:canary@h/x", giver).lines()
    }

    #[test]
    fn each_class_says_what_happened_and_what_to_do() {
        let connection = Giver::Connection("work".to_owned());
        for (class, giver, words) in [
            (ErrorClass::Auth, Some(&connection), "coregit connections update work --token-stdin"),
            (ErrorClass::Auth, None, "Authentication failed for 'https://…@h/x/'"),
            (ErrorClass::NotFound, None, "not found, or you have no access"),
            (ErrorClass::TooLarge, None, "client_max_body_size"),
            (ErrorClass::Rate, None, "try again in 7 s"),
            (ErrorClass::Transient, None, "try again later"),
        ] {
            let told = told(class, giver);
            assert!(told.contains(words) && !told.contains("canary"), "{told}");
        }
    }
}
