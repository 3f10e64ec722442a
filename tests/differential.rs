//! Ten thousand random deliveries for each shape of scheme, judged twice: by the layer, and by a
//! slow judge that is written from the definition and shares no code with the layer.
//!
//! In half of the deliveries one thing is changed, and some timestamps are outside of the tolerance.
//! The seed is printed. `DIFFERENTIAL_SEED` sets another one.

mod common;
#[path = "common/reference.rs"]
mod reference;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use reference::Hash;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    BodyDigest, BodyKeyScheme, BodyPiece, BodySignatureScheme, Encoding, KeyEncoding, Keys, Piece,
    Provider, Scheme, Secret, SharedKeyScheme, SignatureScheme, SignedHeaders, SignedUrl,
    SortedForm, Timestamp, Verified, WebhookAuthLayer,
};

const CASES: usize = 10_000;
const NOW: u64 = 1_700_000_000;

#[test]
fn a_bare_hexadecimal_signature_agrees() {
    agree(Shape::default());
}

#[test]
fn a_tagged_sha1_signature_agrees() {
    agree(Shape {
        hash: Hash::Sha1,
        tags: Some(('=', &["sha1"])),
        ..Shape::default()
    });
}

#[test]
fn a_sha512_signature_agrees() {
    agree(Shape {
        hash: Hash::Sha512,
        ..Shape::default()
    });
}

#[test]
fn a_bare_base64_signature_agrees() {
    agree(Shape {
        encoding: Encoding::Base64,
        ..Shape::default()
    });
}

#[test]
fn a_base64url_signature_agrees() {
    agree(Shape {
        encoding: Encoding::Base64Url,
        hash: Hash::Sha512,
        tags: Some((':', &["sig"])),
        ..Shape::default()
    });
}

#[test]
fn a_list_with_its_timestamp_in_a_tag_agrees() {
    agree(Shape {
        items: Some(','),
        tags: Some(('=', &["v1", "v2"])),
        time: Some(Time {
            from: From::Tag("t"),
            ..Time::default()
        }),
        pieces: &[P::Time, P::Literal("."), P::Body],
        ..Shape::default()
    });
}

#[test]
fn standard_webhooks_with_aliases_agree() {
    agree(Shape {
        headers: &["webhook-signature", "svix-signature"],
        encoding: Encoding::Base64,
        items: Some(' '),
        tags: Some((',', &["v1"])),
        time: Some(Time {
            from: From::Headers(&["webhook-timestamp", "svix-timestamp"]),
            ..Time::default()
        }),
        id: &["webhook-id", "svix-id"],
        pieces: &[P::Id, P::Literal("."), P::Time, P::Literal("."), P::Body],
        base64_key: true,
        ..Shape::default()
    });
}

#[test]
fn a_literal_in_front_agrees() {
    agree(Shape {
        tags: Some(('=', &["v0"])),
        time: Some(Time::default()),
        pieces: &[P::Literal("v0:"), P::Time, P::Literal(":"), P::Body],
        ..Shape::default()
    });
}

#[test]
fn an_id_and_a_timestamp_without_separators_agree() {
    agree(Shape {
        encoding: Encoding::Base64,
        items: Some(','),
        time: Some(Time::default()),
        id: &["x-id"],
        pieces: &[P::Id, P::Time, P::Body],
        ..Shape::default()
    });
}

#[test]
fn parallel_headers_with_a_timestamp_after_the_body_agree() {
    agree(Shape {
        headers: &["x-primary", "x-secondary"],
        parallel: true,
        encoding: Encoding::Base64,
        time: Some(Time {
            unit: Unit::Rfc3339,
            past_only: true,
            ..Time::default()
        }),
        required: &[("x-version", "1")],
        pieces: &[P::Body, P::Time],
        ..Shape::default()
    });
}

#[test]
fn method_url_body_and_milliseconds_agree() {
    agree(Shape {
        encoding: Encoding::Base64,
        time: Some(Time {
            unit: Unit::Milliseconds,
            past_only: true,
            ..Time::default()
        }),
        pieces: &[P::Method, P::Url, P::Body, P::Time],
        ..Shape::default()
    });
}

#[test]
fn a_signed_header_agrees() {
    agree(Shape {
        time: Some(Time {
            tolerance: None,
            ..Time::default()
        }),
        pieces: &[
            P::Header("x-topic"),
            P::Literal("|"),
            P::Time,
            P::Literal("|"),
            P::Body,
        ],
        ..Shape::default()
    });
}

#[test]
fn pieces_after_the_body_agree() {
    agree(Shape {
        time: Some(Time::default()),
        id: &["x-id"],
        pieces: &[P::Body, P::Literal("::"), P::Id, P::Literal("::"), P::Time],
        ..Shape::default()
    });
}

#[test]
fn a_keyless_digest_agrees() {
    agree(Shape {
        keyless: true,
        pieces: &[P::Secret, P::Method, P::Url, P::Body],
        ..Shape::default()
    });
}

#[test]
fn a_sha384_signature_in_the_query_agrees() {
    agree(Shape {
        hash: Hash::Sha384,
        headers: &["sig"],
        in_query: true,
        pieces: &[P::Header("x-topic"), P::Literal("\n"), P::Body],
        ..Shape::default()
    });
}

#[test]
fn a_digest_the_path_and_a_parameter_agree() {
    agree(Shape {
        pieces: &[
            P::Query("n"),
            P::Literal("."),
            P::Header("x-topic"),
            P::Literal("\n"),
            P::Path,
            P::Literal("\n"),
            P::Digest,
        ],
        ..Shape::default()
    });
}

#[test]
fn the_value_of_another_tag_agrees() {
    agree(Shape {
        items: Some(','),
        tags: Some(('=', &["v1"])),
        pieces: &[P::Tag("n"), P::Literal("."), P::Body],
        ..Shape::default()
    });
}

