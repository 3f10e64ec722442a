//! The signed content: the pieces that a signature covers.

use std::borrow::Cow;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use http::{HeaderName, request::Parts};
use memchr::memchr;

use super::{
    headers,
    mac::Algorithm,
    query::{Parameter, QueryParameter},
    signed_headers::{Listed, SignedHeaders},
    sorted_form::SortedForm,
    timestamp::{self, From, Timestamp},
    url::SignedUrl,
};
use crate::{
    error::ConfigError,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind},
    text::{describe, never_typed},
};

/// A piece of the bytes that are signed.
///
/// The timestamp and the id are the exact bytes of their headers. They are not formatted again.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The request's body, as received.
    Body,
    /// A digest of the body, as text. It takes the place of the body.
    BodyDigest(BodyDigest),
    /// The value of a header that is required, once.
    Header(Cow<'static, str>),
    /// The delivery's id: see [`SignatureScheme::id_header`](super::SignatureScheme::id_header).
    Id,
    /// Fixed text, such as the `.` between two pieces.
    Literal(Cow<'static, str>),
    /// The request's method.
    Method,
    /// A value that may be absent, with the text around it: literals, and one header or parameter of the
    /// query. If the header or parameter is absent, the literals are left out too. It must begin and end with
    /// a literal.
    Optional(Vec<Self>),
    /// The path and query of the URL that the sender calls, such as `/hooks?team=7`: see
    /// [`SignatureScheme::url`](super::SignatureScheme::url). A URL without a path has the path `/`. A
    /// fragment is left out.
    PathAndQuery,
    /// The value of a parameter of the query that is required, once.
    Query(QueryParameter),
    /// The secret itself: only in a
    /// [keyless digest](super::SignatureScheme::keyless_sha256_open_to_length_extension).
    Secret,
    /// Headers that the sender lists in each delivery.
    SignedHeaders(SignedHeaders),
    /// The fields of the form in the body, in the order of their names. It takes the place of the body, and
    /// the body is then not called signed.
    SortedForm(SortedForm),
    /// The value of another tag in the signature header, such as the nonce `t` in `t=…,s=…`. It must appear
    /// once. A delivery without it is rejected.
    Tag(Cow<'static, str>),
    /// The delivery's timestamp: see [`SignatureScheme::timestamp`](super::SignatureScheme::timestamp).
    Timestamp,
    /// The URL that the sender calls: see [`SignatureScheme::url`](super::SignatureScheme::url).
    Url,
}

impl Piece {
    /// Fixed text.
    #[must_use]
    pub const fn literal(text: &'static str) -> Self {
        Self::Literal(Cow::Borrowed(text))
    }

    /// The value of a header.
    #[must_use]
    pub const fn header(name: &'static str) -> Self {
        Self::Header(Cow::Borrowed(name))
    }

    /// A value that may be absent, with the text around it, such as `id:`, the parameter and `;`.
    #[must_use]
    pub fn optional(pieces: impl IntoIterator<Item = Self>) -> Self {
        Self::Optional(pieces.into_iter().collect())
    }

    /// The value of a parameter of the query. [`QueryParameter`] has its options.
    #[must_use]
    pub fn query(name: &'static str) -> Self {
        Self::Query(QueryParameter::new(name))
    }

    /// The value of another tag in the signature header.
    #[must_use]
    pub const fn tag(tag: &'static str) -> Self {
        Self::Tag(Cow::Borrowed(tag))
    }
}

/// A digest of the body, and how its text is written in the signed bytes.
///
/// A person who finds two bodies with the same digest can replace one by the other. So only SHA-256 is
/// offered. MD5 and SHA-1 have known collisions, and CRC-32 is not a cryptographic digest.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyDigest {
    /// SHA-256 in base64 with padding: 44 characters.
    Sha256Base64,
    /// SHA-256 in base64 with the alphabet for URLs and without padding: 43 characters.
    Sha256Base64Url,
    /// SHA-256 in hexadecimal digits of lower case: 64 characters.
    Sha256Hex,
}

impl BodyDigest {
    /// The text of a digest that was computed.
    pub(crate) fn text(self, digest: &[u8]) -> String {
        match self {
            Self::Sha256Base64 => BASE64.encode(digest),
            Self::Sha256Base64Url => BASE64URL_NOPAD.encode(digest),
            Self::Sha256Hex => HEXLOWER.encode(digest),
        }
    }
}

/// What is signed of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignedBody {
    Digest(BodyDigest),
    Form(SortedForm),
    Nothing,
    Whole,
}

