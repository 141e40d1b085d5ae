//! Takes tokens out of text that came from elsewhere.

use std::borrow::Cow;

use crate::Credential;

/// The marks that GitHub's and GitLab's tokens begin with (`facts/providers.md`, 2.3).
const MARKS: [&str; 8] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-"];

/// The text without anything that looks like a provider's token; `…` stands in its place.
pub fn redact(text: &str) -> Cow<'_, str> {
    if !MARKS.iter().any(|mark| text.contains(mark)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, mark)) = first_mark(rest) {
        let body = &rest[at + mark.len()..];
        let long =
            body.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(body.len());
        out.push_str(&rest[..at + mark.len()]);
        out.push_str(if long >= 6 { "…" } else { &body[..long] });
        rest = &body[long..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn first_mark(text: &str) -> Option<(usize, &'static str)> {
    MARKS.iter().filter_map(|mark| Some((text.find(mark)?, *mark))).min()
}

/// The same, and without this credential in any form that it was sent in.
pub(crate) fn redact_with(text: &str, credential: Option<&Credential>) -> String {
    let mut text = text.to_owned();
    for form in credential.map(Credential::forms).unwrap_or_default() {
        if form.len() >= 4 && text.contains(&form) {
            text = text.replace(&form, "…");
        }
    }
    redact(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use coregit_model::Secret;

    use super::*;

    #[test]
    fn whatever_looks_like_a_token_goes() {
        let text = "use ghp_abcdefghijklmnop012345 or github_pat_11ABC_xyz012345 now, ghs_1_eyJ.aa.bb-cc";
        assert_eq!(redact(text), "use ghp_… or github_pat_… now, ghs_…");
        assert_eq!(redact("ghp_ is the mark of a token"), "ghp_ is the mark of a token");
    }

    #[test]
    fn an_echoed_token_goes_in_each_form() {
        let credential = Credential::basic("x", Secret::new("opaque-canary".into()), &[]);
        let echoed = format!("{} / {}", credential.forms().join(" "), "fine");
        assert_eq!(redact_with(&echoed, Some(&credential)), "… … … / fine");
    }
}