#[test]
fn a_list_of_headers_agrees() {
    agree(Shape {
        time: Some(Time::default()),
        pieces: &[
            P::Method,
            P::Literal("\n"),
            P::Listed,
            P::Literal("\n"),
            P::Body,
        ],
        ..Shape::default()
    });
}

#[test]
fn a_sorted_form_agrees() {
    agree(Shape {
        hash: Hash::Sha1,
        encoding: Encoding::Base64,
        pieces: &[P::Header("x-topic"), P::Literal("."), P::Form],
        ..Shape::default()
    });
}

#[test]
fn a_key_in_the_body_agrees() {
    let scheme = BodyKeyScheme::json("/a/*/key").build().expect("a scheme");
    agree_in_json(&scheme, 2, |keys, body| {
        let presented = body.get_all(&["a", "*", "key"])?;
        let position = keys.iter().position(|key| {
            presented
                .iter()
                .all(|value| *value == J::Text(String::from_utf8_lossy(key).into_owned()))
        });
        let all_texts = presented.iter().all(|value| matches!(value, J::Text(_)));
        position.filter(|_| all_texts && !presented.is_empty())
    });
}

#[test]
fn a_signature_in_the_body_agrees() {
    let scheme = BodySignatureScheme::hmac_sha256("/a/sig")
        .signed([
            BodyPiece::value("/a/key"),
            BodyPiece::literal(":"),
            BodyPiece::value("/b"),
        ])
        .build()
        .expect("a scheme");
    agree_in_json(&scheme, 8, |keys, body| {
        let one = |path: &[&str]| body.get_all(path)?.first()?.text();
        let (signature, key, b) = (one(&["a", "sig"])?, one(&["a", "key"])?, one(&["b"])?);
        if key.contains(':') || b.contains(':') || signature.len() != 64 {
            return None;
        }
        let text = format!("{key}:{b}");
        let signature = reference::unhex(signature.as_bytes())?;
        keys.iter()
            .position(|key| reference::hmac(Hash::Sha256, key, text.as_bytes()) == signature)
    });
}

#[test]
fn a_shared_key_agrees() {
    agree_on_shared_keys(b"");
}

#[test]
fn a_bearer_key_agrees() {
    agree_on_shared_keys(b"Bearer ");
}

#[test]
fn basic_credentials_agree() {
    agree_on_shared_keys(b"Basic ");
}

#[derive(Clone, Copy)]
struct Shape {
    hash: Hash,
    keyless: bool,
    headers: &'static [&'static str],
    /// The header's name is that of a parameter of the query.
    in_query: bool,
    parallel: bool,
    encoding: Encoding,
    items: Option<char>,
    tags: Option<(char, &'static [&'static str])>,
    time: Option<Time>,
    id: &'static [&'static str],
    required: &'static [(&'static str, &'static str)],
    pieces: &'static [P],
    base64_key: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            hash: Hash::Sha256,
            keyless: false,
            headers: &["x-signature"],
            in_query: false,
            parallel: false,
            encoding: Encoding::Hex,
            items: None,
            tags: None,
            time: None,
            id: &[],
            required: &[],
            pieces: &[P::Body],
            base64_key: false,
        }
    }
}

#[derive(Clone, Copy)]
struct Time {
    from: From,
    unit: Unit,
    tolerance: Option<u64>,
    past_only: bool,
}

impl Default for Time {
    fn default() -> Self {
        Self {
            from: From::Headers(&["x-timestamp"]),
            unit: Unit::Seconds,
            tolerance: Some(300),
            past_only: false,
        }
    }
}

#[derive(Clone, Copy)]
enum From {
    Headers(&'static [&'static str]),
    Tag(&'static str),
}

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Seconds,
    Milliseconds,
    Rfc3339,
}

