//! What a user is told when it does not work: one sentence, and what mends it.

use std::io::Write;

use coregit_http::HttpError;
use coregit_model::printable;

/// Why the helper ends without having done what git asked.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// git itself is gone: there is nobody to tell.
    #[error("git ended the talk")]
    GitIsGone,
    /// What happened, printable and without secrets.
    #[error("{sentence}")]
    Told {
        /// One sentence.
        sentence: String,
        /// What mends it.
        hint: Option<String>,
    },
    /// A request that a host did not answer as hoped; put into words where the address is known.
    #[error("{0}")]
    Http(#[from] HttpError),
}

impl Trouble {
    /// Trouble in these words; they are made printable.
    pub fn new(sentence: impl AsRef<str>) -> Self {
        Trouble::Told { sentence: printable(sentence.as_ref()), hint: None }
    }

    /// The same trouble with what mends it.
    pub fn hint(self, text: impl AsRef<str>) -> Self {
        match self {
            Trouble::Told { sentence, .. } => {
                Trouble::Told { sentence, hint: Some(printable(text.as_ref())) }
            }
            other => other,
        }
    }

    /// Trouble with one of our own pipes or files. A closed pipe to git means that git is gone.
    pub fn io(what: &str, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Trouble::GitIsGone,
            _ => Trouble::new(format!("{what}: {error}")),
        }
    }

    /// The lines for standard error, as git writes its own; nothing when there is nobody to tell.
    pub fn lines(&self) -> String {
        let (sentence, hint) = match self {
            Trouble::GitIsGone => return String::new(),
            Trouble::Told { sentence, hint } => (sentence.clone(), hint.clone()),
            Trouble::Http(error) => (error.to_string(), error.hint().map(str::to_owned)),
        };
        let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        format!("fatal: {sentence}\n{hint}")
    }
}

/// A line for the user, who may have closed standard error.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", printable(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_elsewhere_cannot_steer_a_terminal() {
        let lines = Trouble::new("\x1b]0;owned\x07").hint("a\nb").lines();
        assert_eq!(lines, "fatal: \\x1b]0;owned\\x07\nhint: a\\x0ab\n");
        assert_eq!(Trouble::GitIsGone.lines(), "");
    }
}
