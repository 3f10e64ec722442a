//! [`BodySignatureScheme`]: a signature inside the body, over values of the body.

use std::{borrow::Cow, sync::Arc, time::Duration};

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::{
    document::{Document, Format, Found, Value},
    json::{self, Pointer},
    malformed, scheme_of_signature,
};
use crate::{
    error::{BoxError, ConfigError},
    rejection::FoundShape,
    scheme::{
        Scheme,
        custom::{
            CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme,
        },
        describe::{HeaderRole, Way, Window},
        encoding::Encoding,
        key::{KeyEncoding, KeyText},
        mac::{Algorithm, Candidates, Verifier},
        signature::ascii,
        signed::holds,
        timestamp::{From, Timestamp, check_tolerance},
    },
    secret::Secret,
};

/// A sender that puts a signature inside the body, over a few values of the body: Mailgun, Dropbox Sign, the
/// classic webhooks of Adyen, Exact Online.
///
/// Only the signed values are proven. **The rest of the body is not**, and neither is the body as a
/// whole: [`Verified::authentication`](crate::Verified::authentication) is
/// [`PartialSignature`](crate::Authentication::PartialSignature), and
/// [`Verified::body_is_signed`](crate::Verified::body_is_signed) is `false`. A client that has
/// seen a delivery can send it again with other values in place of those that are not signed. So
/// read the resource from the sender's API, by an id that is signed.
///
/// The body is read after it has arrived, within the limit of the layer. A request is rejected if:
///
/// - a required value is absent;
/// - an object on the way to a value has a member twice, or more than 1,000 members;
/// - a list on the way to a value has more than 1,000 elements.
///
/// ```
/// use tower_webhook_auth::{BodyPiece, BodySignatureScheme, Timestamp};
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// // {"signature": {"timestamp": "1529006854", "token": "…", "signature": "<hex>"}, "event-data": …}
/// let scheme = BodySignatureScheme::hmac_sha256("/signature/signature")
///     .timestamp(Timestamp::in_body("/signature/timestamp"))
///     .id("/signature/token")
///     .signed([BodyPiece::Timestamp, BodyPiece::value("/signature/token")])
///     .build()?;
/// # let _ = scheme;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a description does nothing until it is built"]
pub struct BodySignatureScheme {
    algorithm: Algorithm,
    document: Document,
    signature: String,
    encoding: Encoding,
    items: Option<char>,
    names: Option<char>,
    each: Option<String>,
    timestamp: Option<Timestamp>,
    id: Option<String>,
    signed: Vec<BodyPiece>,
    movable: bool,
    key: KeyText,
    key_is_hashed: bool,
}

/// A piece of the bytes that a signature inside the body covers.
///
/// A place is a [pointer](https://www.rfc-editor.org/rfc/rfc6901) such as `/event/time` if the body is JSON,
/// and the name of a field if it is a form.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyPiece {
    /// Fixed text, such as the `:` between two values.
    Literal(Cow<'static, str>),
    /// The bytes of a value of JSON, exactly as they are in the body. Only these bytes are signed.
    Raw(Cow<'static, str>),
    /// The timestamp: see [`BodySignatureScheme::timestamp`].
    Timestamp,
    /// The text of a value: a text decoded, a number as it is written.
    Value(BodyValue),
}

/// The text of a value, as a [`BodyPiece`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyValue {
    place: Cow<'static, str>,
    optional: bool,
    free: bool,
}

impl BodyPiece {
    /// Fixed text.
    #[must_use]
    pub const fn literal(text: &'static str) -> Self {
        Self::Literal(Cow::Borrowed(text))
    }

    /// The bytes of a value of JSON, as they are in the body.
    #[must_use]
    pub const fn raw(pointer: &'static str) -> Self {
        Self::Raw(Cow::Borrowed(pointer))
    }

    /// The text of a value that is required. [`BodyValue`] has its options.
    #[must_use]
    pub fn value(place: &'static str) -> Self {
        Self::Value(BodyValue::new(place))
    }
}

