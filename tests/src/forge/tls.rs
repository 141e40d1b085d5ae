//! TLS with an authority of the forge's own, HTTP/2 by ALPN: what github.com speaks, for figures that need it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The names that the forge's certificate is for.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// Makes an authority and a certificate by it; the authority's certificate is written to `ca.pem`.
pub(super) fn acceptor(root: &Path) -> (TlsAcceptor, PathBuf) {
    let (issuer, pem) = authority();
    let file = root.join("ca.pem");
    std::fs::write(&file, pem).expect("the forge's folder is writable");
    let key = KeyPair::generate().expect("ring makes keys");
    let names = NAMES.map(str::to_owned).to_vec();
    let params = CertificateParams::new(names).expect("these names are valid");
    let certificate = params.signed_by(&key, &issuer).expect("a fresh authority signs");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    let mut config = config.expect("the key was made for this certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), file)
}

/// An authority, and its certificate as PEM.
fn authority() -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().expect("ring makes keys");
    let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "test forge authority");
    let pem = params.self_signed(&key).expect("a fresh key signs").pem();
    (Issuer::new(params, key), pem)
}
