//! A server for HTTP/1 and HTTP/2 with time limits for connections, request heads and the graceful
//! stop.
//!
//! [`WebhookAuthLayer`](crate::WebhookAuthLayer) bounds the body of a request. It cannot bound what comes
//! before it: a client that connects and sends nothing, half of a request head, or HTTP/2 frames without a
//! request. A plain `axum::serve` waits for such a client without a time limit, and while it waits the
//! process does not stop. This server closes the connection, and its graceful stop always ends.
//!
//! It serves an axum `Router` and any other tower service that takes a `Request<Incoming>`: warp's
//! `warp::service(…)`, tonic's `Routes`, a service of your own.
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, http::StatusCode, routing::post};
//! use tower_webhook_auth::provider::{self, optimizely};
//! use tower_webhook_auth::{BoxError, Secret, Verified, WebhookAuthLayer, server};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     let secret = Secret::from_env("OPTIMIZELY_WEBHOOK_SECRET")?;
//!     let optimizely = WebhookAuthLayer::new(provider::optimizely(secret));
//!     let app = Router::new()
//!         .route("/webhooks/optimizely", post(datafile_updated).route_layer(optimizely));
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     server::serve(listener, app).await?; // until Ctrl-C or SIGTERM
//!     Ok(())
//! }
//!
//! async fn datafile_updated(webhook: Verified<optimizely::Event>) -> StatusCode {
//!     println!("project {} changed", webhook.project_id);
//!     StatusCode::OK
//! }
//! ```
//!
//! # The idle limit
//!
//! A connection is closed when for 30 seconds the server has only waited for the client. This one rule
//! covers:
//!
//! - a connection on which nothing arrives;
//! - an incomplete request head, however slowly it grows;
//! - an incomplete HTTP/2 preface, HTTP/2 settings and pings without a request, and a `HEADERS` frame
//!   without its end;
//! - an idle keep-alive connection;
//! - a client that does not take its response.
//!
//! While the service works on a request, or its response body is not ready, the server does not wait for
//! the client, and the connection stays open. Reading the request body is part of the service's work:
//! [`WebhookAuthLayer::body_deadline`](crate::WebhookAuthLayer::body_deadline) bounds it. For routes
//! without the layer use a timeout, for example that of tower-http.
//!
//! # The stop
//!
//! After Ctrl-C or SIGTERM (also as process 1 of a container) the server accepts no more connections and
//! tells the open ones. Those without a request in progress are closed within a second. Requests in
//! progress have 10 seconds, then they are dropped. A second signal drops them at once.
//!
//! # Limits
//!
//! - There is no TLS. Put a proxy in front, or pass your own streams to [`Server::serve_connection`].
//! - HTTP upgrades (WebSocket) are not supported.
//! - The peer's address is not passed to the service.

mod activity;
mod connection;
mod signals;

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};
use tower_service::Service;

use self::{activity::Requests, connection::Connection, signals::Signals};
use crate::error::BoxError;

/// Serves `app` until Ctrl-C or SIGTERM, with the default limits. See [`Server`] for the options.
///
/// `app` is the service itself, such as a `Router` with its state. `into_make_service()` is not needed, and does not
/// compile: *expected `Response<_>`, found `Router`*.
///
/// # Errors
///
/// If the handlers of the signals cannot be installed. A connection that fails is not an error.
pub async fn serve<S, B>(listener: TcpListener, app: S) -> io::Result<Stopped>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    Server::new().serve(listener, app).await
}

/// The options of a server. The [module](self) describes what they limit.
///
/// ```
/// use std::time::Duration;
/// use tower_webhook_auth::server::Server;
///
/// let server = Server::new()
///     .idle_limit(Duration::from_secs(10))
///     .grace(Duration::from_secs(25))
///     .max_connections(1000);
/// # let _ = server;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a server does nothing until `serve` is called and awaited"]
pub struct Server {
    idle_limit: Duration,
    grace: Duration,
    max_connections: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server with an idle limit of 30 seconds and a grace time of 10 seconds.
    pub fn new() -> Self {
        Self {
            idle_limit: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            max_connections: usize::MAX,
        }
    }

