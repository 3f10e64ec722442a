//! The identity of a delivery: a digest that distinguishes it from every other delivery.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::error::BoxError;

/// The first bytes of every digest. They change when the way to compute an identity changes.
const DOMAIN: &[u8] = b"tower-webhook-auth delivery identity 1";

/// At most this many bytes of a body are hashed in one call of [`Identifying::advance`], so that a
/// future can yield to its runtime in between.
const BYTES_PER_STEP: usize = 256 * 1024;

/// The identity of a delivery: 32 bytes, equal for two copies of one delivery and different for two
/// different deliveries. [`Verified::identity`](crate::Verified::identity) computes it.
///
/// It is a SHA-256 digest. It always has the same length, it contains no data of the sender, and
/// it can safely be a part of a key in a database. The digest uses no secret key: a reader of the
/// store who guesses the exact bytes of a body can confirm the guess.
///
/// It is the same on every machine. If a version of this crate changes the computation, the
/// changelog says so. Its text, for `Display`, `FromStr` and serde, is 64 lowercase hexadecimal
/// digits:
///
/// ```
/// use tower_webhook_auth::Identity;
///
/// # fn main() -> Result<(), tower_webhook_auth::BoxError> {
/// let text = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// let identity: Identity = text.parse()?;
/// assert_eq!(identity.to_string(), text);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity([u8; 32]);

impl Identity {
    /// The 32 bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({self})")
    }
}

