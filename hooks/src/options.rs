//! Push options: `coregit.sync=wait|skip` and `coregit.only=LABEL`. None changes a security setting;
//! those that are not ours are passed over.

use coregit_check::escaped;
use coregit_spool::Wanted;

/// What the pusher asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// What to do about the syncs.
    pub(crate) sync: Wanted,
    /// The syncs that were named; `None`: all. A name that no sync has is left out, so that a slip of the
    /// pen sends nothing where it was not meant to go.
    pub(crate) only: Option<Vec<String>>,
    /// What was asked for and cannot be, one line each.
    pub(crate) warnings: Vec<String>,
}

/// The options that git put into the environment.
pub(crate) fn of_environment() -> impl Iterator<Item = Vec<u8>> {
    let count = std::env::var("GIT_PUSH_OPTION_COUNT").ok().and_then(|c| c.parse().ok()).unwrap_or(0);
    (0..count).map_while(|n: u32| {
        let value = std::env::var_os(format!("GIT_PUSH_OPTION_{n}"))?;
        Some(value.into_encoded_bytes())
    })
}

impl Options {
    /// Reads options; `labels` are those of the repository's syncs, `None` when they are not known.
    pub(crate) fn parse(options: impl Iterator<Item = Vec<u8>>, labels: Option<&[String]>) -> Self {
        let mut read = Self::default();
        for option in options {
            if let Some(value) = option.strip_prefix(b"coregit.sync=") {
                read.sync(value);
            } else if let Some(value) = option.strip_prefix(b"coregit.only=") {
                read.only(value, labels);
            }
        }
        read
    }

    fn sync(&mut self, value: &[u8]) {
        match value {
            b"wait" => self.sync = Wanted::Wait,
            b"skip" => self.sync = Wanted::Skip,
            other => {
                self.warn(format!("coregit.sync={} is neither wait nor skip; passed over", escaped(other)))
            }
        }
    }

    fn only(&mut self, value: &[u8], labels: Option<&[String]>) {
        let value = String::from_utf8_lossy(value);
        let is_known = |label: &str| labels.is_none_or(|known| known.iter().any(|k| k == label));
        // A label may hold a comma; then the whole is one.
        let named: Vec<&str> = if labels.is_some() && is_known(&value) {
            vec![&value]
        } else {
            value.split(',').map(str::trim).filter(|l| !l.is_empty()).collect()
        };
        let only = self.only.get_or_insert_default();
        only.extend(named.iter().filter(|l| is_known(l)).map(|l| (*l).to_owned()));
        let unknown = named.iter().find(|l| !is_known(l)).copied();
        if let Some(unknown) = unknown.or(named.is_empty().then_some("")) {
            let known = labels.filter(|l| !l.is_empty()).map_or("none".to_owned(), |l| l.join(", "));
            let (unknown, known) = (escaped(unknown.as_bytes()), coregit_model::printable(&known));
            self.warn(format!("coregit.only: no sync here is called \"{unknown}\" (there are: {known})"));
        }
    }

    /// One line is enough for ten thousand options.
    fn warn(&mut self, line: String) {
        if self.warnings.is_empty() {
            self.warnings.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[&str]) -> Options {
        let labels = ["github".to_owned(), "git lab".to_owned(), "a,b".to_owned()];
        Options::parse(options.iter().map(|o| o.as_bytes().to_vec()), Some(&labels))
    }

    #[test]
    fn options_of_others_are_passed_over() {
        for options in
            [&[][..], &["ci.skip"], &["coregit.skip", "x=$(id)", "coregit", "coregit.syncs=wait", ""]]
        {
            assert_eq!(parse(options), Options::default());
        }
    }

    #[test]
    fn syncs_are_waited_for_skipped_and_chosen() {
        assert_eq!(parse(&["coregit.sync=wait"]).sync, Wanted::Wait);
        assert_eq!(parse(&["coregit.sync=wait", "coregit.sync=skip"]).sync, Wanted::Skip);
        let only = |options: &[&str]| parse(options).only.unwrap();
        assert_eq!(only(&["coregit.only=github"]), ["github"]);
        assert_eq!(only(&["coregit.only=github", "coregit.only=git lab"]), ["github", "git lab"]);
        assert_eq!(only(&["coregit.only=github, git lab"]), ["github", "git lab"]);
        assert_eq!(only(&["coregit.only=a,b"]), ["a,b"]);
    }

    #[test]
    fn a_wrong_value_is_one_warning_and_starts_nothing_that_was_not_meant() {
        let wrong = parse(&["coregit.sync=later", "coregit.sync=\x1b"]);
        assert_eq!((wrong.sync, wrong.warnings.len()), (Wanted::Run, 1));
        let wrong = parse(&["coregit.only=githup"]);
        assert_eq!((wrong.only, wrong.warnings.len()), (Some(Vec::new()), 1));
        assert_eq!(parse(&["coregit.only="]).warnings.len(), 1);
        let unknown = Options::parse([b"coregit.only=x".to_vec()].into_iter(), None);
        assert_eq!((unknown.only, unknown.warnings.len()), (Some(vec!["x".to_owned()]), 0));
    }
}
