//! [`Rules`]: what the claims of a token must say.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use http::{HeaderName, HeaderValue, request::Parts};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::members::{self, Members};
use crate::{
    rejection::{ExpectedShape, FoundShape, Rejection, RejectionKind},
    scheme::{headers::is_readable_id, signed::BodyDigest, url::SignedUrl},
};

/// A claim that a token must have, and the text that a rejection shows.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) name: String,
    expected: Arc<str>,
}

/// The value of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// One of these texts.
    OneOf(Vec<String>),
    /// Any value but `null`.
    Present,
}

/// A claim that has the URL which the sender calls, or a hash of it.
#[derive(Clone, Debug)]
pub(super) struct UrlClaim {
    pub(super) claim: Claim,
    pub(super) digest: Option<BodyDigest>,
}

/// What binds the token to the body.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// A claim with a hash of the body.
    Hash {
        claim: Claim,
        form: BodyDigest,
        absent_if_empty: bool,
    },
    /// The body is the token.
    IsToken,
    /// Nothing: the body is not signed.
    Nothing,
}

/// What the claims of a token must say.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) audience: Option<(Claim, String)>,
    pub(super) binding: Binding,
    pub(super) expiry: Option<Claim>,
    pub(super) fixed: Vec<(Claim, Value)>,
    pub(super) id: Option<Claim>,
    /// How far `nbf` may be in the future.
    pub(super) leeway: Duration,
    pub(super) max_age: Option<(Claim, Duration)>,
    pub(super) url: Option<SignedUrl>,
    pub(super) url_claims: Vec<UrlClaim>,
}

/// What the claims prove, after they were found to be right.
pub(super) struct Judged {
    /// The hash that the body must have. `None` if the claim is absent.
    pub(super) body: Option<[u8; 32]>,
    pub(super) id: Option<HeaderValue>,
    pub(super) signed_at: Option<SystemTime>,
    pub(super) expires_at: Option<SystemTime>,
}

impl Claim {
    pub(super) fn new(name: &str) -> Self {
        Self::with(name, "")
    }

    /// `value` says which value it must have.
    pub(super) fn with(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            expected: format!("the claim {name:?}{value}").into(),
        }
    }

    fn absent(&self, header: Option<&HeaderName>) -> Rejection {
        self.wrong(header, FoundShape::of_no_claim())
    }

    fn other(&self, header: Option<&HeaderName>) -> Rejection {
        self.wrong(header, FoundShape::of_other_value())
    }

    fn wrong(&self, header: Option<&HeaderName>, found: FoundShape) -> Rejection {
        Rejection::claim(header, ExpectedShape::built(&self.expected), found)
    }

    fn read<'a>(
        &self,
        claims: &Members<'a>,
        header: Option<&HeaderName>,
    ) -> Result<&'a RawValue, Rejection> {
        claims.get(&self.name).ok_or_else(|| self.absent(header))
    }
}

impl Value {
    fn is(&self, value: &RawValue) -> bool {
        match self {
            Self::Bool(expected) => value.get() == expected.to_string(),
            Self::OneOf(texts) => {
                members::text(value).is_some_and(|found| texts.iter().any(|text| *text == found))
            }
            Self::Present => value.get() != "null",
        }
    }
}

impl Rules {
    /// The URL that the sender calls. `None` if no claim has it.
    pub(super) fn url_text(&self, head: &Parts) -> Result<Option<Vec<u8>>, Rejection> {
        let Some(url) = &self.url else {
            return Ok(None);
        };
        let mut text = Vec::new();
        url.write(head, &mut |piece| text.extend_from_slice(piece))?;
        Ok(Some(text))
    }

    /// Checks the claims. They are not secret, so they are not compared in constant time.
    pub(super) fn judge(
        &self,
        claims: &Members<'_>,
        url: Option<&[u8]>,
        now: SystemTime,
        header: Option<&HeaderName>,
    ) -> Result<Judged, Rejection> {
        for (claim, expected) in &self.fixed {
            if !expected.is(claim.read(claims, header)?) {
                return Err(claim.other(header));
            }
        }
        if let Some((claim, audience)) = &self.audience
            && !is_for(claim.read(claims, header)?, audience)
        {
            return Err(claim.other(header));
        }
        for UrlClaim { claim, digest } in &self.url_claims {
            let found = members::text(claim.read(claims, header)?);
            let url = url.unwrap_or_default();
            let is_right = found.is_some_and(|found| match digest {
                None => found.as_bytes() == url,
                Some(form) => decode(*form, &found) == Some(Sha256::digest(url).into()),
            });
            if !is_right {
                return Err(claim.other(header));
            }
        }
        let (signed_at, expires_at) = self.judge_time(claims, now, header)?;
        let body = match &self.binding {
            Binding::IsToken | Binding::Nothing => None,
            Binding::Hash {
                claim,
                form,
                absent_if_empty,
            } => match claims.get(&claim.name) {
                None if *absent_if_empty => None,
                None => return Err(claim.absent(header)),
                Some(hash) => {
                    let hash = members::text(hash).and_then(|text| decode(*form, &text));
                    Some(hash.ok_or_else(|| claim.other(header))?)
                }
            },
        };
        let id = match &self.id {
            None => None,
            Some(claim) => {
                let id = members::text(claim.read(claims, header)?)
                    .filter(|id| is_readable_id(id.as_bytes()))
                    .and_then(|id| HeaderValue::from_str(&id).ok());
                Some(id.ok_or_else(|| claim.other(header))?)
            }
        };
        Ok(Judged {
            body,
            id,
            signed_at,
            expires_at,
        })
    }

