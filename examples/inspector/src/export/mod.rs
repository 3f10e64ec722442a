//! A kept delivery as something to keep elsewhere: a line for a shell, a test vector, a Rust test.
//!
//! If the sender signs no time, a signature is valid for as long as its secret. So a vector and a test are signed
//! again with a secret that is used nowhere else, and no real receiver accepts their signature. This is not possible
//! for a delivery that is not verified, or that was signed with a private key. Such an export contains what the sender
//! sent, and the page asks first.

mod curl;
mod rust_test;
mod vector;

use std::time::SystemTime;

use http::{HeaderName, HeaderValue};
use tower_webhook_auth::Secret;

pub use self::curl::curl;
use crate::{
    catalogue::{self, Entry},
    deliveries::{Delivery, Received, millis},
    judge::Verdict,
    keys::{Held, Key, Origin},
    sign,
};

/// Headers of one connection, and those that every client writes itself.
const LEFT_OUT: [&str; 6] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "transfer-encoding",
];

/// What has to be confirmed before a vector or a test is exported.
pub fn warning(delivery: &Delivery) -> Option<&'static str> {
    let can_sign = delivery
        .sender
        .and_then(catalogue::find)
        .is_some_and(|entry| entry.can_sign);
    match &delivery.verdict {
        Verdict::Verified(_) if can_sign => None,
        Verdict::Verified(_) => Some(
            "This delivery cannot be signed with another key, because the sender signs with a private key. The file \
             contains the sender's own signature, and a receiver may accept it.",
        ),
        Verdict::Rejected(_) => Some(
            "This delivery is not verified, so it cannot be signed with another key. The file contains the headers as \
             they were sent. A signature or a key in them may be genuine, also for another body.",
        ),
        // They cannot be exported.
        Verdict::Unkeyed { .. } | Verdict::Handshake { .. } => None,
    }
}

/// What has to be confirmed before the line for a shell is shown.
pub fn warning_for_curl(delivery: &Delivery) -> Option<&'static str> {
    match &delivery.verdict {
        Verdict::Verified(_) => None,
        _ => Some(
            "This delivery is not verified. The line contains the headers as they were sent. A signature or a key in \
             them may be genuine, also for another body.",
        ),
    }
}

/// A delivery in the form in which it is exported.
pub struct Export {
    entry: &'static Entry,
    received: Received,
    /// Unix time in seconds, by which the delivery is judged.
    now: u64,
    url: Option<String>,
    secret: ExportedSecret,
    expected: Expected,
}

enum ExportedSecret {
    /// It is used nowhere else.
    ThrowAway(String),
    /// The owner puts it into the environment.
    Variable(String),
}

enum Expected {
    Accepted,
    Rejected(&'static str),
}

impl Export {
    /// # Errors
    ///
    /// If the delivery cannot be signed.
    pub fn new(delivery: &Delivery, entry: &'static Entry, url: &str) -> Result<Self, String> {
        let mut export = Self {
            entry,
            received: delivery.received.clone(),
            now: millis(delivery.received.at) / 1000,
            url: entry.sender.needs_url.then(|| url.to_owned()),
            secret: ExportedSecret::Variable(crate::settings::secret_variable(
                entry.sender.name,
                crate::keys::DEFAULT_KEY,
            )),
            expected: match &delivery.verdict {
                Verdict::Rejected(rejected) => Expected::Rejected(rejected.code),
                Verdict::Verified(_) => Expected::Accepted,
                Verdict::Unkeyed { .. } | Verdict::Handshake { .. } => {
                    return Err(
                        "this delivery has no verdict: enter the key of its sender".to_owned()
                    );
                }
            },
        };
        if !entry.can_sign {
            return Ok(export);
        }
        let text = sign::made_secret()?;
        match export.expected {
            Expected::Accepted => {
                let keys = vec![Key::new("default", text.clone(), Origin::MadeHere)];
                let held =
                    Held::new(entry, keys, url.to_owned()).map_err(|error| error.to_string())?;
                let secret = Secret::new(text.clone()).map_err(|error| error.to_string())?;
                let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(export.now);
                let signed = sign::again(&held, &secret, export.received.request(), at, true)?;
                // The signature may be in a header, in the query or in the body.
                export.received.headers = signed.headers().clone();
                export.received.uri = signed.uri().clone();
                export.received.body = signed.into_body();
            }
            // Every secret but the sender's rejects it in the same way.
            Expected::Rejected(_) => {}
        }
        export.secret = ExportedSecret::ThrowAway(text);
        Ok(export)
    }

    pub fn sender_name(&self) -> &'static str {
        self.entry.sender.name
    }

    fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        headers(&self.received)
    }
}

/// The headers of the delivery, without those of the connection.
fn headers(received: &Received) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    received
        .headers
        .iter()
        .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
}