/// The pieces before the body and those after it.
#[derive(Clone, Debug)]
pub(crate) struct SignedContent {
    pub(crate) before_body: Vec<Part>,
    pub(crate) body: SignedBody,
    pub(crate) after_body: Vec<Part>,
    pub(crate) proven: Proven,
}

/// The pieces whose beginning and end can be found in the signed bytes.
///
/// `id1` + `23` and `id` + `123` sign the same bytes. If nothing separates two pieces, a signature
/// covers both together and proves neither.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proven {
    /// Whether each request has one body for its signed bytes. In a keyless digest the body can still
    /// be extended.
    pub(crate) body: bool,
    pub(crate) id: bool,
    pub(crate) timestamp: bool,
    pub(crate) headers: Vec<HeaderName>,
}

/// A [`Piece`] that is ready to be written: with checked names, and with the mark of its end.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Header(HeaderName, End),
    Id(End),
    Literal(Cow<'static, str>),
    Listed(Box<Listed>),
    Method(End),
    /// Its parts, in their order.
    Optional(Vec<Self>),
    PathAndQuery(SignedUrl),
    Query(Parameter, End),
    Secret,
    Tag(Cow<'static, str>, End),
    Timestamp {
        runs_on: bool,
    },
    Url(SignedUrl),
}

/// The mark of the end of a piece. It must not occur in the piece itself.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// There is no mark: the next piece follows directly.
    Open,
    /// Fixed text.
    Literal(Cow<'static, str>),
    /// A timestamp whose form shows where it begins.
    Timestamp,
}

/// The facts of one delivery that its signed content may need.
pub(crate) struct Facts<'a> {
    pub(crate) id: Option<(&'a HeaderName, &'a [u8])>,
    /// The header with the signature.
    pub(crate) header: &'a HeaderName,
    /// The values of the signed tags, with their names.
    pub(crate) tags: &'a [(&'a str, &'a [u8])],
    pub(crate) timestamp: &'a [u8],
}

impl<'a> Facts<'a> {
    /// The value of a signed tag.
    pub(crate) fn tag(&self, tag: &str) -> Result<&'a [u8], Rejection> {
        let value = self.tags.iter().find(|(name, _)| *name == tag);
        let (_, value) =
            value.ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, self.header))?;
        Ok(value)
    }
}