#[derive(Clone, Copy, PartialEq)]
enum P {
    Body,
    Digest,
    Form,
    Header(&'static str),
    Id,
    /// The headers that `x-list` names, `x-list` and `x-timestamp` among them.
    Listed,
    Literal(&'static str),
    Method,
    Path,
    Query(&'static str),
    Secret,
    Tag(&'static str),
    Time,
    Url,
}

impl P {
    fn is_body(&self) -> bool {
        matches!(self, Self::Body | Self::Digest | Self::Form)
    }
}

const ORIGIN: &str = "https://example.com";

/// The shape as a scheme of the crate.
fn scheme(shape: &Shape) -> Scheme {
    let (first, others) = shape.headers.split_first().expect("a header");
    let mut scheme = match shape.hash {
        _ if shape.keyless => SignatureScheme::keyless_sha256_open_to_length_extension(*first),
        Hash::Sha1 => SignatureScheme::hmac_sha1(*first),
        Hash::Sha256 => SignatureScheme::hmac_sha256(*first),
        Hash::Sha384 => SignatureScheme::hmac_sha384(*first),
        Hash::Sha512 => SignatureScheme::hmac_sha512(*first),
    };
    if shape.in_query {
        scheme = scheme.in_query();
    }
    for header in others {
        scheme = match shape.parallel {
            true => scheme.parallel_header(*header),
            false => scheme.alias(*header),
        };
    }
    scheme = scheme
        .encoding(shape.encoding)
        .url(SignedUrl::origin(ORIGIN).expect("a URL"));
    if let Some(separator) = shape.items {
        scheme = scheme.item_separator(separator);
    }
    if let Some((separator, accepted)) = shape.tags {
        scheme = scheme.tags(separator, accepted.iter().copied());
    }
    for name in shape.id {
        scheme = scheme.id_header(*name);
    }
    for (name, value) in shape.required {
        scheme = scheme.require_header(*name, *value);
    }
    if let Some(time) = shape.time {
        let mut described = match time.from {
            From::Tag(tag) => Timestamp::tag(tag),
            From::Headers(names) => names[1..]
                .iter()
                .fold(Timestamp::header(names[0]), |time, name| time.alias(*name)),
        };
        described = match time.unit {
            Unit::Seconds => described,
            Unit::Milliseconds => described.milliseconds(),
            Unit::Rfc3339 => described.rfc3339(),
        };
        described = match time.tolerance {
            Some(seconds) => described
                .tolerance(Duration::from_secs(seconds))
                .accept_renewal(),
            None => described.accept_any_age(),
        };
        if time.past_only {
            described = described.past_only();
        }
        scheme = scheme.timestamp(described);
    }
    if shape.base64_key {
        scheme = scheme
            .key_encoding(KeyEncoding::Base64)
            .key_prefix("whsec_");
    }
    let pieces = shape.pieces.iter().map(|piece| match piece {
        P::Body => Piece::Body,
        P::Digest => Piece::BodyDigest(BodyDigest::Sha256Hex),
        P::Form => Piece::SortedForm(SortedForm::new().without_duplicates()),
        P::Header(name) => Piece::header(name),
        P::Id => Piece::Id,
        P::Listed => Piece::SignedHeaders(
            SignedHeaders::in_header("x-list", ',')
                .with_names(";")
                .must_contain(["x-list", "x-timestamp"]),
        ),
        P::Literal(text) => Piece::literal(text),
        P::Method => Piece::Method,
        P::Path => Piece::PathAndQuery,
        P::Query(name) => Piece::query(name),
        P::Secret => Piece::Secret,
        P::Tag(tag) => Piece::tag(tag),
        P::Time => Piece::Timestamp,
        P::Url => Piece::Url,
    });
    let scheme = scheme.signed(pieces).accept_movable_body_boundary();
    scheme.build().expect("a scheme")
}

/// A delivery without types of the crate.
#[derive(Clone, Debug)]
struct Delivery {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Delivery {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        let of_name = self.headers.iter().filter(|(other, _)| other == name);
        of_name.map(|(_, value)| value.as_slice()).collect()
    }

    /// The one value, which is not longer than 4 KiB; `Err` when there is another.
    fn single(&self, name: &str) -> Result<Option<&[u8]>, ()> {
        match self.values(name).as_slice() {
            [] => Ok(None),
            [value] if value.len() <= 4096 => Ok(Some(value)),
            _ => Err(()),
        }
    }

    /// The values of a parameter of the query, decoded.
    fn parameters(&self, name: &str) -> Vec<Vec<u8>> {
        let (_, query) = self.path.split_once('?').unwrap_or_default();
        fields(query.as_bytes())
            .into_iter()
            .filter(|(field, _)| field == name.as_bytes())
            .map(|(_, value)| value)
            .collect()
    }

    fn parameter(&self, name: &str) -> Result<Vec<u8>, ()> {
        match self.parameters(name).as_slice() {
            [value] if value.len() <= 4096 => Ok(value.clone()),
            _ => Err(()),
        }
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone().into()));
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).expect("a method");
        *request.uri_mut() = self.path.parse().expect("a path");
        for (name, value) in &self.headers {
            request.headers_mut().append(
                HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                HeaderValue::from_bytes(value).expect("a value"),
            );
        }
        request
    }
}

/// The fields of a form, as the URL Standard decodes them.
fn fields(form: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let decode = |text: &[u8]| {
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let escaped = text.get(at + 1..at + 3).and_then(reference::unhex);
            match (text[at], escaped) {
                (b'%', Some(byte)) => {
                    decoded.extend(byte);
                    at += 3;
                    continue;
                }
                (b'+', _) => decoded.push(b' '),
                (byte, _) => decoded.push(byte),
            }
            at += 1;
        }
        decoded
    };
    form.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=');
            let at = at.unwrap_or(pair.len());
            (
                decode(&pair[..at]),
                decode(pair.get(at + 1..).unwrap_or_default()),
            )
        })
        .collect()
}