impl BodyValue {
    /// The text of a value that is required.
    #[must_use]
    pub fn new(place: impl Into<Cow<'static, str>>) -> Self {
        Self {
            place: place.into(),
            optional: false,
            free: false,
        }
    }

    /// A value that is absent or `null` is signed as an empty text.
    #[must_use]
    pub fn or_empty(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The value may contain the literal next to it, such as the merchant's own reference at Adyen. Only one
    /// piece of a scheme may: otherwise text could be moved between two of them.
    #[must_use]
    pub fn may_contain_separator(mut self) -> Self {
        self.free = true;
        self
    }
}

impl BodySignatureScheme {
    fn new(algorithm: Algorithm, signature: impl Into<String>) -> Self {
        Self {
            algorithm,
            document: Document::Json,
            signature: signature.into(),
            encoding: Encoding::Hex,
            items: None,
            names: None,
            each: None,
            timestamp: None,
            id: None,
            signed: Vec::new(),
            movable: false,
            key: KeyText::default(),
            key_is_hashed: false,
        }
    }

    /// HMAC-SHA1, with the signature at this place.
    pub fn hmac_sha1(place: impl Into<String>) -> Self {
        Self::new(Algorithm::HmacSha1, place)
    }

    /// HMAC-SHA256, with the signature at this place.
    pub fn hmac_sha256(place: impl Into<String>) -> Self {
        Self::new(Algorithm::HmacSha256, place)
    }

    /// The body is a form, and each place is the name of a field. Without this call the body is JSON, and each
    /// place is a pointer.
    pub fn in_form(mut self) -> Self {
        self.document = Document::Form;
        self
    }

    /// The JSON is a field of a form. If the `Content-Type` is not that of a form, a body that begins with `{` is the
    /// JSON itself.
    pub fn json_in_form(mut self, field: impl Into<String>) -> Self {
        self.document = Document::JsonInForm(field.into());
        self
    }

    /// How the signature is written. The default is [`Encoding::Hex`].
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// The value is a list of signatures with this character between them. One that matches is enough.
    pub fn item_separator(mut self, separator: char) -> Self {
        self.items = Some(separator);
        self
    }

    /// Each signature follows a name and this character. The name may be any text: it selects nothing.
    /// Braintree writes `{public key}|{signature}`.
    pub fn named_signatures(mut self, separator: char) -> Self {
        self.names = Some(separator);
        self
    }

    /// The body holds a list, and each element has its own signature. `pointer` leads to the
    /// elements, such as `/notificationItems/*/NotificationRequestItem`. All other places are
    /// relative to an element. Every element must be signed, and there must be at least one.
    pub fn each(mut self, pointer: impl Into<String>) -> Self {
        self.each = Some(pointer.into());
        self
    }

    /// The time of signing, in a value of the body: [`Timestamp::in_body`].
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// The value at this place is the id of the delivery. It must be a signed piece.
    pub fn id(mut self, place: impl Into<String>) -> Self {
        self.id = Some(place.into());
        self
    }

    /// The signed pieces, in this order.
    pub fn signed(mut self, pieces: impl IntoIterator<Item = BodyPiece>) -> Self {
        self.signed = pieces.into_iter().collect();
        self
    }

    /// Accepts that nothing marks where a value ends and the next one begins. A client that has seen a
    /// delivery can then move text between the two.
    pub fn accept_movable_boundaries(mut self) -> Self {
        self.movable = true;
        self
    }

    /// How the key is written in the secret's text. The default is [`KeyEncoding::Text`].
    pub fn key_encoding(mut self, encoding: KeyEncoding) -> Self {
        self.key.encoding = encoding;
        self
    }

    /// The key is the SHA-1 of the secret, as at Braintree.
    pub fn sha1_of_key(mut self) -> Self {
        self.key_is_hashed = true;
        self
    }

