//! Where a provider's API and git URLs are (`facts/providers.md`, 2.1).

use coregit_model::{BranchName, Origin, OriginError, ProviderKind, RemoteRepo};

/// The addresses of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    git_origin: Origin,
    git_base: String,
    api_origin: Origin,
    rest: String,
    graphql: String,
}

impl Addresses {
    /// The addresses that belong to a base address; `None` is the public host.
    pub fn of(kind: ProviderKind, base: Option<&str>) -> Result<Self, OriginError> {
        match kind {
            ProviderKind::Github => Self::of_github(base.unwrap_or("https://github.com")),
        }
    }

    fn of_github(base: &str) -> Result<Self, OriginError> {
        let (git_origin, path) = Origin::parse(base)?;
        let (api, graphql) = match git_origin.to_string().as_str() {
            "https://github.com" => {
                ("https://api.github.com".to_owned(), "https://api.github.com/graphql".to_owned())
            }
            // Enterprise Cloud with data residency has its API beside it, like github.com.
            host if host.ends_with(".ghe.com") => {
                let api = format!("https://api.{}", git_origin.host());
                (api.clone(), format!("{api}/graphql"))
            }
            host => (format!("{host}{path}/api/v3"), format!("{host}{path}/api/graphql")),
        };
        let (api_origin, _) = Origin::parse(&api)?;
        Ok(Self { git_base: format!("{git_origin}{path}"), git_origin, api_origin, rest: api, graphql })
    }

    /// The origin of git URLs: what a connection's token is sealed for.
    pub fn git_origin(&self) -> &Origin {
        &self.git_origin
    }

    /// The origin of the API.
    pub fn api_origin(&self) -> &Origin {
        &self.api_origin
    }

    /// The origins that may see the token.
    pub fn origins(&self) -> [Origin; 2] {
        [self.git_origin.clone(), self.api_origin.clone()]
    }

    /// Where REST paths begin, without a slash at the end.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// Where GraphQL is.
    pub fn graphql(&self) -> &str {
        &self.graphql
    }

    /// The git URL of a repository.
    pub fn clone_url(&self, remote: &RemoteRepo) -> String {
        format!("{}/{remote}.git", self.git_base)
    }

    /// The page of a repository.
    pub fn web_url(&self, remote: &RemoteRepo) -> String {
        format!("{}/{remote}", self.git_base)
    }

    /// The page of a branch.
    pub fn branch_url(&self, remote: &RemoteRepo, branch: &BranchName) -> String {
        format!("{}/tree/{}", self.web_url(remote), crate::github::path_of(branch.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: Option<&str>) -> Addresses {
        Addresses::of(ProviderKind::Github, base).unwrap()
    }

    #[test]
    fn the_public_host_keeps_its_api_beside_it_and_others_below_them() {
        let remote = RemoteRepo::parse("octocat/app").unwrap();
        for base in [None, Some("https://github.com"), Some("https://GitHub.com/")] {
            let public = of(base);
            assert_eq!(public.rest(), "https://api.github.com");
            assert_eq!(public.graphql(), "https://api.github.com/graphql");
            assert_eq!(public.clone_url(&remote), "https://github.com/octocat/app.git");
        }
        let own = of(Some("http://127.0.0.1:8080/"));
        assert_eq!(own.rest(), "http://127.0.0.1:8080/api/v3");
        assert_eq!(own.graphql(), "http://127.0.0.1:8080/api/graphql");
        assert_eq!(own.clone_url(&remote), "http://127.0.0.1:8080/octocat/app.git");
        assert_eq!(own.git_origin(), own.api_origin());
        let residency = of(Some("https://octo.ghe.com"));
        assert_eq!(residency.rest(), "https://api.octo.ghe.com");
    }

    #[test]
    fn look_alikes_of_the_public_host_are_other_hosts() {
        for base in
            ["https://github.com.evil.example", "https://github.com:8443", "https://evil.example/github.com"]
        {
            assert!(!of(Some(base)).origins().contains(of(None).api_origin()), "{base}");
        }
        assert!(Addresses::of(ProviderKind::Github, Some("http://github.com")).is_err());
    }
}
