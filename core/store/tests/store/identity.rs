//! Identities: age and SSH, plain and behind a passphrase; which files are refused, and how quickly.

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use age::secrecy::{ExposeSecret, SecretString};
use coregit_store::{IdentityError, Options, Recipient, Store, StoreError};

use crate::support::{Home, connection, options, token};

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn named(path: &Path) -> Options {
    Options { identity: Some(path.to_owned()), ..options() }
}

fn ssh_keygen(dir: &Path, name: &str, args: &[&str]) -> PathBuf {
    let file = dir.join(name);
    let made =
        Command::new("ssh-keygen").args(["-q", "-C", "a comment", "-f"]).arg(&file).args(args).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    file
}

/// An age identity behind a passphrase, with little work; its public key.
fn encrypted_age(path: &Path, passphrase: &str) -> Recipient {
    let identity = age::x25519::Identity::generate();
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    recipient.set_work_factor(10);
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as _)).unwrap();
    let armor = age::armor::ArmoredWriter::wrap_output(Vec::new(), age::armor::Format::AsciiArmor);
    let mut writer = encryptor.wrap_output(armor.unwrap()).unwrap();
    writer.write_all(identity.to_string().expose_secret().as_bytes()).unwrap();
    let armored = writer.finish().unwrap().finish().unwrap();
    private(path, std::str::from_utf8(&armored).unwrap());
    identity.to_public().to_string().parse().unwrap()
}

async fn error_of(home: &Home, options: Options) -> IdentityError {
    let store = Store::open_with(&home.path(), options).await.unwrap();
    match store.token_fingerprint(&token("x")).await.unwrap_err() {
        StoreError::Identity(error) => error,
        other => panic!("{other}"),
    }
}

/// Makes a home with this identity, keeps a token there, and opens it with a new store.
async fn works(dir: &Path, identity: &Path, passphrase: Option<&str>) {
    let home = dir.join(format!("home-of-{}", identity.file_name().unwrap().display()));
    let store = Store::create_with(&home, &[], named(identity)).await.unwrap();
    assert_eq!(store.needs_passphrase().unwrap(), passphrase.is_some());
    let mut ask = |prompt: &str| {
        assert!(prompt.contains(identity.to_str().unwrap()));
        passphrase.map(token)
    };
    store.unlock(&mut ask).unwrap();
    assert!(!store.needs_passphrase().unwrap());
    let connection = connection("work");
    store.insert_connection(&connection, &token("ghp_x")).await.unwrap();
    assert!(!home.join("identity.txt").exists());
    let again = Store::open_with(&home, named(identity)).await.unwrap();
    if let Some(passphrase) = passphrase {
        let error = again.open_token(&connection).await.unwrap_err();
        assert!(matches!(error, StoreError::Identity(IdentityError::Locked(_))), "{error}");
        assert!(error.hint().unwrap().contains("coregit worker"));
        let error = again.unlock(&mut |_| Some(token("wrong"))).unwrap_err();
        assert!(matches!(error, StoreError::Identity(IdentityError::WrongPassphrase(_))), "{error}");
        let error = again.unlock(&mut |_| None).unwrap_err();
        assert!(matches!(error, StoreError::Identity(IdentityError::Locked(_))), "{error}");
        again.unlock(&mut |_| Some(token(passphrase))).unwrap();
    }
    assert_eq!(again.open_token(&connection).await.unwrap().expose(), "ghp_x");
}

#[tokio::test]
async fn ssh_keys_serve_as_identities_with_and_without_a_passphrase() {
    let dir = tempfile::TempDir::new().unwrap();
    let plain = ["-N", ""];
    for (name, kind, passphrase) in [
        ("ed25519", &["-t", "ed25519"][..], None),
        ("rsa", &["-t", "rsa", "-b", "2048"], None),
        ("ed25519-p", &["-t", "ed25519", "-a", "4"], Some("correct horse")),
        ("rsa-p", &["-t", "rsa", "-b", "2048", "-a", "4"], Some("correct horse")),
    ] {
        let protect = passphrase.map_or(plain, |p| ["-N", p]);
        let file = ssh_keygen(dir.path(), name, &[kind, &protect].concat());
        works(dir.path(), &file, passphrase).await;
    }
}

#[tokio::test]
async fn an_age_identity_behind_a_passphrase_needs_its_public_key_once() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("locked.age");
    let recipient = encrypted_age(&file, "correct horse");
    let home = dir.path().join("home");
    let error = Store::create_with(&home, &[], named(&file)).await.err().unwrap();
    assert!(matches!(error, StoreError::Identity(IdentityError::UnknownRecipient(_))), "{error}");
    assert!(error.hint().unwrap().contains("--recipient"));
    let store = Store::create_with(&home, &[recipient], named(&file)).await.unwrap();
    let error = store.token_fingerprint(&token("x")).await.unwrap_err();
    assert!(matches!(error, StoreError::Identity(IdentityError::Locked(_))), "{error}");
    assert!(store.needs_passphrase().unwrap());
    store.unlock(&mut |_| Some(token("correct horse"))).unwrap();
    store.token_fingerprint(&token("x")).await.unwrap();
}