    /// Checks the description.
    ///
    /// # Errors
    ///
    /// - There is no signed piece.
    /// - A place is not a pointer.
    /// - The timestamp or the id is not a signed piece.
    /// - There is no separator between two values.
    pub fn build(self) -> Result<Scheme, ConfigError> {
        let wrong = |text: &'static str| Err(ConfigError::new(text));
        self.document.check()?;
        self.key.check()?;
        if self.signed.is_empty() {
            return wrong("the signature covers nothing: call .signed(…)");
        }
        let value = |place: &str, what: &str| {
            let value = self.document.value(place, what)?;
            if value.has_each() {
                return Err(ConfigError::new(format!(
                    "{place:?} is the place of several values: call .each(…) with the place of the elements, \
                     and write the other places relative to an element"
                )));
            }
            Ok(value)
        };
        check_tolerance(self.timestamp.as_ref().and_then(|time| time.tolerance))?;
        let time = match &self.timestamp {
            None => None,
            Some(timestamp) => match &timestamp.from {
                From::Body(place) => Some(value(place, "the timestamp")?),
                _ => return wrong("the timestamp is not in the body: use `Timestamp::in_body`"),
            },
        };
        let mut pieces = Vec::new();
        for (index, piece) in self.signed.iter().enumerate() {
            let literal = |at: Option<usize>| match at.and_then(|at| self.signed.get(at)) {
                Some(BodyPiece::Literal(text)) => Some(text.clone()),
                _ => None,
            };
            let around = Around {
                before: literal(index.checked_sub(1)),
                after: literal(index.checked_add(1)),
            };
            pieces.push(match piece {
                BodyPiece::Literal(text) if text.is_empty() => {
                    return wrong("a signed literal is empty: remove it");
                }
                BodyPiece::Literal(text) => Part::Literal(text.clone()),
                BodyPiece::Raw(place) => Part::Raw(value(place, "a value")?),
                BodyPiece::Timestamp if time.is_none() => {
                    return wrong(
                        "the timestamp is signed, but .timestamp(…) was not called: call it to say where \
                         the timestamp is",
                    );
                }
                BodyPiece::Timestamp => Part::Timestamp {
                    runs_on: around.after.is_none(),
                },
                BodyPiece::Value(BodyValue {
                    place,
                    optional,
                    free,
                }) => Part::Value {
                    value: value(place, "a text")?,
                    optional: *optional,
                    around: (!free).then_some(around),
                },
            });
        }
        let free = |part: &&Part| matches!(part, Part::Raw(_) | Part::Value { around: None, .. });
        if pieces.iter().filter(free).count() > 1 {
            return wrong("two signed values may contain the separator: only one can");
        }
        let runs_on = |pair: &[Part]| matches!(pair, [Part::Raw(_) | Part::Value { .. }, next] if !matches!(next, Part::Literal(_)));
        if pieces.windows(2).any(runs_on) && !self.movable {
            return wrong(
                "nothing marks where a signed value ends: sign a literal after it, or call \
                 `accept_movable_boundaries`",
            );
        }
        let place_of_time = pieces
            .iter()
            .position(|piece| matches!(piece, Part::Timestamp { .. }));
        let is_proven = |at: usize| {
            let before = pieces.get(..at).unwrap_or_default();
            !before.iter().any(Part::is_open)
                && !pieces.windows(2).take(at.saturating_add(1)).any(runs_on)
        };
        if self
            .timestamp
            .as_ref()
            .is_some_and(|timestamp| timestamp.tolerance.is_some())
            && !place_of_time.is_some_and(is_proven)
        {
            return wrong(
                "the timestamp has a tolerance, but is not signed, or nothing marks where it begins: sign it \
                 first, or call `accept_any_age`",
            );
        }
        let id = match &self.id {
            None => None,
            Some(place) => {
                let is_it = |piece: &Part| matches!(piece, Part::Value { value, .. } if value.name() == place);
                let Some(at) = pieces.iter().position(is_it).filter(|at| is_proven(*at)) else {
                    return Err(ConfigError::new(format!(
                        "the id {place:?} is not a signed piece, or nothing marks where it begins: add \
                         `BodyPiece::value({place:?})` to .signed(…)"
                    )));
                };
                Some(at)
            }
        };
        let each = match self.each.as_deref().map(Pointer::new).transpose()? {
            Some(each) if !each.has_each() => {
                return wrong("`each` is the place of one value: it must contain a `*`");
            }
            Some(_) if time.is_some() || id.is_some() => {
                return wrong(
                    "a timestamp or an id of each element cannot be that of the delivery",
                );
            }
            Some(_) if !matches!(self.document, Document::Json) => {
                return wrong("`each` is for a body that is JSON");
            }
            each => each,
        };
        let expected_time: Arc<str> = format!(
            "the timestamp at {:?}",
            time.as_ref().map(Value::name).unwrap_or_default()
        )
        .into();
        Ok(scheme_of_signature(BodySigned {
            algorithm: self.algorithm,
            signature: value(&self.signature, "the signature")?,
            document: self.document,
            encoding: self.encoding,
            items: self.items.map(ascii).transpose()?,
            names: self.names.map(ascii).transpose()?,
            each: each.map(|each| (format!("an element at {:?}", each.as_str()).into(), each)),
            timestamp: self.timestamp.zip(time),
            expected_time,
            id,
            time_is_proven: place_of_time.is_some_and(is_proven),
            pieces,
            key: self.key,
            key_is_hashed: self.key_is_hashed,
        }))
    }
}

/// The literals next to a value. The value must not contain them.
#[derive(Clone, Debug)]
pub(super) struct Around {
    before: Option<Cow<'static, str>>,
    after: Option<Cow<'static, str>>,
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Literal(Cow<'static, str>),
    Raw(Value),
    Timestamp {
        runs_on: bool,
    },
    Value {
        value: Value,
        optional: bool,
        /// `None` if the value may contain the literals.
        around: Option<Around>,
    },
}

impl Part {
    /// Whether the end of this piece is found only from the other side.
    fn is_open(&self) -> bool {
        matches!(self, Self::Raw(_) | Self::Value { around: None, .. })
    }
}

impl Around {
    fn is_in(&self, value: &[u8]) -> bool {
        let literals = self.before.iter().chain(&self.after);
        literals
            .into_iter()
            .any(|text| holds(value, text.as_bytes()))
    }
}

/// A [`BodySignatureScheme`] that was checked.
#[derive(Clone, Debug)]
pub(crate) struct BodySigned {
    pub(super) algorithm: Algorithm,
    pub(super) document: Document,
    pub(super) signature: Value,
    pub(super) encoding: Encoding,
    items: Option<u8>,
    names: Option<u8>,
    /// The elements, and their text for a rejection.
    pub(super) each: Option<(Arc<str>, Pointer)>,
    pub(super) timestamp: Option<(Timestamp, Value)>,
    expected_time: Arc<str>,
    time_is_proven: bool,
    /// The position of the piece that is the id.
    pub(super) id: Option<usize>,
    pub(super) pieces: Vec<Part>,
    pub(super) key: KeyText,
    key_is_hashed: bool,
}

/// The signatures of one element, and their signed text.
struct Signed {
    candidates: Candidates,
    text: Vec<u8>,
}

pub(crate) struct BodySignedCheck {
    scheme: Arc<BodySigned>,
    format: Format,
    signed: Vec<Signed>,
}

impl BodySigned {
    /// The same scheme with another tolerance. `None` if it has no proven time.
    pub(crate) fn with_tolerance(&self, tolerance: Duration) -> Option<Self> {
        let mut signed = self.clone();
        let (timestamp, _) = signed.timestamp.as_mut().filter(|_| self.time_is_proven)?;
        timestamp.tolerance = Some(tolerance);
        Some(signed)
    }

