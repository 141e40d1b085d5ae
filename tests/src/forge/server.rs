//! Connections: accepting them, serving HTTP/1.1 and HTTP/2 on them, cutting them.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};
use tokio_rustls::TlsAcceptor;

use super::front::Front;
use super::shared::Shared;

/// Serves until the other end of `stopped` is dropped; then ends what is still open.
pub(super) fn run(
    door: (TcpListener, Option<TlsAcceptor>),
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    let (listener, tls) = door;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be started");
    runtime.block_on(async move {
        listener.set_nonblocking(true).expect("a fresh socket takes options");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime runs here");
        let front = Arc::new(Front::new(shared));
        tokio::select! {
            () = accept((listener, tls), front) => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

async fn accept((listener, tls): (tokio::net::TcpListener, Option<TlsAcceptor>), front: Arc<Front>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of file descriptors: wait for some to come back.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = socket.set_nodelay(true);
        match tls.clone() {
            None => drop(tokio::spawn(connection(socket, front.clone()))),
            Some(tls) => drop(tokio::spawn(secure(tls, socket, front.clone()))),
        }
    }
}

async fn secure(tls: TlsAcceptor, socket: tokio::net::TcpStream, front: Arc<Front>) {
    if let Ok(stream) = tls.accept(socket).await {
        connection(stream, front).await;
    }
}

/// Serves one connection until its end, or until a fault cuts it.
async fn connection<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(socket: S, front: Arc<Front>) {
    let cut = Arc::new(Notify::new());
    let answered = {
        let cut = cut.clone();
        service_fn(move |request| {
            let (front, cut) = (front.clone(), cut.clone());
            async move { Ok::<_, std::convert::Infallible>(front.answer(request, cut).await) }
        })
    };
    let builder = Builder::new(TokioExecutor::new());
    tokio::select! {
        _ = builder.serve_connection(TokioIo::new(socket), answered) => {}
        () = cut.notified() => {}
    }
}