impl FromStr for Identity {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, BoxError> {
        let wrong = || {
            let found = text.len();
            format!("an identity has 64 lowercase hexadecimal digits: found {found} bytes of text")
        };
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| wrong())?;
        Ok(Self(bytes.try_into().map_err(|_| wrong())?))
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The part that distinguishes a delivery from the other deliveries of its sender and tenant.
pub(crate) enum Mark<'a> {
    /// The signed body, and the signed time if there is one.
    Content {
        signed_at: Option<SystemTime>,
        body: &'a Bytes,
    },
    /// An id that the event itself contains.
    EventId(&'a str),
    /// An id in a header that the signature covers.
    SignedId(&'a [u8]),
}

/// An identity that is being computed.
pub(crate) struct Identifying {
    digest: Sha256,
    /// The part of the body that is not hashed yet.
    rest: Bytes,
}

impl Identifying {
    /// Each part has its length in front of it: two different lists of parts are never the same bytes.
    pub(crate) fn new(provider: &str, tenant: Option<&str>, mark: &Mark<'_>) -> Self {
        let mut digest = Sha256::new();
        let mut part = |bytes: &[u8]| {
            digest.update(length(bytes));
            digest.update(bytes);
        };
        part(DOMAIN);
        part(provider.as_bytes());
        part(tenant.unwrap_or_default().as_bytes());
        let rest = match mark {
            Mark::Content { signed_at, body } => {
                part(b"content");
                part(signed_at.map(nanoseconds).as_ref().map_or(&[], |time| time));
                digest.update(length(body));
                Bytes::clone(body)
            }
            Mark::EventId(id) => {
                part(b"event id");
                part(id.as_bytes());
                Bytes::new()
            }
            Mark::SignedId(id) => {
                part(b"signed id");
                part(id);
                Bytes::new()
            }
        };
        Self { digest, rest }
    }

    /// Hashes a piece of the body. `None` while there is more of it.
    pub(crate) fn advance(&mut self) -> Option<Identity> {
        let piece = self.rest.split_to(self.rest.len().min(BYTES_PER_STEP));
        self.digest.update(piece);
        self.rest
            .is_empty()
            .then(|| Identity(std::mem::take(&mut self.digest).finalize().into()))
    }

    /// Hashes all of the body now.
    pub(crate) fn finish(mut self) -> Identity {
        loop {
            if let Some(identity) = self.advance() {
                return identity;
            }
        }
    }
}

fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_be_bytes()
}

/// Nanoseconds since 1970, negative before: a time written as in RFC 3339 can be earlier.
fn nanoseconds(time: SystemTime) -> [u8; 16] {
    let signed = |distance: Duration| i128::try_from(distance.as_nanos()).unwrap_or(i128::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => signed(before.duration()).saturating_neg(),
    }
    .to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(provider: &str, tenant: Option<&str>, mark: &Mark<'_>) -> String {
        Identifying::new(provider, tenant, mark)
            .finish()
            .to_string()
    }

    #[test]
    fn one_step_hashes_at_most_256_kib_of_a_body() {
        let body = Bytes::from(vec![7; 600 * 1024]);
        let mark = Mark::Content {
            signed_at: None,
            body: &body,
        };
        let mut identifying = Identifying::new("acme", None, &mark);
        let mut left = Vec::new();
        while identifying.advance().is_none() {
            left.push(identifying.rest.len());
        }
        assert_eq!(left, [344 * 1024, 88 * 1024]);
    }

    fn at(seconds: u64) -> Option<SystemTime> {
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// Computed with Python's `hashlib` and `struct`: stores keep identities over an upgrade, so they
    /// must not change.
    #[test]
    fn the_digest_is_the_one_that_another_program_computes() {
        let body = Bytes::from_static(b"{}");
        let content = |signed_at| Mark::Content {
            signed_at,
            body: &body,
        };
        let cases = [
            (
                of("github", None, &content(None)),
                "083e2afa16918bb6967e3f24bf2e974d1b63ae1799576028139ebd5662ad52d7",
            ),
            (
                of("stripe", Some("acme"), &content(at(1_700_000_000))),
                "9b99a8c03bba4a45967819684ab3b932557c0cadaa7c667be117d80ef1dd43e0",
            ),
            (
                of("svix", None, &Mark::SignedId(b"msg_1")),
                "2b22091d8ad164a70ed84732907c7c008f62a9bd941acc75653a802b464c116a",
            ),
            (
                of("stripe", None, &Mark::EventId("evt_1")),
                "8dd51583afe8644e5dc0391326250ba75bf4f19ad7b2e5ff51d5e313c098530d",
            ),
        ];
        for (computed, expected) in cases {
            assert_eq!(computed, expected);
        }
    }

    #[test]
    fn any_difference_in_any_part_is_another_identity() {
        let (body, other) = (Bytes::from_static(b"{}"), Bytes::from_static(b"{} "));
        let content = |signed_at, body| Mark::Content { signed_at, body };
        let identities = [
            of("a", None, &content(None, &body)),
            of("b", None, &content(None, &body)),
            of("a", Some("b"), &content(None, &body)),
            of("ab", None, &content(None, &body)),
            of("a", None, &content(None, &other)),
            of("a", None, &content(at(0), &body)),
            of("a", None, &content(at(1), &body)),
            of(
                "a",
                None,
                &content(
                    SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(1)),
                    &body,
                ),
            ),
            of("a", None, &Mark::SignedId(b"{}")),
            of("a", None, &Mark::EventId("{}")),
            of("a", None, &Mark::EventId("")),
            of("a", Some("{}"), &Mark::EventId("")),
        ];
        let different: std::collections::BTreeSet<_> = identities.iter().collect();
        assert_eq!(different.len(), identities.len());
    }

    #[test]
    fn a_large_body_is_hashed_in_pieces() {
        let body = Bytes::from(vec![7; 2 * BYTES_PER_STEP + 1]);
        let mark = Mark::Content {
            signed_at: None,
            body: &body,
        };
        let mut identifying = Identifying::new("a", None, &mark);
        assert_eq!(identifying.advance(), None);
        assert_eq!(identifying.advance(), None);
        let identity = identifying.advance().expect("three pieces are all of it");
        assert_eq!(identity.to_string(), of("a", None, &mark));
    }

    #[test]
    fn the_text_of_an_identity_is_read_back_and_no_other_text_is() {
        let text = of("a", None, &Mark::EventId("1"));
        let json = format!("{text:?}");
        let identity: Identity = serde_json::from_str(&json).expect("an identity");
        assert_eq!(serde_json::to_string(&identity).expect("text"), json);
        for wrong in ["", &text[2..], &text.to_uppercase(), &format!("{text}00")] {
            let error = wrong.parse::<Identity>().expect_err(wrong);
            assert!(
                error
                    .to_string()
                    .contains(&format!("{} bytes", wrong.len()))
            );
        }
    }
}