    /// How long a connection stays open while the server only waits for the client. The default is
    /// 30 seconds. A client that is told to close (HTTP/2 `GOAWAY`) has one more second. With a limit of 0 each
    /// client is told to close at once.
    pub fn idle_limit(mut self, idle_limit: Duration) -> Self {
        self.idle_limit = idle_limit;
        self
    }

    /// How long requests in progress may take after the signal to stop. The default is 10 seconds.
    ///
    /// Keep it below the time after which your platform kills the process: 30 seconds with Kubernetes,
    /// 10 seconds with `docker stop`.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many connections may be open. By default only the system limits them.
    ///
    /// Further clients wait in the listener's queue until a connection ends. With 0 no client is served.
    pub fn max_connections(mut self, max_connections: usize) -> Self {
        self.max_connections = max_connections;
        self
    }

    /// Serves `app` until Ctrl-C or SIGTERM, and then stops gracefully. A second signal stops at once.
    ///
    /// The signals stay under the control of the program after this function has returned.
    ///
    /// # Errors
    ///
    /// If the handlers of the signals cannot be installed. A connection that fails is not an error.
    pub async fn serve<S, B>(self, listener: TcpListener, app: S) -> io::Result<Stopped>
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let mut signals = Signals::install()?;
        Ok(self
            .run(listener, app, |context| signals.poll(context))
            .await)
    }

    /// Serves `app` until `stop` is ready, and then stops gracefully. It installs no signal handlers.
    ///
    /// ```no_run
    /// # async fn f(listener: tokio::net::TcpListener, app: axum::Router) {
    /// use tower_webhook_auth::server::Server;
    ///
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// # drop(stop);
    /// let stopped = Server::new()
    ///     .serve_until(listener, app, async { _ = stopped.await })
    ///     .await;
    /// println!("{} requests were dropped", stopped.dropped_requests());
    /// # }
    /// ```
    pub async fn serve_until<S, B>(
        self,
        listener: TcpListener,
        app: S,
        stop: impl Future<Output = ()>,
    ) -> Stopped
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let mut stop = pin!(stop);
        let mut asked = false;
        let poll_stop = |context: &mut Context<'_>| {
            // It is ready once: there is no second signal.
            if asked {
                return Poll::Pending;
            }
            asked = stop.as_mut().poll(context).is_ready();
            if asked {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        };
        self.run(listener, app, poll_stop).await
    }

    /// Serves one connection, until it ends or the idle limit closes it. Use it for listeners of your own:
    /// TLS, Unix sockets.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or the client violates HTTP.
    pub async fn serve_connection<I, S, B>(&self, stream: I, app: S) -> Result<(), BoxError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (_never, stopping) = watch::channel(false);
        let connection = Connection {
            idle_limit: self.idle_limit,
            requests: Requests::default(),
            stopping,
        };
        connection.serve(stream, app).await
    }

    async fn run<S, B>(
        self,
        listener: TcpListener,
        app: S,
        mut poll_stop: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Stopped
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (stopping, told) = watch::channel(false);
        let requests = Requests::default();
        // Dropped with this future: then no connection outlives it.
        let mut connections = JoinSet::new();
        loop {
            let accepted = poll_fn(|context| {
                if poll_stop(context).is_ready() {
                    return Poll::Ready(None);
                }
                while let Poll::Ready(Some(_)) = connections.poll_join_next(context) {}
                if connections.len() >= self.max_connections {
                    return Poll::Pending;
                }
                listener.poll_accept(context).map(Some)
            })
            .await;
            match accepted {
                None => break,
                Some(Ok((stream, _))) => {
                    // Responses are small, and the client waits for them.
                    let _ = stream.set_nodelay(true);
                    let connection = Connection {
                        idle_limit: self.idle_limit,
                        requests: requests.clone(),
                        stopping: told.clone(),
                    };
                    connections.spawn(serve_and_log(connection, stream, app.clone()));
                }
                Some(Err(error)) if is_about_one_connection(&error) => {}
                Some(Err(error)) => {
                    // For example no more file descriptors. Connections that end free some.
                    log::cannot_accept(&error);
                    if pause(&mut poll_stop).await.is_break() {
                        break;
                    }
                }
            }
        }

        drop(listener);
        stopping.send_replace(true);
        log::stopping(&requests, connections.len(), self.grace);
        let mut grace = pin!(sleep(self.grace));
        let stopped = poll_fn(|context| {
            while let Poll::Ready(Some(_)) = connections.poll_join_next(context) {}
            let over = connections.is_empty()
                || grace.as_mut().poll(context).is_ready()
                || poll_stop(context).is_ready();
            match over {
                true => Poll::Ready(Stopped {
                    dropped_requests: requests.in_progress(),
                    dropped_connections: connections.len(),
                }),
                false => Poll::Pending,
            }
        })
        .await;
        log::stopped(&stopped);
        stopped
    }
}