impl SignedContent {
    /// `unsigned_body` is set if the owner accepts that the pieces do not include the body.
    pub(crate) fn new(
        pieces: &[Piece],
        url: Option<SignedUrl>,
        timestamp: Option<&Timestamp>,
        algorithm: Algorithm,
        unsigned_body: bool,
    ) -> Result<Self, ConfigError> {
        let body = pieces.iter().position(Piece::is_body);
        if body.is_none() && !unsigned_body {
            return Err(ConfigError::new(
                "the signed pieces do not include the body, so an attacker could replace it: add \
                 `Piece::Body`",
            ));
        }
        // Without a body all pieces are read from the end of the signed bytes.
        let (before_body, rest) = pieces.split_at(body.unwrap_or_default());
        let (body, after_body) = match rest.split_first() {
            Some((Piece::Body, after)) => (SignedBody::Whole, after),
            Some((Piece::BodyDigest(digest), after)) => (SignedBody::Digest(*digest), after),
            Some((Piece::SortedForm(form), after)) => (SignedBody::Form(form.clone()), after),
            _ => (SignedBody::Nothing, rest),
        };
        if unsigned_body && body != SignedBody::Nothing {
            return Err(ConfigError::new(
                "the body is signed, and `accept_unsigned_body` was called: remove the call",
            ));
        }
        // Otherwise all deliveries have the same signature, which proves nothing more than a shared key.
        let is_fixed = |piece: &Piece| matches!(piece, Piece::Literal(_) | Piece::Secret);
        if body == SignedBody::Nothing && pieces.iter().all(is_fixed) {
            return Err(ConfigError::new(
                "the signature covers only fixed text, so it is the same for all deliveries: add the signed pieces \
                 to .signed(…)",
            ));
        }
        if after_body.contains(&Piece::Secret) {
            return Err(ConfigError::new(
                "`Piece::Secret` is after `Piece::Body`: put it before the body",
            ));
        }
        // Read from the outside in: the body begins where the pieces before it end, and ends where the
        // pieces after it begin.
        let outside_in: Vec<&Piece> = before_body.iter().collect();
        let (before_body, mut proven) = parts(&outside_in, url.as_ref(), timestamp)?;
        let outside_in: Vec<&Piece> = after_body.iter().rev().collect();
        let (mut after_body, proven_after_body) = parts(&outside_in, url.as_ref(), timestamp)?;
        after_body.reverse();
        match body {
            // All digests have the same length, so the beginning also shows the end.
            SignedBody::Digest(_) => proven.body |= proven_after_body.body,
            SignedBody::Form(_) | SignedBody::Whole => proven.body &= proven_after_body.body,
            SignedBody::Nothing => proven.body = false,
        }
        if matches!(body, SignedBody::Form(_)) && !proven.body {
            return Err(ConfigError::new(
                "nothing marks where the sorted form begins or ends: a person who has seen a delivery could \
                 move text between the form and the piece next to it; use `SignedUrl::exact` for a URL, or \
                 sign a separator between them",
            ));
        }
        // A keyless digest can be extended: an attacker who has seen one delivery can choose
        // everything after its body.
        if algorithm != Algorithm::KeylessSha256 {
            proven.id |= proven_after_body.id;
            proven.timestamp |= proven_after_body.timestamp;
            proven.headers.extend(proven_after_body.headers);
        }
        Ok(Self {
            before_body,
            body,
            after_body,
            proven,
        })
    }

    /// Whether the signature covers the body or its digest.
    pub(crate) fn covers_body(&self) -> bool {
        matches!(self.body, SignedBody::Digest(_) | SignedBody::Whole)
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.before_body.iter().chain(&self.after_body)
    }

    pub(crate) fn covers_id(&self) -> bool {
        self.parts().any(|part| matches!(part, Part::Id(_)))
    }

    /// Whether the timestamp is a signed piece, or is in a list of headers that must contain it.
    pub(crate) fn covers_timestamp(&self) -> bool {
        self.proven.timestamp
            || self
                .parts()
                .any(|part| matches!(part, Part::Timestamp { .. }))
    }

    pub(crate) fn has_timestamp_after_body(&self) -> bool {
        self.after_body
            .iter()
            .any(|part| matches!(part, Part::Timestamp { .. }))
    }

    /// Whether there is no separator between the timestamp and the signed piece next to it.
    pub(crate) fn timestamp_runs_on(&self) -> bool {
        self.parts()
            .any(|part| matches!(part, Part::Timestamp { runs_on: true }))
    }

    pub(crate) fn covers_secret(&self) -> bool {
        self.parts().any(|part| matches!(part, Part::Secret))
    }

