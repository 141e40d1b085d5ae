//! What an identity file holds: age keys, an SSH key, or either one behind a passphrase.

use std::io::Read;
use std::path::Path;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use base64::Engine as _;
use coregit_model::Secret;
use zeroize::Zeroizing;

use crate::identity::{IdentityError, Unlocked};
use crate::recipient::Recipient;

/// The most scrypt work that a passphrase may ask for: 2^20 takes 1 to 2 s and 1 GiB. Above it a file that
/// somebody else wrote could stop a server.
const MOST_WORK: u8 = 20;
/// The most rounds of bcrypt that an SSH key may ask for; ssh-keygen takes 16 or 24 unless told otherwise.
const MOST_ROUNDS: u32 = 512;

/// An identity file as it was read.
pub(crate) enum Parsed {
    Unlocked(Unlocked),
    Locked(Locked),
}

/// Keys behind a passphrase. What opening them costs was looked at, and is bounded.
pub(crate) enum Locked {
    /// An age file, encrypted with a passphrase, that holds age identities.
    Age(Vec<u8>),
    /// An encrypted SSH key.
    Ssh(age::ssh::EncryptedKey),
}

/// Says what the text is.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Parsed, IdentityError> {
    let start = text.trim_start();
    if start.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") || start.starts_with("age-encryption.org/") {
        return encrypted(start, path);
    }
    if start.starts_with("-----BEGIN") {
        return ssh(start, path);
    }
    plain(text, path).map(Parsed::Unlocked)
}

fn unsupported(path: &Path, why: impl Into<String>) -> IdentityError {
    IdentityError::Unsupported { path: path.to_owned(), why: why.into() }
}

/// One or more age X25519 identities.
fn plain(text: &str, path: &Path) -> Result<Unlocked, IdentityError> {
    if text.lines().any(|l| l.starts_with("AGE-PLUGIN-")) {
        return Err(unsupported(path, "it names an age plugin, and plugins are not run"));
    }
    let file = age::IdentityFile::from_buffer(text.as_bytes())
        .map_err(|_| unsupported(path, "it holds something else than age identities"))?;
    let mut public = Vec::new();
    file.write_recipients_file(&mut public).map_err(|_| unsupported(path, "it holds no identity"))?;
    let public = String::from_utf8_lossy(&public);
    let recipients: Vec<Recipient> = public.lines().filter_map(|l| l.parse().ok()).collect();
    let identities =
        file.into_identities().map_err(|_| unsupported(path, "it holds an identity of an unknown kind"))?;
    Ok(Unlocked { identities, recipients })
}

fn encrypted(text: &str, path: &Path) -> Result<Parsed, IdentityError> {
    let raw = match text.starts_with("age-encryption.org/") {
        true => text.as_bytes().to_vec(),
        false => {
            let mut raw = Vec::new();
            let read = ArmoredReader::new(text.as_bytes()).read_to_end(&mut raw);
            read.map_err(|_| unsupported(path, "its armor is damaged"))?;
            raw
        }
    };
    let decryptor = age::Decryptor::new_buffered(&raw[..])
        .map_err(|_| unsupported(path, "it is no age file of a version that is known here"))?;
    if !decryptor.is_scrypt() {
        return Err(unsupported(path, "it is encrypted to another key, not with a passphrase"));
    }
    match work_factor(&raw) {
        Some(work) if work <= MOST_WORK => Ok(Parsed::Locked(Locked::Age(raw))),
        Some(work) => Err(unsupported(
            path,
            format!("its passphrase asks for 2^{work} work; at most 2^{MOST_WORK} is done"),
        )),
        None => Err(unsupported(path, "its header is damaged")),
    }
}

/// The work factor in the header's stanza `-> scrypt <salt> <log2 N>` (<https://c2sp.org/age>), read before
/// anybody is asked for a passphrase.
fn work_factor(raw: &[u8]) -> Option<u8> {
    let line = raw.split(|b| *b == b'\n').find_map(|l| l.strip_prefix(b"-> scrypt "))?;
    std::str::from_utf8(line).ok()?.split(' ').next_back()?.parse().ok()
}

