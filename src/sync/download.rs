//! A conditional download with any HTTP client that is a `tower::Service`.

use std::{fmt, future::poll_fn, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use tower_service::Service;

use super::document::{Document, FetchError, Fetched, Validators};
use crate::error::BoxError;

const DEFAULT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Downloads one document, for the `fetch` function of [`Keep::new`](super::Keep::new).
///
/// It follows no redirect. It has no deadline of its own: the
/// [deadline of the run](super::Schedule::deadline) limits it. TLS, compression and a limit of concurrent requests
/// are layers around the client. The guide [`sync`](crate::guide::sync) shows a client of hyper with TLS.
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// # use http_body_util::Full;
/// # use tower_webhook_auth::BoxError;
/// use tower_webhook_auth::sync::{Download, Keep, Made};
///
/// # fn keep<S>(client: S) -> Result<(), BoxError>
/// # where
/// #     S: tower::Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = BoxError>
/// #         + Clone + Send + Sync + 'static,
/// #     S::Future: Send,
/// # {
/// let download = Download::new(client, "https://cdn.optimizely.com/datafiles/QMVJ.json".parse()?);
/// let kept = Keep::new(
///     move |known| download.clone().fetch(known),
///     |bytes| Ok(Made::new((), bytes.clone())),
/// );
/// # let kept: Keep<_, _> = kept;
/// # drop(kept);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a download does nothing until `fetch` is called"]
pub struct Download<S> {
    client: S,
    headers: HeaderMap,
    max_bytes: usize,
    uri: Uri,
}

impl<S> Download<S> {
    /// Asks `client` for the document at `uri`.
    pub fn new(client: S, uri: Uri) -> Self {
        Self {
            client,
            headers: HeaderMap::new(),
            max_bytes: DEFAULT_MAX_BYTES,
            uri,
        }
    }

    /// Headers of each request, such as an access token or a user agent.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// The largest document in bytes. The default is 16 MiB. If the client decompresses, the limit is for the
    /// decompressed bytes.
    pub fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Downloads the document, unless it is still the one that `known` came with.
    ///
    /// # Errors
    ///
    /// If the response is incomplete, has another status than 200 or 304, or is too large. The error of a response
    /// with `Retry-After` in seconds carries that time.
    pub async fn fetch<B>(mut self, known: Validators) -> Result<Fetched, FetchError>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>>,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers;
        for (name, value) in [
            (header::IF_NONE_MATCH, known.etag),
            (header::IF_MODIFIED_SINCE, known.last_modified),
        ] {
            if let Some(value) = value {
                request.headers_mut().insert(name, value);
            }
        }
        poll_fn(|context| self.client.poll_ready(context))
            .await
            .map_err(Into::into)?;
        let response = self.client.call(request).await.map_err(Into::into)?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Fetched::NotModified),
            StatusCode::OK => {}
            status => return Err(rejected(&self.uri, status, response.headers())),
        }
        let validators = Validators {
            etag: response.headers().get(header::ETAG).cloned(),
            last_modified: response.headers().get(header::LAST_MODIFIED).cloned(),
        };
        let body = Limited::new(response.into_body(), self.max_bytes);
        let bytes = body.collect().await?.to_bytes();
        Ok(Fetched::New(Document { bytes, validators }))
    }
}

/// The path of a URI may hold a key, so the message names only the host.
fn rejected(uri: &Uri, status: StatusCode, headers: &HeaderMap) -> FetchError {
    let host = uri.host().unwrap_or("the source");
    let error = FetchError::from(format!("{host} answered {status}"));
    match retry_after(headers) {
        Some(wait) => error.retry_after(wait),
        None => error,
    }
}

/// Only the form in seconds. The form with a date needs both clocks to agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(value.parse().ok()?))
}

/// Headers may hold an access token, so only their names are printed.
impl<S> fmt::Debug for Download<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("host", &self.uri.host())
            // An iterator over the names prints the values, too.
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