/// The judge: the position of the first key with which the delivery is valid.
fn judge(shape: &Shape, keys: &[Vec<u8>], delivery: &Delivery) -> Result<usize, ()> {
    for (name, value) in shape.required {
        if delivery.single(name)? != Some(value.as_bytes()) {
            return Err(());
        }
    }
    let mut family = 0;
    let mut headers = Vec::new();
    let in_query = match shape.in_query {
        true => Some(delivery.parameter(shape.headers[0])?),
        false => None,
    };
    headers.extend(in_query.as_deref());
    for (index, name) in shape.headers.iter().enumerate() {
        if shape.in_query {
            break;
        }
        if let Some(value) = delivery.single(name)? {
            headers.push(value);
            if !shape.parallel {
                family = index;
                break;
            }
        }
    }
    let mut candidates = Vec::new();
    let mut times = Vec::new();
    let mut signed_tags = Vec::new();
    for header in headers {
        let items: Vec<&[u8]> = match shape.items {
            None => vec![header],
            Some(separator) => header
                .split(|byte| *byte == separator as u8)
                .map(|item| {
                    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
                    let start = item.iter().take_while(|byte| blank(byte)).count();
                    let item = &item[start..];
                    let end = item.iter().rev().take_while(|byte| blank(byte)).count();
                    &item[..item.len() - end]
                })
                .collect(),
        };
        for item in items {
            let text = match shape.tags {
                None => item,
                Some((separator, accepted)) => {
                    let Some(at) = item.iter().position(|byte| *byte == separator as u8) else {
                        continue;
                    };
                    let (tag, text) = (&item[..at], &item[at + 1..]);
                    if matches!(shape.time, Some(Time { from: From::Tag(name), .. }) if name.as_bytes() == tag)
                    {
                        times.push(text);
                        continue;
                    }
                    if shape
                        .pieces
                        .iter()
                        .any(|piece| matches!(piece, P::Tag(name) if name.as_bytes() == tag))
                    {
                        signed_tags.push(text);
                        continue;
                    }
                    if !accepted.iter().any(|name| name.as_bytes() == tag) {
                        continue;
                    }
                    text
                }
            };
            let decoded = match shape.encoding {
                Encoding::Base64 => reference::unbase64(text),
                Encoding::Base64Url => reference::unbase64url(text),
                _ => reference::unhex(text),
            };
            candidates.extend(decoded.filter(|bytes| bytes.len() == shape.hash.digest_bytes()));
        }
    }
    if candidates.len() > 16 {
        return Err(());
    }
    let id = match shape.id {
        [] => &[][..],
        names => delivery.single(names[family])?.ok_or(())?,
    };
    if !shape.id.is_empty() && (id.is_empty() || !id.iter().all(u8::is_ascii_graphic)) {
        return Err(());
    }
    let time = match shape.time {
        None => &[][..],
        Some(Time {
            from: From::Tag(_), ..
        }) => match times.as_slice() {
            [time] => time,
            _ => return Err(()),
        },
        Some(Time {
            from: From::Headers(names),
            ..
        }) => delivery.single(names[family])?.ok_or(())?,
    };
    if let Some(described) = shape.time {
        let milliseconds = milliseconds(described.unit, time, shape).ok_or(())?;
        let (age, ahead) = (
            i128::from(NOW) * 1000 - milliseconds,
            milliseconds - i128::from(NOW) * 1000,
        );
        if let Some(tolerance) = described.tolerance {
            let tolerance = i128::from(tolerance) * 1000;
            if age > tolerance || (ahead > tolerance && !described.past_only) {
                return Err(());
            }
        }
    }
    let has_tag = shape.pieces.iter().any(|piece| matches!(piece, P::Tag(_)));
    let tag = match signed_tags.as_slice() {
        [] if !has_tag => &[][..],
        [tag] => tag,
        _ => return Err(()),
    };
    for (index, key) in keys.iter().enumerate() {
        let expected = sign(shape, key, delivery, id, time, tag)?;
        if candidates.contains(&expected) {
            return Ok(index);
        }
    }
    Err(())
}

/// The MAC over the delivery with this id and this timestamp.
fn sign(
    shape: &Shape,
    key: &[u8],
    delivery: &Delivery,
    id: &[u8],
    time: &[u8],
    tag: &[u8],
) -> Result<Vec<u8>, ()> {
    let mut text = Vec::new();
    let body_at = shape.pieces.iter().position(P::is_body);
    let body_at = body_at.expect("a body");
    for (index, piece) in shape.pieces.iter().enumerate() {
        let inwards = match index < body_at {
            true => shape.pieces.get(index + 1),
            false => shape.pieces.get(index.wrapping_sub(1)),
        };
        let delimited = |value: &[u8]| match inwards {
            Some(P::Literal(separator)) => {
                let all = [separator.as_bytes(), value, separator.as_bytes()].concat();
                let found = all
                    .windows(separator.len())
                    .filter(|window| *window == separator.as_bytes())
                    .count();
                if found == 2 { Ok(()) } else { Err(()) }
            }
            _ => Ok(()),
        };
        match piece {
            P::Body => text.extend_from_slice(&delivery.body),
            P::Digest => {
                let digest = Hash::Sha256.digest(&delivery.body);
                text.extend_from_slice(reference::hex(&digest).as_bytes());
            }
            P::Form => {
                let mut fields: Vec<_> = fields(&delivery.body);
                fields.sort();
                fields.dedup();
                for part in fields.into_iter().flat_map(|(name, value)| [name, value]) {
                    String::from_utf8(part.clone()).map_err(drop)?;
                    text.extend_from_slice(&part);
                }
            }
            P::Listed => text.extend_from_slice(&listed(delivery)?),
            P::Path => text.extend_from_slice(delivery.path.as_bytes()),
            P::Query(name) => {
                let value = delivery.parameter(name)?;
                delimited(&value)?;
                text.extend_from_slice(&value);
            }
            P::Tag(_) => {
                delimited(tag)?;
                text.extend_from_slice(tag);
            }
            P::Header(name) => {
                let value = delivery.single(name)?.ok_or(())?;
                delimited(value)?;
                text.extend_from_slice(value);
            }
            P::Id => {
                delimited(id)?;
                text.extend_from_slice(id);
            }
            P::Literal(literal) => text.extend_from_slice(literal.as_bytes()),
            P::Method => text.extend_from_slice(delivery.method.as_bytes()),
            P::Secret => text.extend_from_slice(key),
            P::Time => text.extend_from_slice(time),
            P::Url => text.extend_from_slice(format!("{ORIGIN}{}", delivery.path).as_bytes()),
        }
    }
    Ok(match shape.keyless {
        true => shape.hash.digest(&text),
        false => reference::hmac(shape.hash, key, &text),
    })
}

/// `name:value;name:value` of the headers that `x-list` names.
fn listed(delivery: &Delivery) -> Result<Vec<u8>, ()> {
    fn trim(mut text: &[u8]) -> &[u8] {
        while let Some((b' ' | b'\t', rest)) = text.split_first() {
            text = rest;
        }
        while let Some((b' ' | b'\t', rest)) = text.split_last() {
            text = rest;
        }
        text
    }
    let list = delivery.single("x-list")?.ok_or(())?;
    let mut names = Vec::new();
    for name in list.split(|byte| *byte == b',') {
        let name = String::from_utf8(trim(name).to_ascii_lowercase()).map_err(drop)?;
        if names.contains(&name) || names.len() == 16 {
            return Err(());
        }
        names.push(name);
    }
    let required = ["x-list", "x-timestamp"];
    if !required
        .iter()
        .all(|name| names.iter().any(|listed| listed == name))
    {
        return Err(());
    }
    let mut texts = Vec::new();
    for name in names {
        let value = trim(delivery.single(&name)?.ok_or(())?);
        let text = String::from_utf8_lossy(value);
        if required
            .iter()
            .any(|name| text.contains(&format!(";{name}:")))
        {
            return Err(());
        }
        texts.push([name.as_bytes(), b":", value].concat());
    }
    Ok(texts.join(&b';'))
}

