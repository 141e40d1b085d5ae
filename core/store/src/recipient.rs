//! Recipients: the public keys that data keys are wrapped to, and wrapping itself.

use std::io::{Read, Write};
use std::str::FromStr;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use zeroize::Zeroizing;

use crate::identity::Unlocked;

/// A public key that the keyring is wrapped to: age X25519, SSH ed25519 or SSH rsa.
#[derive(Clone)]
pub struct Recipient(Kind);

#[derive(Clone)]
enum Kind {
    X25519(age::x25519::Recipient),
    Ssh(age::ssh::Recipient),
}

/// Text that is no public key we can wrap to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is no public key that the keyring can be wrapped to: {why}")]
pub struct RecipientError {
    /// The beginning of what was given, printable.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl FromStr for Recipient {
    type Err = RecipientError;

    /// Reads `age1…`, `ssh-ed25519 …` or `ssh-rsa …` (with or without a comment).
    fn from_str(text: &str) -> Result<Self, RecipientError> {
        use age::ssh::ParseRecipientKeyError as Ssh;
        let text = text.trim();
        let wrong =
            |why| RecipientError { text: coregit_model::printable(text).chars().take(60).collect(), why };
        if text.starts_with("AGE-SECRET-KEY-") {
            return Err(RecipientError { text: "AGE-SECRET-KEY-…".to_owned(), why: "it is a private key" });
        }
        if let Ok(key) = text.parse() {
            return Ok(Self(Kind::X25519(key)));
        }
        match text.parse() {
            Ok(key) => Ok(Self(Kind::Ssh(key))),
            Err(Ssh::RsaModulusTooSmall) => Err(wrong("an RSA key needs 2048 bits")),
            Err(Ssh::RsaModulusTooLarge) => Err(wrong("the RSA key is too large")),
            Err(Ssh::Unsupported(_)) => Err(wrong("of SSH keys, only ed25519 and rsa can be used")),
            Err(_) => Err(wrong("expected age1…, ssh-ed25519 … or ssh-rsa …")),
        }
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::X25519(key) => key.fmt(f),
            Kind::Ssh(key) => key.fmt(f),
        }
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Recipient {}

impl From<age::x25519::Recipient> for Recipient {
    fn from(key: age::x25519::Recipient) -> Self {
        Self(Kind::X25519(key))
    }
}

impl From<age::ssh::Recipient> for Recipient {
    fn from(key: age::ssh::Recipient) -> Self {
        Self(Kind::Ssh(key))
    }
}

impl Recipient {
    fn as_age(&self) -> &dyn age::Recipient {
        match &self.0 {
            Kind::X25519(key) => key,
            Kind::Ssh(key) => key,
        }
    }
}

/// The text as an armored age file for all of these recipients, as stock `age -d` opens it.
pub(crate) fn wrap(text: &str, recipients: &[Recipient]) -> Result<String, age::EncryptError> {
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(Recipient::as_age))?;
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(text.as_bytes())?;
    let armored = writer.finish()?.finish()?;
    Ok(String::from_utf8(armored).expect("armor is ASCII"))
}

/// What an armored age file holds, when one of the identities opens it.
pub(crate) fn unwrap(armored: &str, identities: &Unlocked) -> Result<Zeroizing<Vec<u8>>, age::DecryptError> {
    let decryptor = age::Decryptor::new_buffered(ArmoredReader::new(armored.as_bytes()))?;
    let mut plain = Zeroizing::new(Vec::with_capacity(1024));
    decryptor.decrypt(identities.as_age())?.read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::Recipient;

    #[test]
    fn recipients_are_public_keys_of_three_kinds() {
        let age = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
        assert_eq!(format!(" {age}\n").parse::<Recipient>().unwrap().to_string(), age);
        assert_eq!(format!("{ssh} alice@rust").parse::<Recipient>().unwrap().to_string(), ssh);
        for bad in
            ["", "age1", "age1yubikey1xyz", "ssh-dss AAAA", "ssh-ed25519", "octocat", "ssh-ed25519 AAAA"]
        {
            assert!(bad.parse::<Recipient>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_private_key_given_for_a_public_one_is_not_repeated() {
        let text = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
        assert!(!text.parse::<Recipient>().unwrap_err().to_string().contains("1GQ9778"));
    }
}