    /// Gives the bytes of each part to `take`, or `None` in place of the secret.
    pub(crate) fn write(
        &self,
        parts: &[Part],
        head: &Parts,
        facts: &Facts<'_>,
        take: &mut dyn FnMut(Option<&[u8]>),
    ) -> Result<(), Rejection> {
        for part in parts {
            match part {
                Part::Header(name, end) => {
                    let value = headers::single(&head.headers, name)?
                        .ok_or_else(|| Rejection::header(RejectionKind::HeaderMissing, name))?;
                    end.must_not_be_in(value.as_bytes(), Some(name))?;
                    take(Some(value.as_bytes()));
                }
                Part::Id(end) => {
                    let missing = || Rejection::new(RejectionKind::HeaderMissing);
                    let (name, id) = facts.id.ok_or_else(missing)?;
                    end.must_not_be_in(id, Some(name))?;
                    take(Some(id));
                }
                Part::Listed(listed) => {
                    listed.write(head, facts, &mut |bytes| take(Some(bytes)))?
                }
                Part::Literal(text) => take(Some(text.as_bytes())),
                Part::Optional(parts) => {
                    if parts.iter().all(|part| part.is_present(head)) {
                        self.write(parts, head, facts, take)?;
                    }
                }
                Part::Query(parameter, end) => {
                    let value = parameter.read(head)?;
                    if end.is_in(&value) {
                        return Err(parameter.malformed(FoundShape::of_separator()));
                    }
                    take(Some(&value));
                }
                Part::Method(end) => {
                    let method = head.method.as_str().as_bytes();
                    end.must_not_be_in(method, None)?;
                    take(Some(method));
                }
                Part::PathAndQuery(url) => {
                    url.write_path_and_query(head, &mut |bytes| take(Some(bytes)))?;
                }
                Part::Secret => take(None),
                Part::Tag(tag, end) => {
                    let value = facts.tag(tag)?;
                    end.must_not_be_in(value, Some(facts.header))?;
                    take(Some(value));
                }
                Part::Timestamp { .. } => take(Some(facts.timestamp)),
                Part::Url(url) => url.write(head, &mut |bytes| take(Some(bytes)))?,
            }
        }
        Ok(())
    }
}

impl Part {
    /// Whether a part of an optional piece is there.
    fn is_present(&self, head: &Parts) -> bool {
        match self {
            Self::Header(name, _) => head.headers.contains_key(name),
            Self::Query(parameter, _) => parameter.is_in(head),
            _ => true,
        }
    }
}

impl Piece {
    /// Whether this piece depends on the body.
    fn is_body(&self) -> bool {
        matches!(self, Self::Body | Self::BodyDigest(_) | Self::SortedForm(_))
    }
}

/// The parts of an optional piece.
fn optional(pieces: &[Piece]) -> Result<Vec<Part>, ConfigError> {
    let wrong = || {
        ConfigError::new(
            "an optional piece must be literals, one header or parameter of the query, and literals: it must \
             begin and end with a literal",
        )
    };
    let is_literal = |piece: Option<&Piece>| matches!(piece, Some(Piece::Literal(_)));
    let mut values = 0_usize;
    for piece in pieces {
        match piece {
            Piece::Header(_) | Piece::Query(_) => values = values.saturating_add(1),
            Piece::Literal(_) => {}
            _ => return Err(wrong()),
        }
    }
    if values != 1 || !is_literal(pieces.first()) || !is_literal(pieces.last()) {
        return Err(wrong());
    }
    let outside_in: Vec<&Piece> = pieces.iter().collect();
    let (parts, _) = parts(&outside_in, None, None)?;
    Ok(parts)
}

