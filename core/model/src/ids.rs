//! Opaque, prefixed ids that sort by the time they were made.

use crate::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 9 characters of time (milliseconds) and 13 of randomness, in Crockford's base 32.
pub(crate) fn random_tail() -> String {
    let mut random = [0u8; 13];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    let millis = Timestamp::now().as_millis() as u64;
    let time = (0..9).rev().map(|i| ALPHABET[(millis >> (5 * i)) as usize & 31] as char);
    time.chain(random.iter().map(|b| ALPHABET[(b & 31) as usize] as char)).collect()
}

macro_rules! id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new id, unlike any other.
            pub fn random() -> Self {
                Self(format!("{}{}", $prefix, $crate::ids::random_tail()))
            }

            /// An id that was written down earlier; `None` when it does not have the form of one.
            pub fn parse(text: &str) -> Option<Self> {
                let tail = text.strip_prefix($prefix)?;
                let fits = !tail.is_empty() && tail.len() <= 64;
                (fits && tail.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| Self(text.to_owned()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use id;

id!(RepoId, "repo_", "A repository of ours.");
id!(SyncId, "sync_", "A sync config.");
id!(RunId, "run_", "A sync run.");
id!(TriggerId, "trig_", "A reason to run.");
id!(EventId, "ev_", "What one push told: a file in the spool.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unlike_and_parse_back() {
        let (a, b) = (RunId::random(), RunId::random());
        assert_ne!(a, b);
        assert_eq!(RunId::parse(a.as_str()), Some(a));
        assert_eq!(RunId::parse("run_../x"), None);
        assert_eq!(RunId::parse("sync_1"), None);
    }
}
