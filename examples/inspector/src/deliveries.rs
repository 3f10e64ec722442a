//! The deliveries that are kept: a ring with a bound on their number and on their bytes.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version, request::Parts};

use crate::{judge::Verdict, send::Sent};

pub const MOST_DELIVERIES: usize = 200;
pub const MOST_BYTES: usize = 64 * 1024 * 1024;
pub const MOST_SENDS: usize = 10;

/// What a delivery costs in addition to its texts.
const OVERHEAD: usize = 1024;

/// A request to the inbox.
#[derive(Clone)]
pub struct Received {
    pub at: SystemTime,
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The name in the path: a sender's, or `any`.
    pub addressed: String,
    /// Sent by the console.
    pub is_test: bool,
}

#[derive(Clone)]
pub struct Delivery {
    pub id: u64,
    pub received: Received,
    /// The sender by which it was judged, if there is one.
    pub sender: Option<&'static str>,
    pub verdict: Verdict,
    pub reply: Reply,
    /// From the end of the body to our response.
    pub took: Duration,
    pub sent_to: Vec<Sent>,
}

/// Our response to the sender.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn head(&self) -> Parts {
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = self.method.clone();
        head.uri = self.uri.clone();
        head.version = self.version;
        head.headers = self.headers.clone();
        head
    }

    pub fn request(&self) -> Request<Bytes> {
        Request::from_parts(self.head(), self.body.clone())
    }

    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl Delivery {
    fn bytes(&self) -> usize {
        let headers = self.received.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        let sent: usize = self.sent_to.iter().map(Sent::bytes).sum();
        let uri = self.received.path_and_query().len();
        self.received.body.len() + self.reply.body.len() + headers + sent + uri + OVERHEAD
    }
}

#[derive(Default)]
pub struct Ring {
    deliveries: VecDeque<Delivery>,
    last_id: u64,
    bytes: usize,
    dropped: u64,
}

impl Ring {
    /// Keeps a delivery, and drops the oldest ones that no longer fit. Returns its id.
    pub fn push(&mut self, mut delivery: Delivery) -> u64 {
        self.last_id += 1;
        delivery.id = self.last_id;
        self.bytes += delivery.bytes();
        self.deliveries.push_back(delivery);
        self.drop_oldest();
        self.last_id
    }

    /// Changes a delivery that is kept, and returns what `change` returns.
    pub fn update<T>(&mut self, id: u64, change: impl FnOnce(&mut Delivery) -> T) -> Option<T> {
        let delivery = self
            .deliveries
            .iter_mut()
            .find(|delivery| delivery.id == id)?;
        let before = delivery.bytes();
        let result = change(delivery);
        self.bytes = self.bytes - before + delivery.bytes();
        self.drop_oldest();
        Some(result)
    }

    pub fn get(&self, id: u64) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.id == id)
    }

    /// From the oldest to the newest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Delivery> {
        self.deliveries.iter()
    }

    /// How many are no longer kept since the list was deleted.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The id of the oldest delivery.
    pub fn oldest(&self) -> Option<u64> {
        self.deliveries.front().map(|delivery| delivery.id)
    }

    pub fn clear(&mut self) {
        self.deliveries.clear();
        self.bytes = 0;
        self.dropped = 0;
    }

    fn drop_oldest(&mut self) {
        while self.deliveries.len() > MOST_DELIVERIES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.deliveries.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
            self.dropped += 1;
        }
    }
}

/// Milliseconds since 1970.
pub fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn delivery(body: Vec<u8>) -> Delivery {
        Delivery {
            id: 0,
            received: Received {
                at: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
                method: Method::POST,
                uri: Uri::from_static("/in/any"),
                version: Version::HTTP_11,
                headers: HeaderMap::new(),
                body: body.into(),
                addressed: "any".into(),
                is_test: false,
            },
            sender: None,
            verdict: Verdict::Unkeyed {
                looks_like: Vec::new(),
            },
            reply: Reply {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body: Bytes::new(),
            },
            took: Duration::ZERO,
            sent_to: Vec::new(),
        }
    }

    #[test]
    fn the_201st_delivery_drops_the_first() {
        let mut ring = Ring::default();
        for _ in 0..MOST_DELIVERIES + 1 {
            ring.push(delivery(Vec::new()));
        }
        assert_eq!(ring.iter().count(), MOST_DELIVERIES);
        assert_eq!((ring.oldest(), ring.dropped()), (Some(2), 1));
        assert!(ring.get(1).is_none() && ring.get(201).is_some());
    }

    #[test]
    fn large_deliveries_and_answers_of_handlers_drop_the_oldest() {
        let mut ring = Ring::default();
        for _ in 0..9 {
            ring.push(delivery(vec![0; 8 * 1024 * 1024]));
        }
        assert_eq!(ring.iter().count(), 7);
        let large = Sent {
            body: "x".repeat(8 * 1024 * 1024),
            ..Sent::default()
        };
        ring.update(9, |delivery| delivery.sent_to.push(large))
            .expect("kept");
        assert_eq!((ring.iter().count(), ring.dropped()), (6, 3));
        ring.clear();
        assert_eq!((ring.bytes, ring.dropped(), ring.oldest()), (0, 0, None));
        assert_eq!(
            ring.push(delivery(Vec::new())),
            10,
            "an id is never used twice"
        );
    }
}
