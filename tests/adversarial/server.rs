//! A real server on loopback, and an inner service that remembers what reached it.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, rt::Executor, server::conn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tower::{Layer, Service, ServiceBuilder};
use tower_webhook_auth::{Verified, WebhookAuthLayer};

use super::file::Level;

/// The inner service: answers 200, and keeps the SHA-256 of each body that reached it.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    pub fn bodies(&self) -> Vec<String> {
        self.0.lock().expect("no panic while recording").clone()
    }
}

impl Service<Request<Full<Bytes>>> for Recorder {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let verified = request.extensions().get::<Verified<Bytes>>();
        let verified = verified.expect("no call without a proof").body().clone();
        let body = request.into_body().collect();
        let body = futures_executor::block_on(body).expect("a body in memory");
        assert_eq!(body.to_bytes(), verified, "the bytes that were verified");
        let digest = HEXLOWER.encode(&Sha256::digest(&verified));
        self.0
            .lock()
            .expect("no panic while recording")
            .push(digest);
        ready(Ok(Response::new(Full::default())))
    }
}

/// A server for one case, on a port of its own.
pub struct Server {
    pub address: SocketAddr,
    /// How many bytes of bodies have come to the layer.
    pub received: watch::Receiver<usize>,
    recorder: Recorder,
    accepting: JoinHandle<()>,
    tasks: Tasks,
}

impl Server {
    pub async fn start(layer: &WebhookAuthLayer<Bytes>, level: Level) -> Self {
        let recorder = Recorder::default();
        let (count, received) = watch::channel(0);
        let count = Arc::new(count);
        let service = TowerToHyperService::new(
            ServiceBuilder::new()
                .map_request(move |request: Request<Incoming>| {
                    let count = Arc::clone(&count);
                    request.map(|body| Counted { body, count })
                })
                .service(layer.layer(recorder.clone())),
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port of loopback");
        let address = listener.local_addr().expect("an address");
        let tasks = Tasks::default();
        let accepting = tokio::spawn({
            let tasks = tasks.clone();
            async move {
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    stream.set_nodelay(true).expect("a socket's option");
                    let io = TokioIo::new(stream);
                    let service = service.clone();
                    let streams = tasks.clone();
                    tasks.execute(async move {
                        // Clients disconnect on purpose, so their errors are no failures.
                        let _ = match level {
                            Level::H2 => {
                                conn::http2::Builder::new(streams)
                                    .serve_connection(io, service)
                                    .await
                            }
                            _ => {
                                conn::http1::Builder::new()
                                    .serve_connection(io, service)
                                    .await
                            }
                        };
                    });
                }
            }
        });
        Self {
            address,
            received,
            recorder,
            accepting,
            tasks,
        }
    }

    /// Waits for all connections to end: afterwards nothing can reach the inner service any more.
    pub async fn finish(self) -> Result<Recorder, String> {
        self.accepting.abort();
        let _ = self.accepting.await;
        let mut state = self.tasks.0.subscribe();
        let ended = state.wait_for(|state| state.alive == 0);
        match tokio::time::timeout(Duration::from_secs(60), ended).await {
            Ok(Ok(state)) if state.panicked == 0 => Ok(self.recorder),
            Ok(_) => Err("a task of the server panicked".into()),
            Err(_) => Err("the server still holds what its client has left".into()),
        }
    }
}

/// Runs the server's tasks, and knows how many are left and how many panicked.
#[derive(Clone, Default)]
struct Tasks(Arc<watch::Sender<TasksState>>);

#[derive(Default)]
struct TasksState {
    alive: usize,
    panicked: usize,
}

struct Alive(Tasks);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| {
            state.alive -= 1;
            state.panicked += usize::from(std::thread::panicking());
        });
    }
}

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        self.0.send_modify(|state| state.alive += 1);
        let alive = Alive(self.clone());
        tokio::spawn(async move {
            let _alive = alive;
            future.await;
        });
    }
}

/// A body that tells how much of it has come.
struct Counted {
    body: Incoming,
    count: Arc<watch::Sender<usize>>,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            let length = frame.data_ref().map_or(0, Bytes::len);
            self.count.send_modify(|count| *count += length);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