#[tokio::test]
async fn an_identity_that_others_can_read_is_refused() {
    let home = Home::new().await;
    let file = home.path().join("identity.txt");
    for mode in [0o640, 0o604, 0o660, 0o644] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = error_of(&home, options()).await;
        assert!(matches!(error, IdentityError::Exposed { .. }), "{error}");
        assert!(error.hint().unwrap().contains("chmod 600"));
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
    home.again().await.token_fingerprint(&token("x")).await.unwrap();
}

#[tokio::test]
async fn links_folders_and_pipes_are_no_identity() {
    let home = Home::new().await;
    let file = home.path().join("identity.txt");
    let elsewhere = home.dir.path().join("elsewhere.txt");
    std::fs::rename(&file, &elsewhere).unwrap();
    let error = error_of(&home, options()).await;
    assert!(matches!(error, IdentityError::Missing(_)), "{error}");
    assert!(error.hint().unwrap().contains("copy"));

    symlink(&elsewhere, &file).unwrap();
    assert!(matches!(error_of(&home, options()).await, IdentityError::NotAFile(_)));
    let store = Store::open_with(&home.path(), named(&file)).await.unwrap();
    store.token_fingerprint(&token("x")).await.expect("a file that the user names may be a link");

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert!(matches!(error_of(&home, options()).await, IdentityError::NotAFile(_)));
    std::fs::remove_dir(&file).unwrap();
    let made = Command::new("mkfifo").arg("-m").arg("600").arg(&file).status().unwrap();
    assert!(made.success());
    assert!(matches!(error_of(&home, options()).await, IdentityError::NotAFile(_)));
    assert!(matches!(error_of(&home, named(Path::new("/dev/null"))).await, IdentityError::NotAFile(_)));
}

#[tokio::test]
async fn the_wrong_identity_opens_nothing_and_says_so() {
    let home = Home::new().await;
    let other = Home::new().await;
    let store = Store::open_with(&home.path(), named(&other.path().join("identity.txt"))).await.unwrap();
    let error = store.token_fingerprint(&token("x")).await.unwrap_err();
    assert!(error.to_string().contains("does not open with this identity"), "{error}");
    assert!(error.hint().unwrap().contains("COREGIT_IDENTITY"));
    let error = store.insert_connection(&connection("x"), &token("x")).await.unwrap_err();
    assert!(error.to_string().contains("does not open with this identity"), "{error}");
    let report = store.check_keyring().await.unwrap();
    assert!(!report.is_sound() && report.keys[0].problem.is_some());
}

#[tokio::test]
async fn files_that_hold_something_else_are_refused_with_the_reason() {
    let home = Home::new().await;
    let dir = home.dir.path();
    let ecdsa = ssh_keygen(dir, "ecdsa", &["-t", "ecdsa", "-N", ""]);
    let old_pem = ssh_keygen(dir, "pem", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "correct horse"]);
    let costly = ssh_keygen(dir, "costly", &["-t", "ed25519", "-a", "600", "-N", "x"]);
    let weak = ssh_keygen(dir, "weak", &["-t", "rsa", "-b", "1024", "-N", ""]);
    for (file, why) in [(ecdsa, "ecdsa"), (old_pem, "ssh-keygen -p"), (costly, "rounds"), (weak, "2048")] {
        let error = error_of(&home, named(&file)).await;
        assert!(error.to_string().contains(why), "{error}");
    }
    let written = home.dir.path().join("written");
    let canary = "AGE-SECRET-KEY-1CANARY";
    for (text, why) in [
        ("", "no identity"),
        ("# only a comment\n", "no identity"),
        ("hello\n", "something else"),
        (canary, "something else"),
        ("AGE-PLUGIN-YUBIKEY-1QQQ\n", "plugin"),
        ("AGE-PLUGIN-../../x-1QQQ\n", "plugin"),
        ("-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n", "OpenSSH"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "OpenSSH"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n", "age file"),
        ("age-encryption.org/v1\n", "age file"),
        (&"x".repeat(40_000), "larger"),
    ] {
        private(&written, text);
        let error = error_of(&home, named(&written)).await;
        assert!(error.to_string().contains(why), "{text:.40}: {error}");
        assert!(!error.to_string().contains(canary));
    }
}

#[tokio::test]
async fn a_passphrase_that_asks_for_too_much_work_is_refused_before_anybody_is_asked() {
    let home = Home::new().await;
    let file = home.dir.path().join("bomb.age");
    let body = "A".repeat(43);
    for work in [21, 23, 30, 63] {
        let header = format!(
            "age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw {work}\n{body}\n--- {body}\n0123456789abcdef"
        );
        private(&file, &header);
        let store = Store::open_with(&home.path(), named(&file)).await.unwrap();
        let start = Instant::now();
        let error = store.unlock(&mut |_| panic!("nobody is asked")).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(error.to_string().contains(&format!("2^{work}")), "{error}");
    }
    private(&file, "age-encryption.org/v1\n-> X25519 AAAA\nAAAA\n--- AAAA\n0123456789abcdef");
    assert!(matches!(error_of(&home, named(&file)).await, IdentityError::Unsupported { .. }));
}
