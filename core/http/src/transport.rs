//! What a failed connection or a broken answer means, in one plain sentence each.

use std::error::Error as StdError;
use std::time::Duration;

use coregit_model::{ErrorClass, Origin};

use crate::connect::{OutOfReach, Unresolved};
use crate::{Effect, HttpError};

/// Nothing moved for too long; whatever was sent may have taken effect.
pub(crate) fn silent(host: &str, idle: Duration) -> HttpError {
    let text = format!("{host} was silent for {} s", idle.as_secs());
    HttpError::new(ErrorClass::Transient, Effect::Unknown, text)
}

/// An answer that broke off.
pub(crate) fn broken_body(host: &str, error: &reqwest::Error) -> HttpError {
    let text = match find::<std::io::Error>(error).map(std::io::Error::kind) {
        Some(std::io::ErrorKind::UnexpectedEof) | None => format!("the answer of {host} broke off"),
        Some(kind) => format!("the answer of {host} broke off: {kind}"),
    };
    HttpError::new(ErrorClass::Transient, Effect::Unknown, text)
}

/// A request without an answer.
pub(crate) fn failed(origin: &Origin, error: &reqwest::Error) -> HttpError {
    if error.is_connect() || error.is_builder() {
        return not_connected(origin, error);
    }
    let host = origin.host();
    let why = match find::<std::io::Error>(error) {
        Some(io) if local(io) => {
            let text = format!("the request to {host} could not be made: {io}");
            return HttpError::new(ErrorClass::Invalid, Effect::Unknown, text);
        }
        Some(io) => format!("the connection to {host} was lost: {}", io.kind()),
        None => format!("{host} closed the connection without an answer"),
    };
    HttpError::new(ErrorClass::Transient, Effect::Unknown, why)
}

/// Whether our own body failed, and not the network.
fn local(io: &std::io::Error) -> bool {
    matches!(io.kind(), std::io::ErrorKind::Other | std::io::ErrorKind::InvalidData)
        && io.raw_os_error().is_none()
}

fn not_connected(origin: &Origin, error: &reqwest::Error) -> HttpError {
    let host = origin.host();
    let unsent = |class, text: String| HttpError::new(class, Effect::NotSent, text);
    if let Some(flaw) = find::<OutOfReach>(error) {
        return unsent(ErrorClass::Invalid, flaw.to_string());
    }
    if let Some(flaw) = find::<Unresolved>(error) {
        let error = unsent(ErrorClass::Transient, flaw.to_string());
        return if flaw.for_good { error.final_for_now() } else { error };
    }
    if let Some(flaw) = find::<rustls::Error>(error) {
        return tls_failed(host, flaw);
    }
    if error.is_timeout() {
        return unsent(ErrorClass::Transient, format!("{host} port {} does not answer", origin.port()));
    }
    let text = match find::<std::io::Error>(error).map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => {
            format!("{host} refuses connections on port {}", origin.port())
        }
        Some(kind) => format!("no connection to {host} port {}: {kind}", origin.port()),
        None => format!("no connection to {host} port {}: {}", origin.port(), innermost(error)),
    };
    unsent(ErrorClass::Transient, text)
}

fn tls_failed(host: &str, flaw: &rustls::Error) -> HttpError {
    use rustls::CertificateError as Cert;
    let (text, hint) = match flaw {
        rustls::Error::InvalidCertificate(Cert::UnknownIssuer) => (
            format!("the certificate of {host} is not signed by an authority that this machine trusts"),
            "give the authority's file: `--ca-file`, or `http.ca_file` in the settings",
        ),
        rustls::Error::InvalidCertificate(Cert::Expired | Cert::ExpiredContext { .. }) => (
            format!("the certificate of {host} has expired"),
            "check this machine's clock; else its owner must renew it",
        ),
        rustls::Error::InvalidCertificate(Cert::NotValidForName | Cert::NotValidForNameContext { .. }) => (
            format!("the certificate that came is not for {host}"),
            "check the address; a proxy or a login portal may stand between",
        ),
        other => (format!("no secure connection to {host}: {other}"), "TLS 1.2 or 1.3 is needed"),
    };
    HttpError::new(ErrorClass::Invalid, Effect::NotSent, text).with_hint(hint)
}

/// The first error of this type in a chain; `io::Error` hides what it wraps from `source`.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

fn innermost(error: &reqwest::Error) -> String {
    let mut deepest: &dyn StdError = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    deepest.to_string()
}
