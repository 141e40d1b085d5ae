//! What went wrong with a request: a class, a sentence, and what is known of its effect.

use std::time::Duration;

use coregit_model::{ErrorClass, Timestamp, printable};

/// Whether a request that failed can have changed something at the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was sent, or not enough of it to be a request.
    NotSent,
    /// It was sent and no usable answer came.
    Unknown,
    /// The host answered that it did not do it.
    Refused,
}

/// A request that did not succeed.
///
/// Its text is one plain sentence, printable and without secrets: the host's own words where it gave any.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", parts.message)]
pub struct HttpError {
    parts: Box<Parts>,
}

/// Boxed: an error travels up through many results that are mostly fine.
#[derive(Clone, Debug)]
struct Parts {
    class: ErrorClass,
    status: Option<u16>,
    message: String,
    request_id: Option<String>,
    wait: Option<Duration>,
    effect: Effect,
    hint: Option<String>,
    location: Option<String>,
    host_time: Option<Timestamp>,
    final_for_now: bool,
}

const LONGEST_MESSAGE: usize = 1000;

impl HttpError {
    /// An error without an answer behind it. The message is made printable and cut at 1,000 characters.
    pub fn new(class: ErrorClass, effect: Effect, message: impl AsRef<str>) -> Self {
        let message = bounded(message.as_ref());
        Self {
            parts: Box::new(Parts {
                class,
                status: None,
                message,
                request_id: None,
                wait: None,
                effect,
                hint: None,
                location: None,
                host_time: None,
                final_for_now: false,
            }),
        }
    }

    /// An answer that came and made no sense.
    pub fn invalid(message: impl AsRef<str>) -> Self {
        Self::new(ErrorClass::Invalid, Effect::Unknown, message)
    }

    /// A request that makes no sense, found before anything was sent.
    pub fn unsent(message: impl AsRef<str>) -> Self {
        Self::new(ErrorClass::Invalid, Effect::NotSent, message)
    }

    /// The kind of trouble.
    pub fn class(&self) -> ErrorClass {
        self.parts.class
    }

    /// The HTTP status, when an answer came.
    pub fn status(&self) -> Option<u16> {
        self.parts.status
    }

    /// The host's own text, or our sentence where it gave none; printable and bounded.
    pub fn message(&self) -> &str {
        &self.parts.message
    }

    /// The host's name for the request, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.parts.request_id.as_deref()
    }

    /// How long to wait before the next try, from the host's headers or our own budget.
    pub fn wait(&self) -> Option<Duration> {
        self.parts.wait
    }

    /// Whether the request may have taken effect.
    pub fn effect(&self) -> Effect {
        self.parts.effect
    }

    /// What mends it, where that is known here.
    pub fn hint(&self) -> Option<&str> {
        self.parts.hint.as_deref()
    }

    /// For [`ErrorClass::Moved`]: the whole address that the host points to. Nothing was sent there.
    pub fn location(&self) -> Option<&str> {
        self.parts.location.as_deref()
    }

    /// The host's clock when it refused, where it told.
    pub fn host_time(&self) -> Option<Timestamp> {
        self.parts.host_time
    }

    /// Whether the same request may succeed later with nobody doing anything.
    pub fn try_again(&self) -> bool {
        self.class().try_again()
    }

    /// The same error in another class.
    pub fn with_class(mut self, class: ErrorClass) -> Self {
        self.parts.class = class;
        self
    }

    /// The same error with another effect.
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.parts.effect = effect;
        self
    }

    /// The same error with other words; made printable and bounded as by [`HttpError::new`].
    pub fn with_message(mut self, message: impl AsRef<str>) -> Self {
        self.parts.message = bounded(message.as_ref());
        self
    }

    /// The same error with what mends it.
    pub fn with_hint(mut self, hint: impl AsRef<str>) -> Self {
        self.parts.hint = Some(bounded(hint.as_ref()));
        self
    }

    /// The same error with a wait.
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.parts.wait = Some(wait);
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.parts.status = Some(status);
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.parts.request_id = id;
        self
    }

    /// The same error, not to be tried again by this call although it may pass later.
    pub(crate) fn final_for_now(mut self) -> Self {
        self.parts.final_for_now = true;
        self
    }

    pub(crate) fn is_final_for_now(&self) -> bool {
        self.parts.final_for_now
    }

    pub(crate) fn with_host_time(mut self, time: Option<Timestamp>) -> Self {
        self.parts.host_time = time;
        self
    }

    pub(crate) fn with_location(mut self, location: Option<String>) -> Self {
        self.parts.location = location;
        self
    }
}

fn bounded(text: &str) -> String {
    let short: String = text.trim().chars().take(LONGEST_MESSAGE).collect();
    printable(&short)
}