    pub(super) fn verifier(&self, secret: &Secret) -> Result<Verifier, ConfigError> {
        let key = self.key.decode(secret, self.algorithm)?;
        self.algorithm.key(match self.key_is_hashed {
            true => Zeroizing::new(Sha1::digest(&key).to_vec()),
            false => key,
        })
    }

    pub(super) fn describe(&self) -> Way {
        let elements = self.each.as_ref().map_or("", |(_, each)| each.as_str());
        let place = |value: &Value| value.describe(&self.document, elements);
        let mut fields = vec![(HeaderRole::Signature, place(&self.signature))];
        if let Some((_, time)) = &self.timestamp {
            fields.push((HeaderRole::Timestamp, place(time)));
        }
        for (index, piece) in self.pieces.iter().enumerate() {
            if let Part::Raw(value) | Part::Value { value, .. } = piece {
                let role = match self.id == Some(index) {
                    true => HeaderRole::Id,
                    false => HeaderRole::Signed,
                };
                fields.push((role, place(value)));
            }
        }
        let signed = self.pieces.iter().map(|piece| match piece {
            Part::Literal(text) => text.replace('\n', "\\n"),
            Part::Raw(value) => format!("{{bytes of {}}}", value.name()),
            Part::Timestamp { .. } => "{timestamp}".into(),
            Part::Value { value, .. } => format!("{{{}}}", value.name()),
        });
        let signature = match self.names {
            Some(separator) => format!("{{name}}{}{{signature}}", char::from(separator)),
            None => "{signature}".into(),
        };
        Way {
            name: None,
            algorithm: self.algorithm.title(),
            encoding: Some(self.encoding),
            value: match self.items {
                Some(separator) => format!("{signature}{}{signature}", char::from(separator)),
                None => signature,
            },
            signed: signed.collect(),
            headers: Vec::new(),
            fields,
            timestamp: self
                .timestamp
                .as_ref()
                .map(|(timestamp, _)| timestamp.unit_title()),
            window: self
                .timestamp
                .as_ref()
                .map_or(Window::NoTime, |(timestamp, _)| timestamp.window()),
            key: match self.key_is_hashed {
                true => "the SHA-1 of the text of the secret".into(),
                false => self.key.encoding.title().into(),
            },
            id_is_signed: self.id.is_some(),
            body_is_covered: false,
            any_text_is_a_key: self.key.encoding == KeyEncoding::Text,
        }
    }

