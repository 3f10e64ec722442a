//! The verdict on a delivery. It is the library's own, so it cannot differ from the one in production.

use std::{
    fmt::{self, Write},
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use tower_webhook_auth::{
    Authentication, Claim, Rejection, RejectionDetail, RejectionKind, Verified,
};

use crate::{
    catalogue::{self, Entry},
    deliveries::{Received, Reply, millis},
    handshakes,
    inspector::Shared,
    keys::Held,
};

/// How many bytes of an event's text are shown.
const MOST_EVENT_BYTES: usize = 64 * 1024;

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Verdict {
    Verified(Accepted),
    Rejected(Rejected),
    /// It is kept, and it is judged when a key is entered.
    Unkeyed {
        looks_like: Vec<&'static str>,
    },
    /// A set-up request of the sender.
    Handshake {
        signed: bool,
        text: String,
    },
}

#[derive(Clone, Debug, Serialize)]
pub struct Accepted {
    pub key: String,
    pub authentication: &'static str,
    pub body_is_signed: bool,
    pub way: Option<String>,
    pub id: Option<NamedClaim>,
    pub event_name: Option<NamedClaim>,
    pub signed_at: Option<u64>,
    pub skew_ms: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct NamedClaim {
    pub value: String,
    pub signed: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Rejected {
    pub code: &'static str,
    pub message: String,
    pub header: Option<String>,
    pub status: u16,
    pub detail: Option<String>,
    pub skew_ms: Option<i64>,
    pub tried: Vec<String>,
    pub cause: Option<Cause>,
    /// The body was not read, so there is nothing to judge again.
    #[serde(skip)]
    pub is_final: bool,
}

/// Why a delivery was rejected, if one change makes it match.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Cause {
    Found {
        code: &'static str,
        text: String,
        verified: bool,
    },
    Pending,
    /// The body is larger than the search allows.
    Skipped,
    Unknown {
        tried: usize,
    },
}

pub struct Judgement {
    pub sender: Option<&'static str>,
    pub verdict: Verdict,
    /// What a handshake is answered with.
    pub reply: Option<Reply>,
}

/// Judges a delivery by the sender in its path. For `any`, by the senders whose headers it has and whose keys are
/// held: the first one that verifies it, or else the first one.
pub async fn judge(inspector: &Shared, received: &Received) -> Judgement {
    let seen = catalogue::seen_in(&received.headers);
    let by_path = catalogue::find(&received.addressed);
    let candidates = by_path.map_or_else(|| seen.clone(), |entry| vec![entry]);
    let mut first = None;
    for entry in candidates {
        let held = inspector.state().keyring.get(entry.sender.name).cloned();
        if held.is_none() && by_path.is_none() {
            continue;
        }
        let judgement = judge_as(entry, held.as_ref(), received, received.at).await;
        if matches!(
            judgement.verdict,
            Verdict::Verified(_) | Verdict::Handshake { .. }
        ) {
            return judgement;
        }
        first.get_or_insert(judgement);
    }
    first.unwrap_or_else(|| Judgement {
        sender: None,
        verdict: unkeyed(&seen),
        reply: None,
    })
}

/// Judges a delivery as one of this sender.
pub async fn judge_as(
    entry: &'static Entry,
    held: Option<&Held>,
    received: &Received,
    at: SystemTime,
) -> Judgement {
    let of_sender = |verdict, reply| Judgement {
        sender: Some(entry.sender.name),
        verdict,
        reply,
    };
    let head = received.head();
    if let Some(reply) = handshakes::unsigned(entry, held, &head, &received.body, at).await {
        return of_sender(handshake(entry, false), Some(reply));
    }
    let Some(held) = held else {
        return of_sender(unkeyed(&catalogue::seen_in(&received.headers)), None);
    };
    match held.provider.verify(&head, received.body.clone(), at) {
        Ok(verified) => {
            if let Some(reply) = handshakes::signed(held, &verified, &head, at).await {
                return of_sender(handshake(entry, true), Some(reply));
            }
            of_sender(accepted(entry, &verified, received.at), None)
        }
        // A published key is not the sender's, so a mismatch with it means nothing.
        Err(rejection) if held.is_demonstration() && is_mismatch(rejection.kind()) => {
            of_sender(unkeyed(&[]), None)
        }
        Err(rejection) => of_sender(Verdict::Rejected(rejected(&rejection)), None),
    }
}

pub fn is_mismatch(kind: RejectionKind) -> bool {
    matches!(
        kind,
        RejectionKind::KeyMismatch | RejectionKind::SignatureMismatch
    )
}

fn unkeyed(seen: &[&'static Entry]) -> Verdict {
    Verdict::Unkeyed {
        looks_like: seen.iter().map(|entry| entry.sender.name).collect(),
    }
}

fn handshake(entry: &Entry, signed: bool) -> Verdict {
    let text = entry
        .sender
        .setup
        .unwrap_or("A set-up request of the sender.");
    Verdict::Handshake {
        signed,
        text: text.to_owned(),
    }
}

fn accepted(entry: &Entry, verified: &Verified<Bytes>, received_at: SystemTime) -> Verdict {
    if let (Some(expected), Err(error)) =
        (entry.event_type(), entry.sender.read_event(verified.body()))
    {
        let kind = RejectionKind::EventUnparseable;
        return Verdict::Rejected(Rejected {
            code: kind.as_str(),
            message: format!(
                "the signature is valid, but the body is not the expected event, {expected}"
            ),
            header: None,
            status: kind.status().as_u16(),
            detail: Some(error.to_string()),
            skew_ms: None,
            tried: Vec::new(),
            cause: None,
            is_final: false,
        });
    }
    let claim = |claim: Option<Claim<'_>>| {
        claim.map(|claim| NamedClaim {
            value: claim.unverified().to_owned(),
            signed: claim.signed().is_some(),
        })
    };
    let signed_at = verified.signed_at().map(millis);
    Verdict::Verified(Accepted {
        key: verified.key_name().to_owned(),
        authentication: match verified.authentication() {
            Authentication::BodyKey => "body_key",
            Authentication::KeylessDigest => "keyless_digest",
            Authentication::PartialSignature => "partial_signature",
            Authentication::SharedKey => "shared_key",
            Authentication::Signature => "signature",
            Authentication::Token => "token",
            _ => "custom",
        },
        body_is_signed: verified.body_is_signed(),
        way: verified.way().map(str::to_owned),
        id: claim(verified.delivery_id()),
        event_name: claim(verified.event_name()),
        signed_at,
        skew_ms: signed_at.and_then(|signed_at| {
            let difference = i128::from(millis(received_at)) - i128::from(signed_at);
            i64::try_from(difference).ok()
        }),
    })
}

fn rejected(rejection: &Rejection) -> Rejected {
    let kind = rejection.kind();
    let detail = rejection.detail();
    let skew_ms = match &detail {
        Some(RejectionDetail::Timestamp { distance, .. }) => {
            let distance = i64::try_from(distance.as_millis()).ok();
            match kind {
                RejectionKind::TimestampInFuture => distance.map(|distance| -distance),
                _ => distance,
            }
        }
        _ => None,
    };
    Rejected {
        code: kind.as_str(),
        message: rejection.to_string(),
        header: rejection.header_name().map(|name| name.as_str().to_owned()),
        status: rejection.status().as_u16(),
        detail: detail.map(|detail| detail.to_string()),
        skew_ms,
        tried: rejection.tried_keys().map(str::to_owned).collect(),
        cause: Some(Cause::Pending),
        is_final: false,
    }
}

impl Accepted {
    /// What the sender says in headers.
    pub fn claims(&self) -> impl Iterator<Item = &NamedClaim> {
        self.id.iter().chain(&self.event_name)
    }

    pub fn claims_mut(&mut self) -> impl Iterator<Item = &mut NamedClaim> {
        self.id.iter_mut().chain(&mut self.event_name)
    }
}

impl Verdict {
    /// The response to the sender: the one that the layer would give. Without a key it is 503, so that the sender
    /// repeats the delivery.
    pub fn reply(&self) -> Reply {
        let mut reply = Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"ok\n"),
        };
        reply.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        match self {
            Self::Verified(_) | Self::Handshake { .. } => {}
            Self::Rejected(rejected) => {
                reply.status =
                    StatusCode::from_u16(rejected.status).unwrap_or(StatusCode::UNAUTHORIZED);
                reply.body = Bytes::from_static(b"rejected\n");
            }
            Self::Unkeyed { .. } => {
                reply.status = StatusCode::SERVICE_UNAVAILABLE;
                reply
                    .headers
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
                reply.body = Bytes::from_static(
                    b"kept, and not verified: no key is entered for this sender\n",
                );
            }
        }
        reply
    }

    /// A word for the list.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::Rejected(_) => "rejected",
            Self::Unkeyed { .. } => "unkeyed",
            Self::Handshake { .. } => "handshake",
        }
    }

    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejected) => rejected.code,
            Self::Unkeyed { .. } => "no_secret",
            other => other.state(),
        }
    }

    pub fn is_verified(&self) -> bool {
        matches!(self, Self::Verified(_))
    }

    /// Whether it waits for the search for its cause.
    pub fn is_pending(&self) -> bool {
        matches!(
            self,
            Self::Rejected(Rejected {
                cause: Some(Cause::Pending),
                ..
            })
        )
    }
}

/// The event of a verified body, as `{:#?}` prints it, and whether it was cut. `None` if the sender has no event
/// type, or the body is not an event.
pub fn event_text(entry: &Entry, body: &[u8]) -> Option<(String, bool)> {
    let event = entry.sender.read_event(body).ok()??;
    let mut text = Bounded::default();
    let is_whole = write!(text, "{event:#?}").is_ok();
    Some((text.text, !is_whole))
}

/// A text that takes no more than [`MOST_EVENT_BYTES`].
#[derive(Default)]
struct Bounded {
    text: String,
}

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = MOST_EVENT_BYTES - self.text.len();
        if part.len() <= room {
            self.text.push_str(part);
            return Ok(());
        }
        let cut = (0..=room).rev().find(|&index| part.is_char_boundary(index));
        self.text.push_str(&part[..cut.unwrap_or(0)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_event_is_cut_between_two_characters() {
        let mut text = Bounded::default();
        assert!(text.write_str(&"a".repeat(MOST_EVENT_BYTES - 1)).is_ok());
        assert!(text.write_str("é").is_err());
        assert_eq!(text.text.len(), MOST_EVENT_BYTES - 1);
    }
}