fn ssh(text: &str, path: &Path) -> Result<Parsed, IdentityError> {
    use age::ssh::Identity;
    let identity = Identity::from_buffer(text.as_bytes(), Some(path.display().to_string()))
        .map_err(|_| unsupported(path, "it is no SSH private key in OpenSSH format"))?;
    match identity {
        Identity::Unencrypted(_) => opened(identity, path).map(Parsed::Unlocked),
        Identity::Encrypted(key) => match bcrypt_rounds(text) {
            Some(rounds) if rounds <= MOST_ROUNDS => Ok(Parsed::Locked(Locked::Ssh(key))),
            _ => Err(unsupported(
                path,
                format!(
                    "its passphrase asks for more than {MOST_ROUNDS} rounds; `ssh-keygen -p -a 24` lowers them"
                ),
            )),
        },
        Identity::Unsupported(kind) => Err(unsupported(path, why_not(&kind))),
    }
}

fn why_not(key: &age::ssh::UnsupportedKey) -> String {
    use age::ssh::UnsupportedKey::{EncryptedPem, EncryptedSsh, Hardware, Type};
    match key {
        EncryptedPem => {
            "its passphrase is kept in the old PEM format; `ssh-keygen -p -f FILE` mends it".to_owned()
        }
        EncryptedSsh(cipher) => format!("it is encrypted with {}", coregit_model::printable(cipher)),
        Hardware(kind) | Type(kind) => {
            format!("it is a key of type {}; ed25519 and rsa can be used", coregit_model::printable(kind))
        }
    }
}

fn opened(identity: age::ssh::Identity, path: &Path) -> Result<Unlocked, IdentityError> {
    let public = age::ssh::Recipient::try_from(identity.clone())
        .map_err(|_| unsupported(path, "its public half cannot be used"))?;
    // The text form is what a recipient is: a key that is too weak does not pass it.
    let recipient = Recipient::from(public)
        .to_string()
        .parse()
        .map_err(|e: crate::RecipientError| unsupported(path, e.why))?;
    Ok(Unlocked { identities: vec![Box::new(identity)], recipients: vec![recipient] })
}

/// The rounds in an OpenSSH private key: magic, cipher, kdf, then kdf options of salt and rounds
/// (PROTOCOL.key of OpenSSH).
fn bcrypt_rounds(text: &str) -> Option<u32> {
    let body: String = text.lines().skip(1).take_while(|l| !l.starts_with('-')).collect();
    let raw = base64::engine::general_purpose::STANDARD.decode(body.trim()).ok()?;
    let rest = raw.strip_prefix(b"openssh-key-v1\0")?;
    let (_cipher, rest) = ssh_string(rest)?;
    let (_kdf, rest) = ssh_string(rest)?;
    let (options, _) = ssh_string(rest)?;
    let (_salt, rounds) = ssh_string(options)?;
    Some(u32::from_be_bytes(rounds.try_into().ok()?))
}

fn ssh_string(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = raw.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

impl Locked {
    /// The public keys, where they are known without the passphrase.
    pub fn recipients(&self) -> Vec<Recipient> {
        match self {
            Locked::Age(_) => Vec::new(),
            Locked::Ssh(key) => {
                let identity = age::ssh::Identity::Encrypted(key.clone());
                age::ssh::Recipient::try_from(identity).map(Recipient::from).into_iter().collect()
            }
        }
    }

    /// Opens the keys. Takes a second or two, and for age up to 1 GiB.
    pub fn unlock(self, passphrase: &Secret, path: &Path) -> Result<Unlocked, IdentityError> {
        let wrong = || IdentityError::WrongPassphrase(path.to_owned());
        let passphrase = SecretString::from(passphrase.expose().to_owned());
        match self {
            Locked::Ssh(key) => opened(key.decrypt(passphrase).map_err(|_| wrong())?.into(), path),
            Locked::Age(raw) => {
                let mut scrypt = age::scrypt::Identity::new(passphrase);
                scrypt.set_max_work_factor(MOST_WORK);
                let decryptor = age::Decryptor::new_buffered(&raw[..]).map_err(|_| wrong())?;
                let mut text = Zeroizing::new(String::with_capacity(raw.len()));
                decryptor
                    .decrypt(std::iter::once(&scrypt as &dyn age::Identity))
                    .map_err(|_| wrong())?
                    .read_to_string(&mut text)
                    .map_err(|_| unsupported(path, "what it holds is damaged"))?;
                plain(&text, path)
            }
        }
    }
}
