//! What gitolite owns of a repository's hooks, and where ours go beside it (`docs/gitolite.md`).

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::place::{Spot, is_ours};

/// Its rule for every ref, as it stands in `gitolite.conf`.
const RULE: &str = "-   VREF/coregit    =   @all";
/// What it calls the program that runs the hooks of its feature `repo-specific-hooks`.
const DRIVER: &str = "multi-hook-driver";

/// The gitolite that a repository stands under.
pub(super) struct Gitolite {
    /// `~/.gitolite`: its configuration, and the hooks that it links into every repository.
    admin_base: PathBuf,
    /// Where the administrator's own programs are; `None` where that is not known.
    local_code: Option<PathBuf>,
}

impl Gitolite {
    /// Looks at `hooks/update`: gitolite denies everything where that is not its own.
    pub fn over(hooks: &Path) -> Option<Self> {
        let update = std::fs::read_link(hooks.join("update")).ok()?;
        let admin_base = update.parent().filter(|dir| dir.ends_with("hooks/common"))?.parent()?.parent()?;
        std::fs::read_to_string(&update).ok().filter(|text| text.contains("Gitolite::"))?;
        let local_code = admin_base.parent().and_then(local_code);
        Some(Self { admin_base: admin_base.to_owned(), local_code })
    }

    /// Where our hook of this name goes in this repository.
    pub fn spot(&self, name: &'static str, hooks: &Path) -> Spot {
        let hook = hooks.join(name);
        if name == "update" {
            return self.vref(hook);
        }
        let target = std::fs::read_link(&hook).unwrap_or_default();
        if target.ends_with(DRIVER) {
            return self.driven(name, hooks);
        }
        match target.parent().is_some_and(|dir| dir.ends_with("hooks/common")) {
            true if is_ours(&hook) => Spot { link: None, shown: hook, ask: None },
            true => {
                let ask = format!(
                    "gitolite puts its link to {} there again at each setup; let that hook start coregit-{name} \
                     with the same input, or make it a repo-specific hook",
                    target.display()
                );
                Spot { link: None, shown: hook, ask: Some(ask) }
            }
            false => Spot { shown: hook.clone(), link: Some(hook), ask: None },
        }
    }

    /// One ref is judged by a VREF, because `hooks/update` stays gitolite's.
    fn vref(&self, hook: PathBuf) -> Spot {
        let rule = format!("add to gitolite.conf, under `repo @all`: `{RULE}`");
        let Some(local_code) = &self.local_code else {
            let ask =
                format!("set LOCAL_CODE in .gitolite.rc, install again as gitolite's user, then {rule}");
            return Spot { link: None, shown: hook, ask: Some(ask) };
        };
        let vref = local_code.join("VREF/coregit");
        let repo = hook.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        let ask = (!self.has_rule(repo)).then_some(rule);
        Spot { shown: vref.clone(), link: Some(vref), ask }
    }

    /// The driver runs `hooks/<name>.*`, which gitolite makes from an option, and is put back at every compile.
    fn driven(&self, name: &'static str, hooks: &Path) -> Spot {
        let runs = |entry: std::fs::DirEntry| {
            let called = entry.file_name();
            called.to_string_lossy().starts_with(&format!("{name}.h")) && is_ours(&entry.path())
        };
        let stands = std::fs::read_dir(hooks).is_ok_and(|mut all| all.any(|e| e.is_ok_and(runs)));
        let ask =
            format!("add to gitolite.conf, under this repository: `option hook.{name} = coregit-{name}`");
        let ask = (!stands).then_some(ask);
        match &self.local_code {
            None => Spot { link: None, shown: hooks.join(name), ask },
            Some(local_code) => {
                let link = local_code.join("hooks/repo-specific").join(format!("coregit-{name}"));
                Spot { shown: link.clone(), link: Some(link), ask }
            }
        }
    }

    /// Whether gitolite, as it was compiled last, starts our VREF for pushes to this repository.
    fn has_rule(&self, repo: &Path) -> bool {
        let compiled = [repo.join("gl-conf"), self.admin_base.join("conf/gitolite.conf-compiled.pm")];
        compiled
            .iter()
            .any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains("'VREF/coregit'")))
    }

    /// Whether any repository's rule starts this program, which must then not go: gitolite refuses every push
    /// for which a VREF is missing.
    pub fn needs(&self, link: &Path) -> bool {
        let vref = self.local_code.as_ref().map(|dir| dir.join("VREF/coregit"));
        vref.as_deref() == Some(link) && mentions(&self.admin_base.join("conf"), 8)
    }
}

/// Whether a configuration file in this folder names the VREF.
fn mentions(dir: &Path, depth: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    entries.filter_map(Result::ok).any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() && depth > 0 => mentions(&entry.path(), depth - 1),
        Ok(kind) if kind.is_file() => std::fs::read(entry.path())
            .is_ok_and(|raw| String::from_utf8_lossy(&raw).contains("VREF/coregit")),
        _ => false,
    })
}

/// Asks gitolite. Its rc file is a program: that of another user is not run.
fn local_code(home: &Path) -> Option<PathBuf> {
    let rc = home.join(".gitolite.rc").metadata().ok()?;
    if rc.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    let mut gitolite = Command::new("gitolite");
    gitolite.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH")?);
    let output =
        gitolite.args(["query-rc", "LOCAL_CODE"]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let said = String::from_utf8(output.ok()?.stdout).ok()?;
    Some(PathBuf::from(said.trim_end_matches('\n'))).filter(|dir| dir.is_absolute())
}
