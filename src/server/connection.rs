//! One connection: hyper serves it, and the idle limit and the stop end it.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::sleep,
};
use tower_service::Service;

use super::activity::{Activity, Requests, Watched};
use crate::error::BoxError;

/// The time between the message to the client to close the connection, and the end of the connection. A request
/// that arrives in this time still gets its response.
const DRAIN: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    pub(super) idle_limit: Duration,
    /// The requests in progress on all connections.
    pub(super) requests: Requests,
    /// Whether the server is to stop.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Connection {
    pub(super) async fn serve<I, S, B>(self, stream: I, app: S) -> Result<(), BoxError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let Self {
            idle_limit,
            requests,
            mut stopping,
        } = self;
        let activity = Activity::new();
        let service = Watched::new(app, activity.clone(), requests);
        // hyper's own timers are not used: they run for an HTTP/1 head only, once it has begun.
        let builder = auto::Builder::new(TokioExecutor::new());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut stop = pin!(async move {
            // An error means that the server was dropped. Its connections are dropped with it.
            drop(stopping.wait_for(|stopping| *stopping).await);
        });
        let mut timer = pin!(sleep(idle_limit));
        // How long the client may keep us waiting.
        let mut limit = idle_limit;
        let mut closing = false;
        poll_fn(|context| {
            loop {
                // Before the connection is polled: that alone can make hyper take a frame of a response
                // body, as if the client had taken one.
                let mut tell = !closing && stop.as_mut().poll(context).is_ready();
                while !tell && timer.as_mut().poll(context).is_ready() {
                    match activity.left_of(limit) {
                        Some(left) => timer.set(sleep(left)),
                        None if closing => return Poll::Ready(Ok(())),
                        None => tell = true,
                    }
                }
                if !tell {
                    return connection.as_mut().poll(context);
                }
                closing = true;
                limit = DRAIN;
                // The next look is in one second. A client that kept us waiting before is not closed earlier.
                timer.set(sleep(limit));
                connection.as_mut().graceful_shutdown();
            }
        })
        .await
    }
}
