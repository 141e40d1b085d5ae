//! Pages of a list: `per_page`, `page` and the `Link` header.

use serde_json::Value;

use super::super::reply::{Reply, reply};
use super::call::Call;

impl Call {
    /// The page asked for, with links to its neighbours.
    pub(super) fn page(&self, all: Vec<Value>) -> Reply {
        self.page_of(&all, Value::clone)
    }

    /// The same of things that are turned into JSON one by one.
    pub(super) fn page_of<T>(&self, all: &[T], show: impl Fn(&T) -> Value) -> Reply {
        let number = |name| self.asked(name).and_then(|v| v.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(30).clamp(1, 100);
        let page = number("page").unwrap_or(1).max(1);
        let last = all.len().div_ceil(size).max(1);
        let shown: Vec<Value> = all.iter().skip((page - 1) * size).take(size).map(show).collect();
        let answer = reply(200, Value::Array(shown));
        let mut links = Vec::new();
        if page > 1 {
            links.extend([self.link(page - 1, "prev"), self.link(1, "first")]);
        }
        if page < last {
            links.extend([self.link(page + 1, "next"), self.link(last, "last")]);
        }
        if links.is_empty() { answer } else { answer.header("link", links.join(", ")) }
    }

    fn link(&self, page: usize, relation: &str) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let kept = query.split('&').filter(|p| !p.is_empty() && !p.starts_with("page="));
        let mut query: Vec<String> = kept.map(str::to_owned).collect();
        query.push(format!("page={page}"));
        format!("<{}{path}?{}>; rel=\"{relation}\"", self.shared.url, query.join("&"))
    }
}
