//! `Accept-Language`, so that a host's messages come in the user's language as with git itself.

/// The header's value; `None` where the user has no language. `environment` reads a variable.
pub fn preferred(environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &&str| environment(name).filter(|v| !v.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set);
    let listed = set(&"LANGUAGE").or(locale)?;
    let tags: Vec<String> = listed.split(':').filter_map(tag).take(MOST).collect();
    (!tags.is_empty()).then(|| weighted(tags))
}

/// Longer lists say nothing more to a server.
const MOST: usize = 99;

/// `ko_KR.UTF-8` as `ko-KR`; the C locale is no language.
fn tag(locale: &str) -> Option<String> {
    let tag = locale.split(['.', '@']).next().unwrap_or("").replace('_', "-");
    let plain = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain && !matches!(tag.as_str(), "" | "C" | "POSIX")).then_some(tag)
}

/// Each tag weighs less than the one before it, and any other language least.
fn weighted(mut tags: Vec<String>) -> String {
    tags.push("*".to_owned());
    let (steps, digits) = if tags.len() <= 10 { (10, 1) } else { (100, 2) };
    let weigh = |(n, tag): (usize, &String)| match n {
        0 => tag.clone(),
        n => format!("{tag};q=0.{:0digits$}", steps - n),
    };
    tags.iter().enumerate().map(weigh).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(variables: &[(&str, &str)]) -> Option<String> {
        preferred(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn languages_come_in_the_users_order() {
        for (variables, value) in [
            (&[("LANGUAGE", "ko_KR.UTF-8")][..], Some("ko-KR, *;q=0.9")),
            (&[("LANGUAGE", "de@euro:en_US:C"), ("LANG", "fr")], Some("de, en-US;q=0.9, *;q=0.8")),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "fr_CA")], Some("fr-CA, *;q=0.9")),
            (&[("LANG", "C.UTF-8")], None),
            (&[("LANG", "x\r\ny")], None),
            (&[], None),
        ] {
            assert_eq!(header(variables).as_deref(), value, "{variables:?}");
        }
        let many: String = (0..12).map(|n| format!("l{n}:")).collect();
        assert!(header(&[("LANGUAGE", &many)]).unwrap().ends_with("l11;q=0.89, *;q=0.88"));
    }
}