    /// Checks the times ([RFC 7519 section 4.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1)), and
    /// returns the time of signing where it is required, and the expiry where it is present.
    fn judge_time(
        &self,
        claims: &Members<'_>,
        now: SystemTime,
        header: Option<&HeaderName>,
    ) -> Result<(Option<SystemTime>, Option<SystemTime>), Rejection> {
        let time = |name: &str| -> Result<Option<SystemTime>, Rejection> {
            let Some(value) = claims.get(name) else {
                return Ok(None);
            };
            let time = numeric_date(value);
            time.map(Some)
                .ok_or_else(|| Claim::with(name, " with a time in seconds").other(header))
        };
        let too_far = |kind, distance, tolerated| {
            Err(Rejection::timestamp(
                kind, header, distance, tolerated, None,
            ))
        };
        let (expiry, not_before) = (time("exp")?, time("nbf")?);
        if let (None, Some(claim)) = (expiry, &self.expiry) {
            return Err(claim.absent(header));
        }
        // The token must not be accepted at this time or later.
        if let Some(expiry) = expiry
            && let Ok(late) = now.duration_since(expiry)
        {
            return too_far(RejectionKind::TimestampTooOld, late, Duration::ZERO);
        }
        if let Some(not_before) = not_before
            && let Ok(ahead) = not_before.duration_since(now)
            && ahead > self.leeway
        {
            return too_far(RejectionKind::TimestampInFuture, ahead, self.leeway);
        }
        let Some((claim, max_age)) = &self.max_age else {
            return Ok((None, expiry));
        };
        let signed_at = time(&claim.name)?.ok_or_else(|| claim.absent(header))?;
        let (kind, distance) = match now.duration_since(signed_at) {
            Ok(age) => (RejectionKind::TimestampTooOld, age),
            Err(ahead) => (RejectionKind::TimestampInFuture, ahead.duration()),
        };
        if distance > *max_age {
            return too_far(kind, distance, *max_age);
        }
        Ok((Some(signed_at), expiry))
    }
}

/// Whether the audience is one text, or a list that contains it.
fn is_for(value: &RawValue, audience: &str) -> bool {
    match members::text(value) {
        Some(one) => one == audience,
        None => serde_json::from_str::<Vec<String>>(value.get())
            .is_ok_and(|list| list.iter().any(|one| one == audience)),
    }
}

/// The digest in a claim. The sender signed the text, so its case and padding do not matter.
fn decode(form: BodyDigest, text: &str) -> Option<[u8; 32]> {
    let unpadded = text.trim_end_matches('=').as_bytes();
    let decoded = match form {
        BodyDigest::Sha256Base64 => BASE64_NOPAD.decode(unpadded),
        BodyDigest::Sha256Base64Url => BASE64URL_NOPAD.decode(unpadded),
        BodyDigest::Sha256Hex => HEXLOWER_PERMISSIVE.decode(text.as_bytes()),
    };
    decoded.ok()?.try_into().ok()
}

/// Seconds since 1970, which may have a fraction.
fn numeric_date(value: &RawValue) -> Option<SystemTime> {
    let number: serde_json::Number = serde_json::from_str(value.get()).ok()?;
    let since = match number.as_u64() {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::try_from_secs_f64(number.as_f64()?).ok()?,
    };
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("JSON")
    }

    #[test]
    fn a_time_is_a_number_of_seconds() {
        let at = |json| {
            let time = numeric_date(&raw(json))?;
            Some(
                time.duration_since(SystemTime::UNIX_EPOCH)
                    .expect("after 1970"),
            )
        };
        assert_eq!(at("1700000000"), Some(Duration::from_secs(1_700_000_000)));
        assert_eq!(
            at("1700000000.5"),
            Some(Duration::from_millis(1_700_000_000_500))
        );
        assert_eq!(at("1.7e9"), Some(Duration::from_secs(1_700_000_000)));
        for other in [
            "-1",
            "1e300",
            "18446744073709551615",
            "\"1700000000\"",
            "null",
            "true",
            "[]",
        ] {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[test]
    fn an_audience_is_one_text_or_a_list() {
        for (json, expected) in [
            (r#""app""#, true),
            (r#"["other","app"]"#, true),
            (r#""app2""#, false),
            (r#"[]"#, false),
            (r#"{"app":1}"#, false),
            (r#"["other",7]"#, false),
            ("null", false),
        ] {
            assert_eq!(is_for(&raw(json), "app"), expected, "{json}");
        }
    }

    #[test]
    fn a_digest_has_all_its_bytes() {
        let hex = "1bd7ffe59704c2257287a46f7e534f997665acc7b0a5a2f33091370bdd8561f1";
        let digest = decode(BodyDigest::Sha256Hex, hex).expect("a digest");
        for (form, text) in [
            (BodyDigest::Sha256Hex, hex.to_uppercase()),
            (
                BodyDigest::Sha256Base64,
                "G9f/5ZcEwiVyh6RvflNPmXZlrMewpaLzMJE3C92FYfE=".into(),
            ),
            (
                BodyDigest::Sha256Base64Url,
                "G9f_5ZcEwiVyh6RvflNPmXZlrMewpaLzMJE3C92FYfE".into(),
            ),
            (
                BodyDigest::Sha256Base64Url,
                "G9f_5ZcEwiVyh6RvflNPmXZlrMewpaLzMJE3C92FYfE=".into(),
            ),
        ] {
            assert_eq!(decode(form, &text), Some(digest), "{text}");
            assert_eq!(decode(form, &text[2..]), None, "{text}");
            assert_eq!(decode(form, ""), None);
        }
    }
}
