//! Blobs: what trees cannot carry along, in parallel; and reading them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coregit_http::{Cost, Effect, HttpError, Request, Retry};
use coregit_model::{ErrorClass, ObjectFormat, Oid, RemoteRepo};
use futures_util::stream::{StreamExt, TryStreamExt, iter};
use serde::Deserialize;

use super::{Github, oid_of, same};

/// So many at a time (`design/sync.md`, "Export, snapshot", 5).
const IN_FLIGHT: usize = 20;
/// Bodies over about 50 MB fail with anything from 4xx to 5xx, so larger blobs go by git long before
/// (`facts/providers.md`, 2.4).
const LARGEST: usize = 20 << 20;

impl Github {
    pub(crate) async fn put_blobs(
        &self,
        remote: &RemoteRepo,
        mut blobs: Vec<(Oid, Vec<u8>)>,
    ) -> Result<(), HttpError> {
        blobs.sort_unstable_by_key(|(oid, _)| *oid);
        blobs.dedup_by_key(|(oid, _)| *oid);
        if let Some((oid, raw)) = blobs.iter().find(|(_, raw)| raw.len() > LARGEST) {
            let text = format!("the blob {oid} has {} bytes; the API takes {LARGEST}", raw.len());
            return Err(HttpError::new(ErrorClass::TooLarge, Effect::NotSent, text));
        }
        let puts = blobs.into_iter().map(|(oid, raw)| self.put_blob(remote, oid, raw));
        iter(puts).buffer_unordered(IN_FLIGHT).try_collect().await
    }

    async fn put_blob(&self, remote: &RemoteRepo, oid: Oid, raw: Vec<u8>) -> Result<(), HttpError> {
        #[derive(Deserialize)]
        struct Answer {
            sha: String,
        }
        let url = self.repo_url(remote, "/git/blobs")?;
        let body = format!(r#"{{"content":"{}","encoding":"base64"}}"#, STANDARD.encode(&raw));
        drop(raw);
        let body = bytes::Bytes::from(body);
        let request = || {
            let typed = Request::post(&url).header("content-type", "application/json");
            typed.bytes(body.clone()).cost(Cost::CONTENT).retry(Retry::Idempotent)
        };
        let answer: Answer = self.call(Some(remote), request).await?.json()?;
        same("blob", oid_of(&answer.sha)?, Some(&oid)).map(drop)
    }

    pub(crate) async fn blob(&self, remote: &RemoteRepo, oid: &Oid) -> Result<Vec<u8>, HttpError> {
        #[derive(Deserialize)]
        struct Answer {
            content: String,
            encoding: String,
        }
        let url = self.repo_url(remote, &format!("/git/blobs/{oid}"))?;
        let answer: Answer = self.call(Some(remote), || Request::get(&url)).await?.json()?;
        let raw = match answer.encoding.as_str() {
            "base64" => {
                let packed: String = answer.content.split_ascii_whitespace().collect();
                STANDARD
                    .decode(packed)
                    .map_err(|_| HttpError::invalid("the host answered malformed base64"))?
            }
            "utf-8" => answer.content.into_bytes(),
            _ => return Err(HttpError::invalid("the host left out the content of a blob")),
        };
        same("blob", blob_oid(oid.format(), &raw), Some(oid))?;
        Ok(raw)
    }
}

/// The oid of a blob with these bytes.
pub(super) fn blob_oid(format: ObjectFormat, raw: &[u8]) -> Oid {
    use ring::digest;
    let algorithm = match format {
        ObjectFormat::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        ObjectFormat::Sha256 => &digest::SHA256,
    };
    let mut context = digest::Context::new(algorithm);
    context.update(format!("blob {}\0", raw.len()).as_bytes());
    context.update(raw);
    Oid::from_bytes(context.finish().as_ref()).expect("both digests have the length of an oid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_named_as_git_names_them() {
        let empty = blob_oid(ObjectFormat::Sha1, b"");
        assert_eq!(empty.to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        let empty = blob_oid(ObjectFormat::Sha256, b"");
        assert_eq!(empty.to_string(), "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
    }
}
