//! Lists that come in pages, by the `Link` header: same origin only, and never in a circle.

use std::collections::HashSet;

use coregit_model::Origin;
use serde::de::DeserializeOwned;

use crate::{Client, Head, HttpError, Request};

/// The address of the next page, when the answer names one.
pub fn next_link(head: &Head) -> Option<&str> {
    head.header("link")?.split(',').find_map(|link| {
        let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        next.then_some(url)
    })
}

impl Client {
    /// All items of a list whose pages are JSON arrays, `most` items at most.
    pub async fn list<T: DeserializeOwned>(&self, first: Request, most: usize) -> Result<Vec<T>, HttpError> {
        let mut seen = HashSet::new();
        let mut items = Vec::new();
        let mut page = first;
        loop {
            seen.insert(page.url.clone());
            let again = page.copy();
            let url = page.url.clone();
            let reply = self.call(page).await?;
            items.extend(reply.json::<Vec<T>>()?);
            let Some(next) = next_link(&reply.head).filter(|_| items.len() < most) else {
                items.truncate(most);
                return Ok(items);
            };
            check_next(&url, next, &seen)?;
            let Some(again) = again else { return Ok(items) };
            page = Request { url: next.to_owned(), ..again };
        }
    }
}

fn check_next(here: &str, next: &str, seen: &HashSet<String>) -> Result<(), HttpError> {
    let origin =
        |url: &str| Origin::parse(url.split('?').next().unwrap_or("")).ok().map(|(origin, _)| origin);
    if origin(next).is_none() || origin(next) != origin(here) {
        return Err(HttpError::invalid("the next page of a list lies at another host; it was not asked for"));
    }
    match seen.contains(next) {
        true => Err(HttpError::invalid("the pages of a list lead in a circle")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let link = r#"<https://h/a?page=1>; rel="prev", <https://h/a?page=3>; rel="next""#;
        let headers: HeaderMap =
            [(reqwest::header::LINK, HeaderValue::from_static(link))].into_iter().collect();
        assert_eq!(next_link(&Head { status: 200, headers }), Some("https://h/a?page=3"));
    }

    #[test]
    fn pages_at_other_hosts_or_in_a_circle_are_refused() {
        let seen = HashSet::from(["https://h/a?page=1".to_owned()]);
        assert!(check_next("https://h/a", "https://h/a?page=2", &seen).is_ok());
        for bad in [
            "https://h.evil/a?page=2",
            "http://h/a",
            "https://h:444/a",
            "/a",
            "https://u@h/a",
            "https://h/a?page=1",
        ] {
            assert!(check_next("https://h/a", bad, &seen).is_err(), "{bad}");
        }
    }
}
