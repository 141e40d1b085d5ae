//! Keys in both forms, and the web token that they sign. The keys are made for these tests and good for
//! nothing else.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::*;

const PKCS1: &str = include_str!("testdata/app-pkcs1.pem");
const PKCS8: &str = include_str!("testdata/app-pkcs8.pem");
const TOO_SHORT: &str = include_str!("testdata/app-too-short.pem");

fn app(pem: &str) -> Result<App, HttpError> {
    let api = Origin::parse("https://api.github.com").unwrap().0;
    App::new("Iv1.abc", None, &Secret::new(pem.into()), (&api, "fp"))
}

#[test]
fn both_forms_of_a_key_sign_the_same_web_token() {
    let now = Timestamp::from_millis(1_775_390_400_000);
    let tokens: Vec<_> = [PKCS1, PKCS8].map(|pem| app(pem).unwrap().jwt(now).unwrap()).into();
    assert_eq!(tokens[0], tokens[1]);
    let (signed, signature) = tokens[0].rsplit_once('.').unwrap();
    let key = app(PKCS1).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.key.public_key().as_ref())
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let expected = serde_json::json!({ "iat": 1_775_390_340, "exp": 1_775_390_940, "iss": "Iv1.abc" });
    assert_eq!(claims, expected);
}

#[test]
fn what_is_no_key_is_refused_without_being_shown() {
    let canary = PKCS1.lines().nth(3).unwrap();
    let cut = &PKCS1[..PKCS1.len() / 2];
    let public = PKCS1.replace("RSA PRIVATE", "PUBLIC");
    for bad in ["", "ghp_canary", cut, &public, TOO_SHORT, "-----BEGIN RSA PRIVATE KEY-----"] {
        let error = app(bad).err().unwrap();
        assert_eq!(error.class(), ErrorClass::Invalid);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(canary) && !shown.contains("canary"), "{shown}");
    }
}

#[test]
fn an_app_id_is_a_word() {
    let api = Origin::parse("https://api.github.com").unwrap().0;
    for bad in ["", "1\"", "a b", "é"] {
        assert!(App::new(bad, None, &Secret::new(PKCS1.into()), (&api, "fp")).is_err(), "{bad:?}");
    }
}
