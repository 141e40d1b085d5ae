//! A value that must not print.

use zeroize::Zeroizing;

/// A token, password or key: its `Debug` lies, it has no `Display` and no `Serialize`, and its
/// memory is wiped when it goes. Taking the value out is the visible word [`Secret::expose`].
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Never put what this returns into argv, an environment, a URL or a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Why this cannot be a token that a provider issued, if so: tokens are opaque printable ASCII
    /// of at most 4 KiB (`facts/providers.md`, 1.4).
    pub fn token_flaw(&self) -> Option<&'static str> {
        match self.expose() {
            "" => Some("it is empty"),
            t if t.len() > 4096 => Some("it is longer than 4096 characters"),
            t if !t.bytes().all(|b| b.is_ascii_graphic()) => {
                Some("it holds a space, a line break or another character that no token has")
            }
            _ => None,
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("ghp_canary".into())), "Secret(…)");
    }

    #[test]
    fn tokens_are_opaque_but_printable() {
        assert_eq!(Secret::new(format!("ghs_1_{}", "a.b_".repeat(130))).token_flaw(), None);
        for bad in ["", "a b", "a\nb", "a\0", "é", &"x".repeat(4097)] {
            assert!(Secret::new(bad.into()).token_flaw().is_some());
        }
    }
}