    /// The signatures and the signed bytes of one element, and the claims of the delivery.
    fn read(&self, found: Found<'_>) -> Result<(Signed, CustomClaims), CustomRejection> {
        let mut candidates = Candidates::default();
        let value = self.signature.read(found)?;
        let wrong = || self.signature.wrong(FoundShape::of_text(&value));
        for item in value.split(|byte| Some(*byte) == self.items) {
            let text = match self.names {
                None => Some(item),
                Some(separator) => {
                    let at = item.iter().rposition(|byte| *byte == separator);
                    at.and_then(|at| item.get(at.saturating_add(1)..))
                }
            };
            let decoded = text.and_then(|text| self.encoding.decode(text, self.algorithm));
            let Some(candidate) = decoded else {
                continue;
            };
            if candidates.are_full(self.algorithm) {
                return Err(self.signature.wrong(FoundShape::of_too_many()));
            }
            candidates.push(&candidate, self.algorithm);
        }
        if candidates.is_empty() {
            return Err(wrong());
        }
        let (text, claims) = self.text(found)?;
        Ok((Signed { candidates, text }, claims))
    }

    #[cfg(feature = "testing")]
    pub(super) fn most_signatures(&self) -> usize {
        self.items.map_or(1, |_| self.algorithm.most_candidates())
    }

    #[cfg(feature = "testing")]
    pub(super) fn id_value(&self) -> Option<&Value> {
        match self.pieces.get(self.id?)? {
            Part::Value { value, .. } => Some(value),
            _ => None,
        }
    }

    /// A signature as the sender writes it.
    #[cfg(feature = "testing")]
    pub(super) fn written(&self, tag: &[u8]) -> String {
        let signature = self.encoding.encode(tag);
        match self.names {
            Some(separator) => format!("name{}{signature}", char::from(separator)),
            None => signature,
        }
    }

    #[cfg(feature = "testing")]
    pub(super) fn joined(&self, signatures: &[String]) -> String {
        signatures.join(&self.items.map(char::from).unwrap_or_default().to_string())
    }

