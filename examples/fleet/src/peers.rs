//! Without a broker: each replica passes the signed request on to the others, which verify it again.
//!
//! For senders that sign. A shared key would be passed on as it is.

use std::{cmp::Ordering, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::Full;
use support::download::{self, Transport};
use tokio::net::lookup_host;
use tower::ServiceExt;
use tower_webhook_auth::{
    BoxError,
    sync::{Outcome, Refresher, Schedule},
};

/// A replica does not pass on a request that has this header. The header is not signed. Without it a request goes
/// round once more, and then it is no news to any replica.
pub const RELAYED: HeaderName = HeaderName::from_static("x-webhook-relayed");

/// A verified request.
#[derive(Clone)]
pub struct Signed {
    pub revision: u64,
    pub path: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Signed {
    fn request(&self, address: SocketAddr) -> Result<Request<Full<Bytes>>, BoxError> {
        let path = self
            .path
            .path_and_query()
            .ok_or("the request has no path")?;
        let mut request =
            Request::post(format!("http://{address}{path}")).body(Full::new(self.body.clone()))?;
        // `Host` stays as the sender wrote it: some senders sign it.
        let mut headers = self.headers.clone();
        for name in [
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
            header::CONNECTION,
            header::EXPECT,
        ] {
            headers.remove(name);
        }
        headers.insert(RELAYED, HeaderValue::from_static("1"));
        *request.headers_mut() = headers;
        Ok(request)
    }
}

// Of several requests that wait, the newest is enough.
impl Ord for Signed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.revision.cmp(&other.revision)
    }
}
impl PartialOrd for Signed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Eq for Signed {}
impl PartialEq for Signed {
    fn eq(&self, other: &Self) -> bool {
        self.revision == other.revision
    }
}

/// The other replicas.
pub struct Peers(Refresher<Signed>);

impl Peers {
    /// Each name is looked up each time: an address, or a name with many addresses, as that of a headless service of
    /// Kubernetes. This replica may be among them.
    pub fn new(names: Vec<String>) -> Self {
        let schedule = Schedule::new()
            .spacing(Duration::from_millis(20))
            .deadline(Duration::from_secs(2));
        let (client, names) = (download::http(), Arc::new(names));
        Self(schedule.spawn(move |signed| relay(signed, Arc::clone(&names), client.clone())))
    }

    /// Passes the request on, and repeats it until each replica has accepted it. It never waits.
    pub fn relay(&self, signed: Signed) {
        self.0.request(signed);
    }
}

async fn relay(signed: Option<Signed>, names: Arc<Vec<String>>, client: Transport) -> Outcome {
    let Some(signed) = signed else {
        return Outcome::Done;
    };
    let (mut addresses, mut all_found) = (Vec::new(), true);
    for name in names.iter() {
        match lookup_host(name).await {
            Ok(found) => addresses.extend(found),
            Err(_) => all_found = false,
        }
    }
    let sent = addresses.into_iter().map(async |address| {
        let response = client.clone().oneshot(signed.request(address)?).await?;
        Ok::<_, BoxError>(response.status().is_success())
    });
    let sent = join_all(sent).await;
    match all_found && sent.iter().all(|accepted| matches!(accepted, Ok(true))) {
        true => Outcome::Done,
        // To all again: to a replica that has it, it is no news.
        false => Outcome::Retry,
    }
}