/// Milliseconds since 1970, if this is the way to write them.
fn milliseconds(unit: Unit, text: &[u8], shape: &Shape) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    if unit == Unit::Rfc3339 {
        return rfc3339(text);
    }
    let separated = shape
        .pieces
        .iter()
        .any(|piece| matches!(piece, P::Literal(_)));
    let width = if unit == Unit::Seconds { 10 } else { 13 };
    let canonical = !text.is_empty()
        && text.len() <= 19
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
        && (separated || text.len() == width);
    let number: i128 = text.parse().ok().filter(|_| canonical)?;
    Some(if unit == Unit::Seconds {
        number * 1000
    } else {
        number
    })
}

/// RFC 3339 in its plain form: `2023-11-14T22:13:20Z`, a fraction, an offset in hours and minutes.
fn rfc3339(text: &str) -> Option<i128> {
    let number = |range: std::ops::Range<usize>| -> Option<i128> {
        let digits = text.get(range)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| plain)
    };
    let at = |index: usize| text.as_bytes().get(index).map(u8::to_ascii_uppercase);
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(index, mark)| at(*index) != Some(*mark)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let mut rest = text.get(19..)?;
    let mut nanoseconds = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits: String = fraction.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() || digits.len() > 9 {
            return None;
        }
        rest = &fraction[digits.len()..];
        nanoseconds = format!("{digits:0<9}").parse::<i128>().ok()?;
    }
    let offset = match rest.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2]
            if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) =>
        {
            let two = |a: &u8, b: &u8| i128::from(a - b'0') * 10 + i128::from(b - b'0');
            let minutes = two(h1, h2) * 60 + two(m1, m2);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let leap = |year: i128| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days_of = |month: i128| match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=12).contains(&month) || !(1..=days_of(month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = (1970..year)
        .map(|year| if leap(year) { 366 } else { 365 })
        .sum::<i128>()
        + (1..month).map(days_of).sum::<i128>()
        + day
        - 1;
    let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second;
    // A part of a millisecond is rounded up.
    Some(seconds * 1000 + (nanoseconds + 999_999) / 1_000_000)
}

fn agree(shape: Shape) {
    let scheme = scheme(&shape);
    run(|random| {
        let keys: Vec<Vec<u8>> = (0..random.below(3) + 1).map(|_| random.key()).collect();
        let texts = keys.iter().map(|key| match shape.base64_key {
            true => format!("whsec_{}", reference::base64(key)).into_bytes(),
            false => key.clone(),
        });
        let provider = provider(&scheme, texts);
        let mut delivery = signed(&shape, &keys, random);
        if random.one_in(2) {
            tamper(&mut delivery, random);
        }
        let expected = judge(&shape, &keys, &delivery);
        (provider, delivery, expected)
    });
}

fn agree_on_shared_keys(scheme_name: &'static [u8]) {
    let described = SharedKeyScheme::new("x-key").alias("x-old-key");
    let scheme = match scheme_name {
        b"Basic " => described.basic(),
        b"Bearer " => described.bearer(),
        _ => described,
    };
    let scheme = scheme.build().expect("a scheme");
    run(|random| {
        let keys: Vec<Vec<u8>> = (0..random.below(3) + 1).map(|_| random.text(40)).collect();
        let provider = provider(&scheme, keys.iter().cloned());
        let written = |key: &[u8]| match scheme_name {
            b"Basic " => reference::base64(key).into_bytes(),
            _ => key.to_vec(),
        };
        let key = &keys[random.below(keys.len())];
        let name = ["x-key", "x-old-key"][random.below(2)];
        let case = [scheme_name.to_vec(), scheme_name.to_ascii_lowercase()];
        let value = [case[random.below(2)].clone(), written(key)].concat();
        let mut delivery = Delivery {
            method: "POST".into(),
            path: "/".into(),
            headers: vec![(name.into(), value)],
            body: random.bytes(64),
        };
        if random.one_in(2) {
            tamper(&mut delivery, random);
        }
        let judge = || {
            let name = match delivery.values("x-key").is_empty() {
                true => "x-old-key",
                false => "x-key",
            };
            let value = delivery.single(name)?.ok_or(())?;
            let (scheme, presented) = value.split_at_checked(scheme_name.len()).ok_or(())?;
            if !scheme.eq_ignore_ascii_case(scheme_name) {
                return Err(());
            }
            keys.iter()
                .position(|key| written(key) == presented)
                .ok_or(())
        };
        let expected = judge();
        (provider, delivery, expected)
    });
}

fn provider(scheme: &Scheme, secrets: impl Iterator<Item = Vec<u8>>) -> Provider<Bytes> {
    let secrets = secrets.enumerate().map(|(index, bytes)| {
        (
            index.to_string(),
            Secret::from_bytes(bytes).expect("a secret"),
        )
    });
    let keys = Keys::named(secrets).expect("keys");
    Provider::new("reference", scheme.clone(), keys).expect("a provider")
}

fn run(mut case: impl FnMut(&mut Random) -> (Provider<Bytes>, Delivery, Result<usize, ()>)) {
    let seed =
        std::env::var("DIFFERENTIAL_SEED").map_or(0x5eed, |seed| seed.parse().expect("a number"));
    println!("DIFFERENTIAL_SEED={seed}");
    let mut random = Random(seed.max(1));
    let (mut accepted, mut rejected) = (0, 0);
    for index in 0..CASES {
        let (provider, delivery, expected) = case(&mut random);
        let service = WebhookAuthLayer::new(provider)
            .clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
            .layer(common::Inner::default());
        let response = futures_executor::block_on(service.oneshot(delivery.request()))
            .expect("an infallible service");
        let verdict = match response.extensions().get::<Verified<Bytes>>() {
            Some(verified) => {
                assert_eq!(*verified.body(), delivery.body, "case {index}");
                Ok(verified.key_name().parse().expect("a position"))
            }
            None => Err(()),
        };
        assert_eq!(verdict, expected, "case {index}: {delivery:?}");
        match verdict {
            Ok(_) => accepted += 1,
            Err(()) => rejected += 1,
        }
    }
    println!("{accepted} accepted, {rejected} rejected");
    assert!(accepted > CASES / 5, "only {accepted} were accepted");
    assert!(rejected > CASES / 5, "only {rejected} were rejected");
}

/// A delivery as its sender would sign it, now and then with an odd id or time.
fn signed(shape: &Shape, keys: &[Vec<u8>], random: &mut Random) -> Delivery {
    let family = match shape.parallel {
        true => 0,
        false => random.below(shape.headers.len()),
    };
    let mut delivery = Delivery {
        method: ["POST", "GET", "PUT", "PURGE"][random.below(4)].into(),
        path: ["/", "/hook", "/hook?a=1&b=%2F", "/a/b/c?"][random.below(4)].into(),
        headers: Vec::new(),
        body: random.bytes(120),
    };
    for (name, value) in shape.required {
        delivery
            .headers
            .push(((*name).into(), value.as_bytes().to_vec()));
    }
    let mut tag = Vec::new();
    for piece in shape.pieces {
        match piece {
            P::Header(name) => delivery.headers.push(((*name).into(), random.text(12))),
            P::Form => delivery.body = random.form(),
            P::Listed => {
                let mut names = vec!["x-list", "x-timestamp", "x-topic"];
                if random.one_in(20) {
                    names.remove(random.below(3));
                }
                if random.one_in(20) {
                    names.push(["x-list", "x-other", "X-Topic", ""][random.below(4)]);
                }
                let first = names.remove(random.below(names.len()));
                names.push(first);
                let list = names.join([",", ", "][random.below(2)]);
                delivery.headers.push(("x-list".into(), list.into_bytes()));
                let topic = match random.one_in(10) {
                    true => format!("a;x-timestamp:{NOW}").into_bytes(),
                    false => random.text(12),
                };
                delivery.headers.push(("x-topic".into(), topic));
            }
            P::Query(name) => {
                for _ in 0..[1, 1, 1, 1, 1, 1, 1, 0, 2][random.below(9)] {
                    let value = escape(&random.text(8), random);
                    let separator = if delivery.path.contains('?') {
                        '&'
                    } else {
                        '?'
                    };
                    delivery.path = format!("{}{separator}{name}={value}", delivery.path);
                }
            }
            P::Tag(_) => {
                tag = random.text(8);
                tag.retain(|byte| *byte != b',');
            }
            _ => {}
        }
    }
    let mut id = Vec::new();
    if !shape.id.is_empty() {
        id = [b"msg_", random.text(8).as_slice()].concat();
        id.retain(u8::is_ascii_graphic);
        delivery.headers.push((shape.id[family].into(), id.clone()));
    }
    let mut time = Vec::new();
    if let Some(described) = shape.time {
        time = random.time(described.unit).into_bytes();
        if let From::Headers(names) = described.from {
            delivery.headers.push((names[family].into(), time.clone()));
        }
    }
    let key = &keys[random.below(keys.len())];
    let right = sign(shape, key, &delivery, &id, &time, &tag).unwrap_or_else(|()| vec![7; 32]);
    let wrong = random.exactly(shape.hash.digest_bytes());
    let mut items = vec![signature(shape, &right, random)];
    if shape.items.is_some() {
        for _ in 0..random.below(3) {
            items.insert(
                random.below(items.len() + 1),
                signature(shape, &wrong, random),
            );
        }
        // Around the limit of candidates now and then.
        if random.one_in(50) {
            let more = 15 + random.below(3) - (items.len() - 1);
            items.extend((0..more).map(|_| signature(shape, &wrong, random)));
        }
        if random.one_in(8) {
            items.push("v9=placeholder".into());
        }
        if random.one_in(8) {
            items.push(" ".into());
        }
    }
    if let (
        Some((tag, _)),
        Some(Time {
            from: From::Tag(name),
            ..
        }),
    ) = (shape.tags, shape.time)
    {
        let time = format!("{name}{tag}{}", String::from_utf8_lossy(&time));
        items.insert(random.below(items.len() + 1), time);
    }
    let separator = shape.items.map(String::from).unwrap_or_default();
    let mut value = items.join(&separator).into_bytes();
    if let (Some((separator, _)), Some(P::Tag(name))) = (
        shape.tags,
        shape.pieces.iter().find(|piece| matches!(piece, P::Tag(_))),
    ) {
        for _ in 0..[1, 1, 1, 1, 1, 1, 1, 0, 2][random.below(9)] {
            let item = [format!("{name}{separator}").as_bytes(), &tag, b","].concat();
            value.splice(0..0, item);
        }
    }
    if shape.in_query {
        for _ in 0..[1, 1, 1, 1, 1, 1, 1, 0, 2][random.below(9)] {
            let value = escape(&value, random);
            let separator = if delivery.path.contains('?') {
                '&'
            } else {
                '?'
            };
            delivery.path = format!("{}{separator}{}={value}", delivery.path, shape.headers[0]);
        }
        return delivery;
    }
    delivery.headers.push((shape.headers[family].into(), value));
    if shape.parallel && random.one_in(2) {
        let other = signature(shape, &wrong, random).into_bytes();
        delivery.headers.push((shape.headers[1].into(), other));
        if random.one_in(2) {
            let last = delivery.headers.len() - 1;
            let (left, right) = delivery.headers.split_at_mut(last);
            std::mem::swap(&mut left[last - 1].1, &mut right[0].1);
        }
    }
    delivery
}

/// A text as it may be written in a query or a form.
fn escape(text: &[u8], random: &mut Random) -> String {
    text.iter()
        .map(|byte| match byte {
            b' ' if random.one_in(2) => "+".into(),
            byte if byte.is_ascii_alphanumeric() && !random.one_in(8) => {
                char::from(*byte).to_string()
            }
            byte => format!("%{byte:02x}"),
        })
        .collect()
}

/// A value of JSON.
#[derive(Clone, Debug, PartialEq)]
enum J {
    List(Vec<J>),
    Null,
    Number(String),
    Object(Vec<(String, J)>),
    Text(String),
}

impl J {
    fn write(&self) -> String {
        match self {
            Self::List(list) => {
                let list: Vec<_> = list.iter().map(Self::write).collect();
                format!("[{}]", list.join(", "))
            }
            Self::Null => "null".into(),
            Self::Number(number) => number.clone(),
            Self::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| format!("{:?} :{}", name, value.write()));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            Self::Text(text) => format!("{text:?}"),
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Number(text) | Self::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// All values at this place. `None` if one is absent, a list is empty, or an object on the way has a
    /// member twice.
    fn get_all(&self, path: &[&str]) -> Option<Vec<Self>> {
        let Some((step, rest)) = path.split_first() else {
            return Some(vec![self.clone()]);
        };
        match self {
            Self::List(list) if *step == "*" && !list.is_empty() => {
                let values: Option<Vec<_>> = list.iter().map(|value| value.get_all(rest)).collect();
                Some(values?.concat())
            }
            Self::Object(members) if *step != "*" => {
                let mut names: Vec<_> = members.iter().map(|(name, _)| name).collect();
                names.sort();
                let count = names.len();
                names.dedup();
                let found = members.iter().find(|(name, _)| name == step);
                found.filter(|_| names.len() == count)?.1.get_all(rest)
            }
            _ => None,
        }
    }
}

/// Random bodies of JSON, of which many are nearly right. In one of `lists` the value of `a` is a list.
fn agree_in_json(scheme: &Scheme, lists: usize, judge: impl Fn(&[Vec<u8>], &J) -> Option<usize>) {
    run(|random| {
        let count = random.below(2) + 1;
        let keys: Vec<Vec<u8>> = (0..count)
            .map(|_| format!("k{}", random.word(12)).into_bytes())
            .collect();
        let provider = provider(scheme, keys.iter().cloned());
        let key = String::from_utf8_lossy(&keys[random.below(count)]).into_owned();
        let is_list = random.one_in(lists);
        let b = random.word(3);
        let element = |random: &mut Random| {
            let text = random.word(3);
            let signed = format!("{}:{b}", if is_list { &key } else { &text });
            let signature = reference::hmac(Hash::Sha256, key.as_bytes(), signed.as_bytes());
            let mut members = vec![
                (
                    "key".to_owned(),
                    J::Text(if is_list { key.clone() } else { text }),
                ),
                ("sig".to_owned(), J::Text(reference::hex(&signature))),
            ];
            members.insert(random.below(3), ("x".to_owned(), random.json(1)));
            J::Object(members)
        };
        let a = match is_list {
            true => J::List(
                (0..[1, 1, 2, 3, 0][random.below(5)])
                    .map(|_| element(random))
                    .collect(),
            ),
            false => element(random),
        };
        let mut body = J::Object(vec![("a".to_owned(), a), ("b".to_owned(), J::Text(b))]);
        if random.one_in(2) {
            random.change(&mut body);
        }
        let expected = judge(&keys, &body).ok_or(());
        let delivery = Delivery {
            method: "POST".into(),
            path: "/".into(),
            headers: Vec::new(),
            body: body.write().into_bytes(),
        };
        (provider, delivery, expected)
    });
}

fn signature(shape: &Shape, bytes: &[u8], random: &mut Random) -> String {
    let written = match shape.encoding {
        Encoding::Base64 => reference::base64(bytes),
        Encoding::Base64Url => reference::base64url(bytes),
        _ if random.one_in(4) => reference::hex(bytes).to_uppercase(),
        _ => reference::hex(bytes),
    };
    match shape.tags {
        Some((separator, accepted)) => {
            format!(
                "{}{separator}{written}",
                accepted[random.below(accepted.len())]
            )
        }
        None => written,
    }
}

/// Changes one thing.
fn tamper(delivery: &mut Delivery, random: &mut Random) {
    let index = random.below(delivery.headers.len());
    let byte = random.printable();
    let value = &mut delivery.headers[index].1;
    let at = random.below(value.len() + 1);
    match random.below(14) {
        0 => delivery.body.push(random.byte()),
        1 => drop(delivery.body.pop()),
        2 => match random.below(delivery.body.len() + 1) {
            at if at < delivery.body.len() => delivery.body[at] ^= 1 << random.below(8),
            _ => delivery.body.insert(0, b'0'),
        },
        3 => delivery.method = "PATCH".into(),
        4 => delivery.path.push('x'),
        5 => drop(delivery.headers.remove(index)),
        6 => {
            let twin = delivery.headers[index].clone();
            delivery.headers.push(twin);
        }
        7 => value.insert(at, byte),
        8 if at < value.len() => value[at] = byte,
        9 if at < value.len() => drop(value.remove(at)),
        10 => value.truncate(at),
        11 => value.resize(4097, b' '),
        12 => value.make_ascii_uppercase(),
        // Bytes that move from one signed piece to the next.
        _ => {
            let moved = value.pop();
            match delivery.headers.get_mut(index + 1) {
                Some((_, next)) if random.one_in(2) => {
                    next.splice(0..0, moved);
                }
                _ => drop(delivery.body.splice(0..0, moved)),
            }
        }
    }
}

/// xorshift64*, Marsaglia 2003 and Vigna 2016: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }

    /// Any bytes, often none.
    fn bytes(&mut self, most: usize) -> Vec<u8> {
        if self.one_in(8) {
            return Vec::new();
        }
        let length = self.below(most + 1);
        self.exactly(length)
    }

    /// A key of any length around the blocks of the hashes.
    fn key(&mut self) -> Vec<u8> {
        let most = if self.one_in(4) { 200 } else { 70 };
        // A key in base64 has at least eight bytes.
        let length = 8 + self.below(most);
        let mut key = self.exactly(length);
        key[0] |= 0x80;
        key
    }

    /// What may be in a header: not all of it ASCII.
    fn text(&mut self, most: usize) -> Vec<u8> {
        let length = 1 + self.below(most);
        (0..length)
            .map(|_| self.printable())
            .map(|byte| if byte == b' ' { b'_' } else { byte })
            .collect()
    }

    /// A form, of which some are not UTF-8.
    fn form(&mut self) -> Vec<u8> {
        let mut pairs = Vec::new();
        for _ in 0..self.below(5) {
            let name = [&b"a"[..], b"ab", b"B", b"", b"\xc3\xa9"][self.below(5)];
            let value = match self.one_in(20) {
                true => self.exactly(2),
                false => self.word(3).into_bytes(),
            };
            let (name, value) = (escape(name, self), escape(&value, self));
            pairs.push(match self.one_in(10) {
                true => name,
                false => format!("{name}={value}"),
            });
        }
        pairs.join("&").into_bytes()
    }

    /// ASCII letters and separators.
    fn word(&mut self, most: usize) -> String {
        let length = 1 + self.below(most);
        let letters = b"abcde01 :.";
        (0..length)
            .map(|_| char::from(letters[self.below(letters.len())]))
            .collect()
    }

    fn json(&mut self, depth: usize) -> J {
        match self.below(if depth == 0 { 3 } else { 5 }) {
            0 => J::Null,
            1 => J::Number(self.below(100).to_string()),
            2 => J::Text(self.word(4)),
            3 => J::List((0..self.below(3)).map(|_| self.json(depth - 1)).collect()),
            _ => {
                let count = self.below(3);
                let names = ["a", "b", "key", "sig"];
                let members = (0..count).map(|_| {
                    let name = names[self.below(4)].to_owned();
                    (name, self.json(depth - 1))
                });
                J::Object(members.collect())
            }
        }
    }

    /// Changes one thing in a value of JSON.
    fn change(&mut self, value: &mut J) {
        match value {
            J::Object(members) if !members.is_empty() && !self.one_in(4) => {
                let at = self.below(members.len());
                self.change(&mut members[at].1);
            }
            J::List(list) if !list.is_empty() && !self.one_in(4) => {
                let at = self.below(list.len());
                self.change(&mut list[at]);
            }
            J::Object(members) if !members.is_empty() => {
                let at = self.below(members.len());
                match self.below(3) {
                    0 => drop(members.remove(at)),
                    1 => members.push(members[at].clone()),
                    _ => {
                        let name = members[at].0.clone();
                        let other = self.json(1);
                        members.insert(0, (name, other));
                    }
                }
            }
            other => *other = self.json(1),
        }
    }

    fn printable(&mut self) -> u8 {
        match self.below(16) {
            0 => 0x80 | self.byte(),
            1 => b" .:|=,+-"[self.below(8)],
            _ => 0x20 + self.below(95) as u8,
        }
    }

    /// A time as it may be written: mostly within 300 seconds, often at the very edge.
    fn time(&mut self, unit: Unit) -> String {
        let distance = match self.below(10) {
            0 => 300,
            1 => 301,
            2 => self.below(100_000),
            _ => self.below(300),
        } as i64;
        let seconds = match self.one_in(2) {
            true => NOW as i64 - distance,
            false => NOW as i64 + distance,
        };
        let odd = self.one_in(20);
        match unit {
            Unit::Seconds if odd => self.odd(&seconds.to_string()),
            Unit::Seconds => seconds.to_string(),
            Unit::Milliseconds if odd => self.odd(&format!("{seconds}000")),
            Unit::Milliseconds => format!("{seconds}{:03}", self.below(1000)),
            Unit::Rfc3339 => {
                let offset = [0, 60, -420, 345][self.below(4)];
                let local = seconds + offset * 60;
                // All times are within a few days of `NOW`, which is on 14 November 2023.
                let day = 14 + (local - 1_699_920_000).div_euclid(86_400);
                let second = local.rem_euclid(86_400);
                let (hour, minute) = (second / 3600, second / 60 % 60);
                let time = format!("2023-11-{day:02}T{hour:02}:{minute:02}:{:02}", second % 60);
                let fraction = ["", ".5", ".123456789", ".000"][self.below(4)];
                let zone = match offset {
                    _ if odd => {
                        ["", "+07", "+0700", " Z", "+00:00[UTC]", "z"][self.below(6)].into()
                    }
                    0 => "Z".into(),
                    offset => format!(
                        "{}{:02}:{:02}",
                        if offset < 0 { '-' } else { '+' },
                        offset.abs() / 60,
                        offset.abs() % 60
                    ),
                };
                format!("{time}{fraction}{zone}")
            }
        }
    }

    fn odd(&mut self, number: &str) -> String {
        match self.below(8) {
            0 => format!("+{number}"),
            1 => format!("-{number}"),
            2 => format!("0{number}"),
            3 => format!("{number}.0"),
            4 => format!("{number}0"),
            5 => "18446744073709551616".into(),
            6 => "0".into(),
            _ => String::new(),
        }
    }
}