/// One side of the body, read from the outside in.
fn parts(
    pieces: &[&Piece],
    url: Option<&SignedUrl>,
    timestamp: Option<&Timestamp>,
) -> Result<(Vec<Part>, Proven), ConfigError> {
    let mut begins_for_sure = true;
    let mut proven = Proven::default();
    let mut parts = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let next = pieces.get(index.saturating_add(1)).copied();
        let end = match next {
            Some(Piece::Literal(text)) => End::Literal(text.clone()),
            Some(Piece::Timestamp) if timestamp.is_some_and(Timestamp::begins_for_sure) => {
                End::Timestamp
            }
            _ => End::Open,
        };
        let ends_for_sure = match piece {
            Piece::Body
            | Piece::BodyDigest(_)
            | Piece::Literal(_)
            | Piece::Secret
            | Piece::SortedForm(_) => true,
            // Nothing in the signed bytes shows whether the piece is present.
            Piece::Optional(_) => false,
            Piece::SignedHeaders(_) => match next {
                Some(Piece::Literal(text)) => Listed::ends_at(text),
                _ => false,
            },
            // It has a fixed form, or a fixed number of digits: see `Timestamp::read`.
            Piece::Timestamp => true,
            Piece::PathAndQuery | Piece::Url => {
                let ended_by = |url: &SignedUrl| match next {
                    Some(Piece::Literal(text)) => url.ends_at(text),
                    _ => false,
                };
                url.is_some_and(|url| url.is_fixed() || ended_by(url))
            }
            // A URL begins with `https:` or `http:`, and no method contains a `:`.
            Piece::Method if next == Some(&Piece::Url) => url.is_some(),
            // A path begins with `/`, and no method contains a `/`.
            Piece::Method if next == Some(&Piece::PathAndQuery) => true,
            Piece::Header(_) | Piece::Id | Piece::Method | Piece::Query(_) | Piece::Tag(_) => {
                !matches!(end, End::Open)
            }
        };
        let is_proven = begins_for_sure && ends_for_sure;
        begins_for_sure = is_proven;
        parts.push(match piece {
            Piece::Body | Piece::BodyDigest(_) | Piece::SortedForm(_) => {
                return Err(ConfigError::new(
                    "the body is signed twice: remove one `Piece::Body`, `Piece::BodyDigest` or \
                     `Piece::SortedForm`",
                ));
            }
            Piece::Header(name) => {
                let name = headers::name(name)?;
                if is_proven {
                    proven.headers.push(name.clone());
                }
                Part::Header(name, end)
            }
            Piece::Id => {
                proven.id = is_proven;
                Part::Id(end)
            }
            Piece::Literal(text) if text.is_empty() => {
                return Err(ConfigError::new("a signed literal is empty: remove it"));
            }
            Piece::Literal(text) => {
                if let Some(invisible) = text.chars().find(|c| never_typed(*c)) {
                    return Err(ConfigError::new(format!(
                        "the signed literal {text:?} contains {}: remove it",
                        describe(invisible)
                    )));
                }
                Part::Literal(text.clone())
            }
            Piece::Method => Part::Method(end),
            Piece::Optional(pieces) => Part::Optional(optional(pieces)?),
            Piece::Query(parameter) => Part::Query(Parameter::new(parameter, "a value")?, end),
            Piece::SignedHeaders(listed) => {
                let listed = listed.build()?;
                if is_proven {
                    proven.headers.extend_from_slice(listed.proven());
                    proven.timestamp |= timestamp.is_some_and(|timestamp| match &timestamp.from {
                        From::Headers(name, others) => {
                            let is_it = |listed: &HeaderName| listed.as_str().eq_ignore_ascii_case(name);
                            others.is_empty() && listed.proven().iter().any(is_it)
                        }
                        From::Body(_) | From::FirstItem | From::Tag(_) => false,
                    });
                }
                Part::Listed(Box::new(listed))
            }
            Piece::PathAndQuery => Part::PathAndQuery(url.cloned().ok_or_else(|| {
                ConfigError::new(
                    "the path and query are signed, but .url(…) was not called: call it with the URL that the \
                     sender calls, because a proxy may change the path",
                )
            })?),
            Piece::Secret => Part::Secret,
            Piece::Tag(tag) => Part::Tag(tag.clone(), end),
            Piece::Timestamp => {
                let runs_on = match &end {
                    End::Open => true,
                    End::Literal(text) => timestamp.is_some_and(|time| time.runs_on_into(text)),
                    End::Timestamp => false,
                };
                if let End::Literal(text) = end
                    && text.bytes().all(|byte| byte.is_ascii_digit())
                {
                    return Err(ConfigError::new(format!(
                        "the timestamp is followed by the literal {text:?} of digits: nothing marks where the \
                         timestamp ends"
                    )));
                }
                proven.timestamp |= is_proven;
                Part::Timestamp { runs_on }
            }
            Piece::Url => Part::Url(url.cloned().ok_or_else(|| {
                ConfigError::new(
                    "the URL is signed, but .url(…) was not called: call it with the URL that the sender \
                     calls, because a request does not contain it",
                )
            })?),
        });
    }
    proven.body = begins_for_sure;
    Ok((parts, proven))
}

