//! The identity: the private key that opens the keyring. Where it lies, who may read it, what kinds there are.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use coregit_model::Secret;
use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::identity_format::{self, Parsed};
use crate::recipient::Recipient;
use crate::{StoreError, files};

/// Larger files are no identity; an SSH key of 16,384 bits has 13 KB.
const MOST_BYTES: u64 = 32 * 1024;

/// Why an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no such file.
    #[error("the identity file {} is missing", .0.display())]
    Missing(PathBuf),
    /// Other users can read or change it.
    #[error("the identity file {} can be read by other users (its mode is {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A link, folder, pipe or device.
    #[error("the identity file {} is not a plain file", .0.display())]
    NotAFile(PathBuf),
    /// The operating system refused.
    #[error("the identity file {} cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// It holds something else, or a kind of key that is not used here.
    #[error("the identity file {} cannot be used: {why}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It is protected by a passphrase, and nobody was asked for it.
    #[error("the identity file {} is protected by a passphrase", .0.display())]
    Locked(PathBuf),
    /// The passphrase is not the right one.
    #[error("this passphrase does not open the identity file {}", .0.display())]
    WrongPassphrase(PathBuf),
    /// No recipient of the keyring can be made from it, and none was given.
    #[error("the public key of {} is not known before its passphrase is", .0.display())]
    UnknownRecipient(PathBuf),
}

impl IdentityError {
    /// What mends it, as one line.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Missing(path) => {
                return Some(format!(
                    "put your copy of it at {} (mode 0600), or name another file with COREGIT_IDENTITY; without it no \
                     token opens",
                    path.display()
                ));
            }
            Self::Exposed { path, .. } => return Some(format!("`chmod 600 {}`", path.display())),
            Self::Unsupported { .. } | Self::NotAFile(_) => {
                "an age X25519 identity, or an ed25519 or rsa SSH key in OpenSSH format, can be used"
            }
            Self::Locked(_) => {
                "only `coregit serve` and `coregit worker` ask for a passphrase; elsewhere use an identity \
                 without one: `coregit keyring recipients add`, then COREGIT_IDENTITY"
            }
            Self::UnknownRecipient(_) => "give its public key: `coregit init --recipient age1…`",
            Self::WrongPassphrase(_) | Self::Unreadable { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// Where the identity of a home lies.
pub(crate) struct IdentityFile {
    path: PathBuf,
    /// Named by the user: it may be a link, and is never created.
    named: bool,
}

/// Private keys ready for use.
pub(crate) struct Unlocked {
    pub identities: Vec<Box<dyn age::Identity + Send + Sync>>,
    pub recipients: Vec<Recipient>,
}

impl Unlocked {
    pub fn as_age(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.identities.iter().map(|i| i.as_ref() as &dyn age::Identity)
    }
}

impl IdentityFile {
    pub fn of(home: &Path, named: Option<&Path>) -> Self {
        match named {
            Some(path) => Self { path: path.to_owned(), named: true },
            None => Self { path: home.join("identity.txt"), named: false },
        }
    }

    /// For a new home: the recipients of its keyring, with the identity's own first. Makes the identity where
    /// none is named or there; one that is there is kept.
    pub fn create_or_read(&self, given: &[Recipient]) -> Result<Vec<Recipient>, StoreError> {
        let own = match self.read() {
            Ok(Parsed::Unlocked(unlocked)) => unlocked.recipients,
            Ok(Parsed::Locked(locked)) => locked.recipients(),
            Err(IdentityError::Missing(_)) if !self.named => vec![self.create()?],
            Err(error) => return Err(error.into()),
        };
        let mut all: Vec<Recipient> = Vec::new();
        for recipient in own.into_iter().chain(given.iter().cloned()) {
            if !all.contains(&recipient) {
                all.push(recipient);
            }
        }
        match all.is_empty() {
            true => Err(IdentityError::UnknownRecipient(self.path.clone()).into()),
            false => Ok(all),
        }
    }

    /// Writes a new X25519 identity as `age-keygen` does; the file is there whole or not at all.
    fn create(&self) -> Result<Recipient, StoreError> {
        let identity = age::x25519::Identity::generate();
        let public = identity.to_public();
        let text = Zeroizing::new(format!(
            "# The identity of this coregit home: without it no token opens. Keep a copy elsewhere.\n\
             # public key: {public}\n{}\n",
            identity.to_string().expose_secret()
        ));
        let home = self.path.parent().unwrap_or(Path::new("."));
        let mut file = files::new_private_file(home, files::NEW_IDENTITY)?;
        file.write_all(text.as_bytes()).map_err(|e| StoreError::io("write", &self.path, &e))?;
        files::publish(file, &self.path)?;
        Ok(public.into())
    }

    /// Reads the file and says what is in it. Cheap: nothing is decrypted.
    pub fn read(&self) -> Result<Parsed, IdentityError> {
        let text = self.text()?;
        identity_format::parse(&text, &self.path)
    }

    /// The keys in the file; a passphrase is asked for with `ask`, where one is needed.
    pub fn unlock(&self, ask: Option<&mut Ask<'_>>) -> Result<Unlocked, IdentityError> {
        match (self.read()?, ask) {
            (Parsed::Unlocked(unlocked), _) => Ok(unlocked),
            (Parsed::Locked(_), None) => Err(IdentityError::Locked(self.path.clone())),
            (Parsed::Locked(locked), Some(ask)) => {
                let prompt = format!("Passphrase for {}: ", self.path.display());
                let passphrase = ask(&prompt).ok_or_else(|| IdentityError::Locked(self.path.clone()))?;
                locked.unlock(&passphrase, &self.path)
            }
        }
    }

    /// The file's text, after its kind, mode and size were looked at on the open file.
    fn text(&self) -> Result<Zeroizing<String>, IdentityError> {
        let unreadable =
            |e: std::io::Error| IdentityError::Unreadable { path: self.path.clone(), why: e.to_string() };
        // Without NONBLOCK the open of a pipe would wait for a writer.
        let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        if !self.named {
            flags |= OFlags::NOFOLLOW;
        }
        let file = rustix::fs::open(&self.path, flags, Mode::empty()).map_err(|e| match e {
            rustix::io::Errno::NOENT => IdentityError::Missing(self.path.clone()),
            rustix::io::Errno::LOOP | rustix::io::Errno::NXIO => IdentityError::NotAFile(self.path.clone()),
            e => unreadable(e.into()),
        })?;
        let file = std::fs::File::from(file);
        let found = file.metadata().map_err(unreadable)?;
        let mode = found.mode() & 0o7777;
        if !found.is_file() {
            return Err(IdentityError::NotAFile(self.path.clone()));
        }
        if mode & 0o077 != 0 {
            return Err(IdentityError::Exposed { path: self.path.clone(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES as usize + 1));
        file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        match text.len() as u64 > MOST_BYTES {
            true => Err(IdentityError::Unsupported {
                path: self.path.clone(),
                why: "it is larger than any identity".to_owned(),
            }),
            false => Ok(text),
        }
    }
}

/// Asks a person: gets the prompt, gives the passphrase, or nothing when they decline.
pub type Ask<'a> = dyn FnMut(&str) -> Option<Secret> + 'a;
