//! Points in time, in whole milliseconds since 1970, shown as RFC 3339 UTC in whole seconds.

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The clock of this machine.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(since.map(|d| d.as_millis() as i64).unwrap_or(0))
    }

    /// From milliseconds since the epoch, as the records keep them.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// This time and `seconds` later (or earlier).
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Reads RFC 3339, and the two forms of GitHub's token expiry header: `2026-11-20 11:22:33 UTC`
    /// and `2026-11-20 11:22:33 -0700` (`facts/providers.md`, 2.2).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let at = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let spelled = text.strip_suffix(" UTC").map(|t| format!("{t} +0000"));
            let spelled = spelled.as_deref().unwrap_or(text);
            jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", spelled).ok()?.to_timestamp().ok()
        })?;
        Some(Self(at.as_millisecond()))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = jiff::Timestamp::from_second(self.0.div_euclid(1000)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn times_are_rfc_3339_in_whole_seconds() {
        let t = Timestamp::from_millis(1_775_390_400_999);
        assert_eq!(t.to_string(), "2026-04-05T12:00:00Z");
        assert_eq!(Timestamp::parse("2026-04-05T12:00:00Z"), Some(Timestamp::from_millis(1_775_390_400_000)));
    }

    #[test]
    fn both_forms_of_githubs_expiry_are_read() {
        let utc = Timestamp::parse("2026-11-20 11:22:33 UTC").unwrap();
        assert_eq!(Timestamp::parse("2026-11-20 04:22:33 -0700"), Some(utc));
        assert_eq!(Timestamp::parse("soon"), None);
    }
}