async fn serve_and_log<S, B>(connection: Connection, stream: TcpStream, app: S)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    if let Err(error) = connection.serve(stream, app).await {
        log::connection(&*error);
    }
}

/// The client closed the connection before it was accepted. The next one is not affected.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Waits for one second, or until the server is to stop.
async fn pause(
    poll_stop: &mut impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> std::ops::ControlFlow<()> {
    let mut second = pin!(sleep(Duration::from_secs(1)));
    poll_fn(|context| {
        if poll_stop(context).is_ready() {
            return Poll::Ready(std::ops::ControlFlow::Break(()));
        }
        Pin::as_mut(&mut second)
            .poll(context)
            .map(std::ops::ControlFlow::Continue)
    })
    .await
}

/// The requests and connections that the stop of a server has dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    dropped_requests: usize,
    dropped_connections: usize,
}

impl Stopped {
    /// How many requests were in progress when the grace time was over or the second signal came. Their
    /// senders got no response, or not all of it.
    #[must_use]
    pub fn dropped_requests(&self) -> usize {
        self.dropped_requests
    }

    /// How many connections were still open then.
    #[must_use]
    pub fn dropped_connections(&self) -> usize {
        self.dropped_connections
    }
}

/// The log of the server, with feature `tracing`.
#[cfg(feature = "tracing")]
mod log {
    use std::{error::Error, io, time::Duration};

    use tracing::{Level, event};

    use super::{Stopped, activity::Requests};

    const TARGET: &str = "tower_webhook_auth";

    pub(super) fn cannot_accept(error: &io::Error) {
        event!(target: TARGET, Level::ERROR, "cannot accept a connection, trying again in 1 s: {error}");
    }

    /// An untrusted client can cause any number of these errors, so they have the level `DEBUG`.
    pub(super) fn connection(error: &(dyn Error + Send + Sync)) {
        event!(target: TARGET, Level::DEBUG, "connection failed: {error}");
    }

    pub(super) fn stopping(requests: &Requests, connections: usize, grace: Duration) {
        let requests = requests.in_progress();
        event!(target: TARGET, Level::INFO,
            "stopping: {requests} requests in progress on {connections} connections, \
             waiting at most {grace:?}; a second signal stops at once"
        );
    }

    pub(super) fn stopped(stopped: &Stopped) {
        let requests = stopped.dropped_requests;
        match requests {
            0 => event!(target: TARGET, Level::INFO, "stopped, no request was dropped"),
            _ => event!(target: TARGET, Level::WARN, "stopped, {requests} requests were dropped"),
        }
    }
}

/// Without feature `tracing` there is no log.
#[cfg(not(feature = "tracing"))]
mod log {
    use std::{error::Error, io, time::Duration};

    use super::{Stopped, activity::Requests};

    pub(super) fn cannot_accept(_: &io::Error) {}
    pub(super) fn connection(_: &(dyn Error + Send + Sync)) {}
    pub(super) fn stopping(_: &Requests, _: usize, _: Duration) {}
    pub(super) fn stopped(_: &Stopped) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_one_connection_is_not_an_error_of_the_listener() {
        for (kind, expected) in [
            (io::ErrorKind::ConnectionAborted, true),
            (io::ErrorKind::ConnectionRefused, true),
            (io::ErrorKind::ConnectionReset, true),
            // `EMFILE`, no more file descriptors, has no kind of its own.
            (io::ErrorKind::Other, false),
            (io::ErrorKind::OutOfMemory, false),
        ] {
            assert_eq!(is_about_one_connection(&kind.into()), expected, "{kind}");
        }
    }
}