impl End {
    /// Rejects a value that contains its own end mark, because the value could be split there.
    fn must_not_be_in(&self, value: &[u8], name: Option<&HeaderName>) -> Result<(), Rejection> {
        if self.is_in(value) {
            return Err(name.map_or_else(
                || Rejection::new(RejectionKind::TargetMalformed),
                |name| {
                    let expected = ExpectedShape::fixed(Fixed::WithoutSeparator);
                    Rejection::malformed(name, expected, FoundShape::of_separator())
                },
            ));
        }
        Ok(())
    }

    fn is_in(&self, value: &[u8]) -> bool {
        match self {
            Self::Open => false,
            Self::Literal(text) => holds(value, text.as_bytes()),
            // A body may contain a time at which it can be replayed. If the delivery is split there, the id
            // is everything before: the id and the time that were sent, and the beginning of the body.
            Self::Timestamp => timestamp::holds_rfc3339(value),
        }
    }
}

/// `msg_1.` + `2` and `msg_1` + `.2` have the same signed bytes. So a value next to a separator must not contain
/// it, and must not form it together with the separator.
pub(super) fn holds(value: &[u8], separator: &[u8]) -> bool {
    match separator {
        [byte] => memchr(*byte, value).is_some(),
        separator => {
            let around = || separator.iter().chain(value).chain(separator);
            (1..separator.len().saturating_add(value.len()))
                .any(|start| around().skip(start).take(separator.len()).eq(separator))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// The signed bytes, or the kind of the rejection.
    fn written(
        pieces: &[Piece],
        method: &str,
        id: &str,
        body: &str,
    ) -> Result<String, RejectionKind> {
        let content = SignedContent::new(pieces, None, None, Algorithm::HmacSha256, false)
            .expect("signed pieces");
        let request = Request::builder()
            .method(method)
            .body(())
            .expect("a request");
        let (head, ()) = request.into_parts();
        let name = HeaderName::from_static("id");
        let facts = Facts {
            id: Some((&name, id.as_bytes())),
            header: &name,
            tags: &[],
            timestamp: b"",
        };
        let mut bytes = Vec::new();
        let mut take = |part: Option<&[u8]>| bytes.extend_from_slice(part.unwrap_or_default());
        content
            .write(&content.before_body, &head, &facts, &mut take)
            .map(|()| take(Some(body.as_bytes())))
            .and_then(|()| content.write(&content.after_body, &head, &facts, &mut take))
            .map_err(|rejection| rejection.kind())?;
        Ok(String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn a_piece_next_to_a_separator_cannot_contain_the_separator() {
        let dot = Piece::literal(".");
        let before = [Piece::Id, dot.clone(), Piece::Body];
        assert_eq!(
            written(&before, "POST", "msg_1", ".2"),
            Ok("msg_1..2".into())
        );
        let malformed = Err(RejectionKind::HeaderMalformed);
        assert_eq!(written(&before, "POST", "msg_1.", "2"), malformed);

        let after = [Piece::Body, dot.clone(), Piece::Id];
        assert_eq!(
            written(&after, "POST", "2", "msg_1."),
            Ok("msg_1..2".into())
        );
        assert_eq!(written(&after, "POST", ".2", "msg_1"), malformed);

        let method = [Piece::Method, dot, Piece::Body];
        assert_eq!(written(&method, "POST", "", "a.b"), Ok("POST.a.b".into()));
        let rejected = Err(RejectionKind::TargetMalformed);
        assert_eq!(written(&method, "POST.a", "", "b"), rejected);
    }
}
