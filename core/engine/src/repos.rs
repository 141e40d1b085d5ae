//! Repositories of ours: adopt, create, list, forget.

use std::path::Path;

use coregit_git::Repo as GitRepo;
use coregit_model::{BranchName, Repo, RepoId, RepoSlug, Timestamp};

use crate::{Engine, Error};

impl Engine {
    /// Creates `HOME/repos/<slug>.git` with hooks, or adopts the bare repository at `path` as it is.
    ///
    /// Refused: a slug or path that is known already, and a repository that this version cannot read
    /// (not bare, reftable), with the reason.
    pub async fn create_repo(&self, slug: &str, path: Option<&Path>) -> Result<Repo, Error> {
        let slug = RepoSlug::parse(slug).map_err(|e| Error::usage(e.to_string()))?;
        if self.store.repo(&slug).await?.is_some() {
            return Err(Error::new(
                crate::ErrorKind::Conflict,
                format!("there is a repository {slug} already"),
            )
            .hint(format!("`coregit repos show {slug}` shows it")));
        }
        let repo = match path {
            Some(path) => self.adopt(slug, path).await?,
            None => self.create_bare(slug)?,
        };
        self.store.insert_repo(&repo).await?;
        if repo.created_here {
            self.install_hooks(&repo, crate::hooks::Shared::No).await?;
        }
        Ok(repo)
    }

    async fn adopt(&self, slug: RepoSlug, path: &Path) -> Result<Repo, Error> {
        let path = path.canonicalize().map_err(|e| {
            Error::usage(format!("{} is no folder that can be read: {e}", path.display()))
                .hint("--path takes the folder of a bare repository, such as /srv/git/app.git")
        })?;
        if let Some(known) = self.store.repo_by_path(&path).await? {
            let sentence = format!("{} is known as {} already", path.display(), known.slug);
            return Err(Error::new(crate::ErrorKind::Conflict, sentence));
        }
        let report = GitRepo::inspect(&path)?;
        if let Some(flaw) = report.flaw() {
            return Err(Error::usage(format!("{} cannot be adopted: {flaw}", path.display())));
        }
        let default_branch = GitRepo::open(&path)?.head_branch().unwrap_or_else(main_branch);
        Ok(Repo {
            id: RepoId::random(),
            slug,
            path,
            created_here: false,
            default_branch,
            created_at: Timestamp::now(),
        })
    }

    fn create_bare(&self, slug: RepoSlug) -> Result<Repo, Error> {
        let path = self.home.repo_dir(&slug);
        if path.exists() {
            return Err(Error::failed(format!("{} exists already", path.display()))
                .hint(format!("adopt it with `coregit repos create {slug} --path {}`", path.display())));
        }
        GitRepo::create_bare(&path, &main_branch())?;
        Ok(Repo {
            id: RepoId::random(),
            slug,
            path,
            created_here: true,
            default_branch: main_branch(),
            created_at: Timestamp::now(),
        })
    }

    /// All repositories, in order of slug.
    pub async fn repos(&self) -> Result<Vec<Repo>, Error> {
        Ok(self.store.repos().await?)
    }

    /// A repository by slug or path.
    pub async fn repo(&self, slug_or_path: &str) -> Result<Repo, Error> {
        if let Ok(slug) = RepoSlug::parse(slug_or_path)
            && let Some(repo) = self.store.repo(&slug).await?
        {
            return Ok(repo);
        }
        if let Ok(path) = Path::new(slug_or_path).canonicalize()
            && let Some(repo) = self.store.repo_by_path(&path).await?
        {
            return Ok(repo);
        }
        Err(Error::not_found(format!("no repository is called {:?}", coregit_model::printable(slug_or_path)))
            .hint("`coregit repos list` shows all; `coregit repos create NAME --path DIR` adopts one"))
    }

    /// Forgets a repository with its syncs and takes its hooks out; `purge` removes its files too, which is
    /// refused where coregit did not create them.
    pub async fn delete_repo(&self, repo: &Repo, purge: bool) -> Result<(), Error> {
        if purge && !repo.created_here {
            return Err(Error::refused(format!("{} was not created by coregit", repo.path.display()))
                .hint("delete it without --purge, then remove the folder yourself"));
        }
        if repo.path.exists() {
            self.uninstall_hooks(repo).await?;
        }
        self.store.delete_repo(&repo.id).await?;
        let ours = [Some(self.home.shadow_dir(&repo.id)), purge.then(|| repo.path.clone())];
        for dir in ours.into_iter().flatten().filter(|d| d.exists()) {
            std::fs::remove_dir_all(&dir)
                .map_err(|e| Error::failed(format!("{} cannot be removed: {e}", dir.display())))?;
        }
        Ok(())
    }
}

fn main_branch() -> BranchName {
    BranchName::parse("main").expect("a constant name")
}
