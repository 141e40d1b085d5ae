//! TLS: whom to trust, and HTTP/2.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coregit_http::{Client, Effect, HttpError, Reply, Request, Retry, Settings};
use coregit_model::ErrorClass;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;

use crate::settings;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "it", "testdata", name].iter().collect()
}

fn server_settings(certificate: &str) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(file(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let mut settings = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    settings
}

/// A TLS host that answers with the protocol's version; gives its port and how many connections it took.
async fn counted_host(certificate: &str) -> (u16, Arc<AtomicUsize>) {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server_settings(certificate)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::<AtomicUsize>::default();
    let taken = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            taken.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let say = service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                    Ok::<_, Infallible>(hyper::Response::new(format!("{:?}", request.version())))
                });
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), say).await;
            });
        }
    });
    (port, connections)
}

async fn host(certificate: &str) -> u16 {
    counted_host(certificate).await.0
}

async fn ask(url: String, ca_file: Option<PathBuf>) -> Result<Reply, HttpError> {
    let settings = Settings { ca_file, idle_timeout: Duration::from_secs(20), ..settings() };
    Client::new(&settings).unwrap().call(Request::get(url).retry(Retry::Never)).await
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_and_http_2_is_spoken() {
    let port = host("good.pem").await;
    for name in ["127.0.0.1", "localhost"] {
        let reply = ask(format!("https://{name}:{port}/"), Some(file("ca.pem"))).await.unwrap();
        assert_eq!(reply.body, "HTTP/2.0");
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let (port, connections) = counted_host("good.pem").await;
    let settings =
        Settings { ca_file: Some(file("ca.pem")), idle_timeout: Duration::from_secs(20), ..settings() };
    let client = Client::new(&settings).unwrap();
    let ask = || client.metered(Arc::default());
    let url = format!("https://localhost:{port}/");
    ask().call(Request::get(&url)).await.unwrap();
    let many = (0..20).map(|_| async { ask().call(Request::get(&url)).await });
    futures_util::future::try_join_all(many).await.unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn certificates_that_prove_nothing_are_refused_each_with_its_reason() {
    for (certificate, ca_file, part) in [
        ("good.pem", None, "not signed by an authority that this machine trusts"),
        ("expired.pem", Some("ca.pem"), "has expired"),
        ("other.pem", Some("ca.pem"), "is not for 127.0.0.1"),
    ] {
        let port = host(certificate).await;
        let error = ask(format!("https://127.0.0.1:{port}/"), ca_file.map(file)).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!((error.class(), error.effect()), (ErrorClass::Invalid, Effect::NotSent));
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn a_file_without_certificates_is_named() {
    for bad in ["server.key", "no-such-file"] {
        let error = ask("https://127.0.0.1:1/".into(), Some(file(bad))).await.unwrap_err();
        assert!(error.to_string().contains(bad), "{error}");
        assert_eq!(error.effect(), Effect::NotSent);
    }
}

#[tokio::test]
async fn a_host_that_never_finishes_the_handshake_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let settings = Settings { connect_timeout: Duration::from_millis(300), ..settings() };
    let request = Request::get(url).retry(Retry::Never);
    let error = Client::new(&settings).unwrap().call(request).await.unwrap_err();
    assert!(error.to_string().contains("does not answer"), "{error}");
    assert_eq!((error.class(), error.effect()), (ErrorClass::Transient, Effect::NotSent));
}