    /// The signed bytes.
    pub(super) fn text(
        &self,
        found: Found<'_>,
    ) -> Result<(Vec<u8>, CustomClaims), CustomRejection> {
        let mut text = Vec::new();
        let mut claims = CustomClaims::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            match piece {
                Part::Literal(literal) => text.extend_from_slice(literal.as_bytes()),
                Part::Raw(value) => text.extend_from_slice(value.raw(found)?),
                Part::Timestamp { runs_on } => {
                    let Some((timestamp, value)) = &self.timestamp else {
                        continue;
                    };
                    let written = value.read(found)?;
                    let time = timestamp.read(&written, *runs_on).ok_or_else(|| {
                        malformed(&self.expected_time, FoundShape::of_time(&written, false))
                    })?;
                    if self.time_is_proven {
                        claims = claims.signed_at(time);
                    }
                    text.extend_from_slice(&written);
                }
                Part::Value {
                    value,
                    optional,
                    around,
                } => {
                    let part = match optional {
                        true => value.find(found)?.unwrap_or_default(),
                        false => value.read(found)?,
                    };
                    if around.as_ref().is_some_and(|around| around.is_in(&part)) {
                        return Err(value.wrong(FoundShape::of_separator()));
                    }
                    if self.id == Some(index) {
                        claims = claims.id(&part);
                    }
                    text.extend_from_slice(&part);
                }
            }
        }
        Ok((text, claims))
    }
}

// The page of `CustomScheme` would show the impl of a type that it does not show.
#[doc(hidden)]
impl CustomScheme for Arc<BodySigned> {
    type Key = Verifier;
    type Check = BodySignedCheck;

    fn facts(&self) -> CustomFacts {
        let mut facts = CustomFacts::new([]);
        if self.id.is_some() {
            facts = facts.id_is_signed();
        }
        match &self.timestamp {
            Some((timestamp, _)) => match timestamp.tolerance {
                Some(tolerance) => facts.time_is_signed(tolerance),
                None => facts,
            },
            None => facts,
        }
    }

    fn key(&self, secret: &[u8]) -> Result<Verifier, BoxError> {
        let secret = Secret::of_key(Zeroizing::new(secret.to_vec()));
        Ok(self.verifier(&secret)?)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<BodySignedCheck, CustomRejection> {
        Ok(BodySignedCheck {
            scheme: Self::clone(self),
            format: Format::of(head)?,
            signed: Vec::new(),
        })
    }
}

impl CustomCheck for BodySignedCheck {
    type Key = Verifier;

    fn hashers(&self) -> usize {
        0
    }

    fn finish(&mut self, body: &[u8]) -> Result<CustomClaims, CustomRejection> {
        let Self {
            scheme,
            format,
            signed,
        } = self;
        scheme.document.read(format, body, |found| {
            let (Some((expected, each)), Found::Json(text)) = (&scheme.each, found) else {
                let (one, claims) = scheme.read(found)?;
                signed.push(one);
                return Ok(claims);
            };
            let mut add = |element: &str| {
                if signed.len() == json::MOST_ITEMS {
                    return Err(Wrong::Found(FoundShape::of_too_many()));
                }
                let read = scheme.read(Found::Json(element));
                let (one, _) = read.map_err(Wrong::Rejection)?;
                signed.push(one);
                Ok(())
            };
            match each.visit(text, &mut add) {
                Ok(()) => Ok(CustomClaims::new()),
                Err(Wrong::Found(found)) => Err(malformed(expected, found)),
                Err(Wrong::Rejection(rejection)) => Err(rejection),
            }
        })
    }

    fn matches(&mut self, key: &Verifier, _: usize) -> bool {
        // An `and` of choices, so that the time does not show which element is wrong.
        let mut all = subtle::Choice::from(u8::from(!self.signed.is_empty()));
        for Signed { candidates, text } in &self.signed {
            all &= key.start(candidates).matches(candidates, text);
        }
        all.into()
    }
}

/// Why an element is rejected.
enum Wrong {
    Found(FoundShape),
    Rejection(CustomRejection),
}

impl std::convert::From<FoundShape> for Wrong {
    fn from(found: FoundShape) -> Self {
        Self::Found(found)
    }
}
