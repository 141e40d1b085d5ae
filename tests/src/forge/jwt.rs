//! The JWT by which a GitHub App speaks for itself: RS256, at most ten minutes ahead.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::Shared;
use super::app::App;

const UNDECODED: &str = "A JSON web token could not be decoded";
const BAD_IAT: &str =
    "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
const PAST_EXP: &str = "'Expiration time' claim ('exp') must be a numeric value representing the future time at \
                        which the assertion expires";
const FAR_EXP: &str = "'Expiration time' claim ('exp') is too far in the future";

/// The App that signed this JWT, or GitHub's words of refusal (each is a 401).
pub(super) fn verify(shared: &Shared, jwt: &str) -> Result<App, String> {
    let undecoded = || UNDECODED.to_owned();
    let (signed, signature) = jwt.rsplit_once('.').ok_or_else(undecoded)?;
    let (header, claims) = signed.split_once('.').ok_or_else(undecoded)?;
    if part(header).ok_or_else(undecoded)?["alg"] != "RS256" {
        return Err(undecoded());
    }
    let claims = part(claims).ok_or_else(undecoded)?;
    let app = issuer(shared, &claims["iss"]).ok_or("Integration not found")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| undecoded())?;
    let key = public_key(&app.public_key).ok_or_else(undecoded)?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| undecoded())?;
    in_time(shared.clock.now(), &claims)?;
    Ok(app)
}

fn part(encoded: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

/// `iss` is the App's id, as a number or its digits, or its client id.
fn issuer(shared: &Shared, iss: &Value) -> Option<App> {
    let iss = iss.as_str().map_or_else(|| iss.to_string(), str::to_owned);
    shared.world().apps.iter().find(|a| a.client_id == iss || a.id.to_string() == iss).cloned()
}

fn in_time(now: i64, claims: &Value) -> Result<(), String> {
    match (claims["iat"].as_i64(), claims["exp"].as_i64()) {
        (Some(iat), _) if iat > now => Err(BAD_IAT.to_owned()),
        (None, _) => Err(BAD_IAT.to_owned()),
        (_, Some(exp)) if exp > now + 600 => Err(FAR_EXP.to_owned()),
        (_, Some(exp)) if exp > now => Ok(()),
        _ => Err(PAST_EXP.to_owned()),
    }
}

/// The PKCS#1 key inside a PEM of either kind.
fn public_key(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|l| !l.starts_with("-----")).collect();
    let der = STANDARD.decode(body.trim()).ok()?;
    if pem.contains("BEGIN RSA PUBLIC KEY") {
        return Some(der);
    }
    let (_, inside) = element(&der)?;
    let (algorithm, _) = element(inside)?;
    let (_, bits) = element(&inside[algorithm..])?;
    Some(bits.get(1..)?.to_vec())
}

/// The first DER element: its whole length and its content.
fn element(der: &[u8]) -> Option<(usize, &[u8])> {
    let first = *der.get(1)? as usize;
    let (head, len) = match first {
        0..0x80 => (2, first),
        _ => {
            let digits = der.get(2..2 + (first & 0x7f))?;
            (2 + digits.len(), digits.iter().fold(0, |n, b| n << 8 | *b as usize))
        }
    };
    Some((head + len, der.get(head..head + len)?))
}
