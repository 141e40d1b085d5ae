//! A disk whose power can be cut: a FUSE file system that passes everything through to a folder and
//! remembers what `fsync` has made durable; the cut leaves that and nothing else.
//!
//! It runs as a program of its own (`powercut-fs`), so that a test that hangs or dies leaves no mount
//! behind. Mounting needs `/dev/fuse` and root (or Debian's `fuse3`, whose `fusermount3` is setuid).

mod attributes;
mod disk;
mod mounted;
mod platter;

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fuser::{Config, MountOption, SessionACL};

/// How far the names of files are durable. Contents always wait for an `fsync` of their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Every change of a name is durable at once: a file whose content was not synced comes back
    /// empty. What LazyFS does.
    NamesAtOnce,
    /// Each `fsync` takes all changes of names before it along, as the journals of ext4 and XFS do;
    /// a rename that nothing followed is lost.
    Journal,
    /// A name is durable when its folder was synced, and not before: all that POSIX promises.
    Strict,
}

impl Rule {
    const ALL: [(Self, &'static str); 3] =
        [(Self::NamesAtOnce, "names-at-once"), (Self::Journal, "journal"), (Self::Strict, "strict")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(rule, _)| *rule == self).map_or("", |(_, word)| *word)
    }

    fn from_word(word: &str) -> io::Result<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(rule, _)| *rule).ok_or_else(|| io::Error::other(format!("no rule is called {word}")))
    }
}

/// Serves one disk: `powercut-fs FOLDER MOUNTPOINT RULE`. Says `mounted`; then the line `settle`
/// makes all that was written durable, `cut` cuts the power and ends (each is answered by itself), and
/// the end of standard input unmounts and leaves all as it is.
///
/// # Errors
/// When the folder cannot be read or FUSE cannot mount.
pub fn serve(folder: &Path, mountpoint: &Path, rule: &str) -> io::Result<()> {
    rustix::process::umask(rustix::fs::Mode::empty());
    let mounted = mounted::Mounted::new(disk::Disk::open(folder, Rule::from_word(rule)?)?);
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("powercut".into()), MountOption::DefaultPermissions];
    config.acl = if rustix::process::geteuid().is_root() { SessionACL::All } else { SessionACL::Owner };
    let session = fuser::spawn_mount(mounted.clone(), mountpoint, &config)?;
    answer("mounted")?;
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            "settle" => mounted.settle()?,
            "cut" => {
                mounted.cut()?;
                detach(mountpoint);
                return answer("cut");
            }
            _ => continue,
        }
        answer("settle")?;
    }
    detach(mountpoint);
    drop(session);
    Ok(())
}

fn answer(word: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{word}")?;
    out.flush()
}

/// Takes the mount away even while processes have files open in it.
fn detach(mountpoint: &Path) {
    let quiet = |program: &str, option: &str| {
        let mut command = Command::new(program);
        command.arg(option).arg(mountpoint).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let _ = quiet("umount", "-l") || quiet("fusermount3", "-uz");
}

/// A mounted disk, held by a test.
pub struct PoweredDisk {
    folder: PathBuf,
    mountpoint: PathBuf,
    rule: Rule,
    program: PathBuf,
    running: Running,
}

struct Running {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl PoweredDisk {
    /// Mounts an empty disk inside `dir`. `program` is the built `powercut-fs`.
    ///
    /// # Errors
    /// When this machine cannot mount FUSE (no `/dev/fuse`, or no right to); the text says which.
    pub fn mount(dir: &Path, rule: Rule, program: &Path) -> io::Result<Self> {
        let (folder, mountpoint) = (dir.join("below"), dir.join("disk"));
        std::fs::create_dir(&folder)?;
        std::fs::create_dir(&mountpoint)?;
        let running = Running::start(&[folder.as_path(), mountpoint.as_path()], rule, program)?;
        Ok(Self { folder, mountpoint, rule, program: program.to_path_buf(), running })
    }

    /// Where the disk is mounted; the same before and after a cut.
    pub fn path(&self) -> &Path {
        &self.mountpoint
    }

    /// Makes all that was written so far durable, as a quiet minute would.
    ///
    /// # Errors
    /// When the folder below cannot be read.
    pub fn settle(&mut self) -> io::Result<()> {
        self.running.order("settle")
    }

    /// Cuts the power and gives it back: what was not durable is gone, and whoever had files open gets
    /// errors from now on.
    ///
    /// # Errors
    /// When the disk cannot be written back or mounted again.
    pub fn cut(&mut self) -> io::Result<()> {
        self.running.order("cut")?;
        self.running.stop();
        let paths = [self.folder.as_path(), self.mountpoint.as_path()];
        self.running = Running::start(&paths, self.rule, &self.program)?;
        Ok(())
    }
}

impl Running {
    fn start(paths: &[&Path], rule: Rule, program: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(paths).arg(rule.word()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?);
        let mut running = Self { child, orders, answers };
        match running.expect("mounted") {
            Ok(()) => Ok(running),
            Err(error) => Err(running.why().unwrap_or(error)),
        }
    }

    fn order(&mut self, word: &str) -> io::Result<()> {
        if let Some(orders) = &mut self.orders {
            writeln!(orders, "{word}")?;
        }
        self.expect(word)
    }

    fn expect(&mut self, word: &str) -> io::Result<()> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.trim_end() == word { Ok(()) } else { Err(io::Error::other(format!("said {line:?}"))) }
    }

    /// What the program said when it could not mount.
    fn why(&mut self) -> Option<io::Error> {
        let said = io::read_to_string(self.child.stderr.take()?).ok()?;
        Some(io::Error::other(said.trim_end().to_owned()))
    }

    fn stop(&mut self) {
        self.orders = None;
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}
