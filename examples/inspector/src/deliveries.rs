//! What was received: a ring, bounded in number and in bytes.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, Uri};
use serde::Serialize;

use crate::presets::Accepted;

pub const MAX_DELIVERIES: usize = 200;
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

#[derive(Clone)]
pub struct Delivery {
    pub id: u64,
    pub received: SystemTime,
    pub took: Duration,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The preset's name, or `any`.
    pub preset: String,
    pub verdict: Verdict,
    pub answered: u16,
    pub test: bool,
    pub sent: Vec<Sent>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Verdict {
    Verified {
        accepted: Accepted,
        signed_at: Option<u64>,
        skew: Option<i64>,
    },
    Refused {
        code: &'static str,
        message: String,
        header: Option<String>,
        status: u16,
        cause: Option<Cause>,
    },
    /// Kept, and not judged: no secret is known for it yet.
    Unkeyed { looks_like: Vec<String> },
}

/// What was seen to be wrong: each hypothesis went through the real verification.
#[derive(Clone, Debug, Serialize)]
pub struct Cause {
    pub title: String,
    pub detail: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    pub url: String,
    pub anew: bool,
    pub status: Option<u16>,
    pub millis: u64,
    pub body: String,
    pub error: Option<String>,
}

impl Delivery {
    pub fn request_with(&self, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    fn bytes(&self) -> usize {
        let head: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        self.body.len() + head + 512
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let name: HeaderName = name.parse().ok()?;
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Default)]
pub struct Ring {
    deliveries: VecDeque<Delivery>,
    next: u64,
    bytes: usize,
    pub dropped: u64,
}

impl Ring {
    pub fn push(&mut self, mut delivery: Delivery) -> Delivery {
        self.next += 1;
        delivery.id = self.next;
        self.bytes += delivery.bytes();
        self.deliveries.push_back(delivery.clone());
        while self.deliveries.len() > MAX_DELIVERIES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.deliveries.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
            self.dropped += 1;
        }
        delivery
    }

    pub fn clear(&mut self) {
        self.deliveries.clear();
        self.bytes = 0;
        self.dropped = 0;
    }

    pub fn get(&self, id: u64) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.id == id)
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut Delivery> {
        self.deliveries
            .iter_mut()
            .find(|delivery| delivery.id == id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries.iter()
    }
}

pub fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64
}
