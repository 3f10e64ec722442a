//! Computes the same verdict in another way: simple, slow, with allocations, and with other
//! libraries.

pub use base64::engine::general_purpose::STANDARD;
use base64::{
    Engine,
    engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, HeaderName, request::Parts};
use ring::{digest, hmac};
use tower_webhook_auth::{Encoding, Piece};

use crate::{
    EXTRA, Hash, ID, KEY, LIST, ORIGIN, Rules, SECOND_SIGNATURE, SIGNATURE, TIMESTAMP, Time, Unit,
};

/// Whether a value may contain the separator next to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Separators {
    Ignored,
    Respected,
}

pub fn accepts(rules: &Rules, head: &Parts, body: &[u8]) -> bool {
    let Some((signatures, timestamp)) = presented(rules, head) else {
        return false;
    };
    if let Some(time) = &rules.time {
        let written = match time.tag {
            Some(_) => timestamp,
            None if rules.time_first => timestamp,
            None => single(&head.headers, &TIMESTAMP).flatten(),
        };
        let fits = written.and_then(|written| nanoseconds(time.unit, written));
        if !fits.is_some_and(|signed| near(time, signed)) {
            return false;
        }
    }
    tag(rules, head, body, Separators::Respected).is_some_and(|tag| signatures.contains(&tag))
}

/// The signature that the sender computes for this.
pub fn tag(rules: &Rules, head: &Parts, body: &[u8], separators: Separators) -> Option<Vec<u8>> {
    let signed = signed(rules, head, body, separators)?;
    Some(mac(rules.hash, KEY.as_bytes(), &signed))
}

pub fn mac(hash: Hash, key: &[u8], signed: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    let key = hmac::Key::new(algorithm, key);
    hmac::sign(&key, signed).as_ref().to_vec()
}

fn signed(rules: &Rules, head: &Parts, body: &[u8], separators: Separators) -> Option<Vec<u8>> {
    let body_at = rules.pieces.iter().position(|piece| {
        matches!(
            piece,
            Piece::Body | Piece::BodyDigest(_) | Piece::SortedForm(_)
        )
    })?;
    let mut signed = Vec::new();
    for (at, piece) in rules.pieces.iter().enumerate() {
        let (bytes, free) = match piece {
            Piece::Body => (body.to_vec(), false),
            Piece::BodyDigest(_) => {
                let digest = digest::digest(&digest::SHA256, body);
                (hex::encode(digest).into_bytes(), false)
            }
            Piece::SortedForm(_) => {
                let mut fields = fields(body);
                if fields.len() > 1000 {
                    return None;
                }
                fields.sort();
                let texts = fields.into_iter().flat_map(|(name, value)| [name, value]);
                let texts: Vec<_> = texts
                    .map(String::from_utf8)
                    .collect::<Result<_, _>>()
                    .ok()?;
                (texts.concat().into_bytes(), false)
            }
            Piece::SignedHeaders(_) => (listed(head)?, false),
            Piece::PathAndQuery => {
                let path = head.uri.path_and_query().map_or("", |path| path.as_str());
                let slash = if path.starts_with('/') { "" } else { "/" };
                let url = url(
                    &Rules {
                        unescape_url: false,
                        ..rules.clone()
                    },
                    head,
                )?;
                let path = format!("{slash}{}", url.strip_prefix(ORIGIN)?);
                let path = match rules.unescape_url {
                    true => unescape(&path),
                    false => path,
                };
                (path.into_bytes(), false)
            }
            Piece::Query(_) => {
                let query = head.uri.query().unwrap_or_default();
                let mut values = fields(query.as_bytes()).into_iter();
                let mut values = values.by_ref().filter(|(name, _)| name == b"q");
                let (_, value) = values.next()?;
                if values.next().is_some() || value.len() > 4096 {
                    return None;
                }
                (value, true)
            }
            Piece::Tag(_) => {
                let value = head.headers.get(&SIGNATURE)?.as_bytes();
                let mut tags = items(rules, value).into_iter();
                let mut tags = tags.by_ref().filter_map(|item| item.strip_prefix(b"n="));
                let tag = tags.next()?;
                if tags.next().is_some() {
                    return None;
                }
                (tag.to_vec(), true)
            }
            Piece::Header(_) => (single(&head.headers, &EXTRA)??.to_vec(), true),
            Piece::Id => {
                let id = single(&head.headers, &ID)??;
                if id.is_empty() || !id.iter().all(|byte| (0x21..=0x7e).contains(byte)) {
                    return None;
                }
                (id.to_vec(), true)
            }
            Piece::Literal(text) => (text.as_bytes().to_vec(), false),
            Piece::Method => (head.method.as_str().into(), true),
            Piece::Timestamp => (timestamp(rules, head)?, false),
            Piece::Url => (url(rules, head)?.into(), false),
            _ => return None,
        };
        let neighbour = if at < body_at {
            at + 1
        } else {
            at.wrapping_sub(1)
        };
        if let Some(Piece::Literal(text)) = rules.pieces.get(neighbour)
            && free
            && separators == Separators::Respected
            && bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        {
            return None;
        }
        signed.extend(bytes);
    }
    Some(signed)
}

/// `None` if the path or the query contains a character that RFC 3986 does not allow there.
fn url(rules: &Rules, head: &Parts) -> Option<String> {
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    if path
        .contains(|c: char| !c.is_ascii() || c.is_ascii_control() || "\"#<>[\\]^`{|} ".contains(c))
    {
        return None;
    }
    let url = format!("{ORIGIN}{path}");
    Some(match rules.unescape_url {
        true => unescape(&url),
        false => url,
    })
}

fn unescape(url: &str) -> String {
    let mut unescaped = String::new();
    let mut rest = url;
    while let Some(character) = rest.chars().next() {
        let decoded = rest
            .get(1..3)
            .filter(|_| character == '%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .filter(|byte| b":/?@!$'()*,;".contains(byte));
        let (taken, decoded) = match decoded {
            Some(byte) => (3, char::from(byte)),
            None => (character.len_utf8(), character),
        };
        unescaped.push(decoded);
        rest = &rest[taken..];
    }
    unescaped
}

/// The fields of a form or a query, decoded by another crate. That crate replaces what is not UTF-8, so
/// such fields are decoded again.
pub fn fields(form: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let decode = |text: &[u8]| {
        let spaces: Vec<u8> = text
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect();
        percent_encoding::percent_decode(&spaces).collect::<Vec<u8>>()
    };
    let pairs = form
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty());
    let fields: Vec<_> = pairs
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=');
            let value = at.map_or(&[][..], |at| &pair[at + 1..]);
            (decode(&pair[..at.unwrap_or(pair.len())]), decode(value))
        })
        .collect();
    for ((name, value), other) in fields.iter().zip(form_urlencoded::parse(form)) {
        assert_eq!(String::from_utf8_lossy(name), other.0);
        assert_eq!(String::from_utf8_lossy(value), other.1);
    }
    fields
}

/// `name:value;name:value` of the list and of the header that it names.
fn listed(head: &Parts) -> Option<Vec<u8>> {
    let list = single(&head.headers, &LIST)??;
    let value = trimmed(single(&head.headers, &EXTRA)??);
    for name in [LIST, EXTRA] {
        let begin = format!(";{name}:");
        if value
            .windows(begin.len())
            .any(|part| part == begin.as_bytes())
        {
            return None;
        }
    }
    let list = [LIST.as_str().as_bytes(), b":", list].concat();
    let extra = [EXTRA.as_str().as_bytes(), b":", value].concat();
    Some([list, extra].join(&b';'))
}

fn timestamp(rules: &Rules, head: &Parts) -> Option<Vec<u8>> {
    let time = rules.time.as_ref()?;
    if time.tag.is_none() && !rules.time_first {
        return Some(single(&head.headers, &TIMESTAMP)??.to_vec());
    }
    let value = head.headers.get(&SIGNATURE)?.as_bytes();
    let items: Vec<&[u8]> = groups(rules, value)
        .into_iter()
        .flat_map(|group| items(rules, group))
        .collect();
    let Some(tag) = time.tag else {
        return Some(items.first()?.to_vec());
    };
    let (separator, _) = rules.tags?;
    let begin = format!("{tag}{separator}");
    let mut times = items
        .iter()
        .filter_map(|item| item.strip_prefix(begin.as_bytes()));
    Some(times.next()?.to_vec())
}

type Presented<'a> = (Vec<Vec<u8>>, Option<&'a [u8]>);

/// The signatures that can be read, and the timestamp among them. `None` if the header is rejected
/// as a whole.
fn presented<'a>(rules: &Rules, head: &'a Parts) -> Option<Presented<'a>> {
    let names = [SIGNATURE, SECOND_SIGNATURE];
    let names = &names[..if rules.two_headers { 2 } else { 1 }];
    let mut signatures = Vec::new();
    // Those of each group.
    let mut timestamps: Vec<Vec<&[u8]>> = Vec::new();
    for name in names {
        let values: Vec<&[u8]> = match rules.repeatable {
            true => head
                .headers
                .get_all(name)
                .iter()
                .map(|value| value.as_bytes())
                .collect(),
            false => single(&head.headers, name)?.into_iter().collect(),
        };
        if values.len() > 4 || values.iter().any(|value| value.len() > 4096) {
            return None;
        }
        for group in values.into_iter().flat_map(|value| groups(rules, value)) {
            let mut times = Vec::new();
            for (place, item) in items(rules, group).into_iter().enumerate() {
                if rules.time_first && place == 0 {
                    times.push(item);
                    continue;
                }
                let text = match rules.tags {
                    None => item,
                    Some((separator, accepted)) => {
                        match item.iter().position(|byte| *byte == separator as u8) {
                            None if rules.untagged => item,
                            None => continue,
                            Some(at) => {
                                let (tag, text) = (&item[..at], &item[at + 1..]);
                                let time = rules.time.as_ref().and_then(|time| time.tag);
                                if time.is_some_and(|time| tag == time.as_bytes()) {
                                    times.push(text);
                                    continue;
                                }
                                if !accepted.iter().any(|accepted| tag == accepted.as_bytes()) {
                                    continue;
                                }
                                text
                            }
                        }
                    }
                };
                signatures.extend(decode(rules, text));
            }
            timestamps.push(times);
        }
    }
    let has_time = rules.time_first || rules.time.as_ref().is_some_and(|time| time.tag.is_some());
    let is_timed = |times: &Vec<&[u8]>| times.len() == usize::from(has_time);
    let is_alike = timestamps.windows(2).all(|pair| pair[0] == pair[1]);
    let is_right =
        (1..=16).contains(&signatures.len()) && timestamps.iter().all(is_timed) && is_alike;
    is_right.then(|| (signatures, timestamps.concat().first().copied()))
}

/// The groups of a value that are not empty.
fn groups<'a>(rules: &Rules, value: &'a [u8]) -> Vec<&'a [u8]> {
    let Some(separator) = rules.groups else {
        return vec![value];
    };
    let groups = value.split(|byte| *byte == separator as u8).map(trimmed);
    groups.filter(|group| !group.is_empty()).collect()
}

fn items<'a>(rules: &Rules, value: &'a [u8]) -> Vec<&'a [u8]> {
    let Some(separator) = rules.item_separator else {
        return vec![value];
    };
    value
        .split(|byte| *byte == separator as u8)
        .map(trimmed)
        .collect()
}

/// Without the blanks around it.
pub fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn decode(rules: &Rules, text: &[u8]) -> Option<Vec<u8>> {
    decode_as(rules.encoding, rules.hash, text)
}

/// The signature in a text. `None` if it has another length than the hash.
pub fn decode_as(encoding: Encoding, hash: Hash, text: &[u8]) -> Option<Vec<u8>> {
    let bytes = match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Base64OfHex => STANDARD
            .decode(text)
            .ok()
            .and_then(|text| hex::decode(text).ok()),
        Encoding::Base64Url if text.last() == Some(&b'=') => URL_SAFE.decode(text).ok(),
        Encoding::Base64Url => URL_SAFE_NO_PAD.decode(text).ok(),
        _ => hex::decode(text).ok(),
    };
    let length = match hash {
        Hash::Sha1 => 20,
        Hash::Sha256 => 32,
        Hash::Sha512 => 64,
    };
    bytes.filter(|bytes| bytes.len() == length)
}

pub fn encode(encoding: Encoding, bytes: &[u8]) -> String {
    match encoding {
        Encoding::Base64 => STANDARD.encode(bytes),
        Encoding::Base64OfHex => STANDARD.encode(hex::encode(bytes)),
        Encoding::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
        _ => hex::encode(bytes),
    }
}

/// The only value of a header, or `Some(None)` if it is absent. `None` if the header is rejected.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a [u8]>> {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    match values.as_slice() {
        [] => Some(None),
        [value] if value.len() <= 4096 => Some(Some(value.as_bytes())),
        _ => None,
    }
}

fn near(time: &Time, signed: i128) -> bool {
    let now = i128::try_from(time.now.as_nanos()).expect("64 bits of seconds");
    let tolerance = match time.tolerance {
        None => return true,
        Some(tolerance) => i128::try_from(tolerance.as_nanos()).expect("64 bits of seconds"),
    };
    now - signed <= tolerance && (time.past_only || signed - now <= tolerance)
}

/// Since 1970, unless it is before, or more than a clock can hold.
fn nanoseconds(unit: Unit, text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let of_clock = |nanoseconds: &i128| (0..=i128::from(u64::MAX)).contains(nanoseconds);
    match unit {
        Unit::HttpDate => http_date(text).filter(of_clock),
        Unit::Seconds => number(text)
            .filter(|seconds| *seconds <= i128::from(i64::MAX))
            .map(|seconds| seconds * 1_000_000_000),
        Unit::Milliseconds => number(text).map(|milliseconds| milliseconds * 1_000_000),
        Unit::Rfc3339 => rfc3339(text).filter(of_clock),
        Unit::Rfc3339WithoutZone => {
            // The target `timestamp` signs a `.` after the time, which begins a fraction of a second.
            let time = rfc3339(&format!("{text}Z"));
            time.filter(|_| text.len() == 19).filter(of_clock)
        }
    }
}

/// Without a sign and without a zero in front.
fn number(text: &str) -> Option<i128> {
    let number: i128 = text.parse().ok()?;
    (number >= 0 && text.len() < 20 && number.to_string() == text).then_some(number)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`. The name of the day is not compared with the date.
fn http_date(text: &str) -> Option<i128> {
    let months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    let words: Vec<&str> = text.split(' ').collect();
    let [name, day, month, year, time, "GMT"] = words.as_slice() else {
        return None;
    };
    let days = ["Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun,"];
    let month = months.split(' ').position(|other| other == *month)? + 1;
    let has_form = days.contains(name) && day.len() == 2 && year.len() == 4 && time.len() == 8;
    has_form.then(|| rfc3339(&format!("{year}-{month:02}-{day}T{time}Z")))?
}

/// `2019-11-16T10:11:12.634234626Z`, or with an offset such as `-07:00` in the place of the `Z`.
/// Nanoseconds since 1970.
pub fn rfc3339(text: &str) -> Option<i128> {
    let field = |range: std::ops::Range<usize>| -> Option<i128> {
        let digits = text.get(range)?;
        let all = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| all)
    };
    let mark = |at: usize, mark: &str| {
        text.get(at..at + 1)
            .is_some_and(|found| found.eq_ignore_ascii_case(mark))
    };
    let (year, month, day) = (field(0..4)?, field(5..7)?, field(8..10)?);
    let (hour, minute, second) = (field(11..13)?, field(14..16)?, field(17..19)?);
    if !(mark(4, "-") && mark(7, "-") && mark(10, "T") && mark(13, ":") && mark(16, ":")) {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [
        31,
        if leap { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let days_of_month = *days.get(usize::try_from(month - 1).ok()?)?;
    // A leap second is the second before it.
    if !(1..=days_of_month).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }

    let mut rest = &text[19..];
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix('.') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=9).contains(&digits) {
            return None;
        }
        fraction = format!("{:0<9}", &after[..digits]).parse().ok()?;
        rest = &after[digits..];
    }
    let offset = match rest {
        "Z" | "z" => 0,
        _ => {
            let from = text.len() - rest.len();
            let sign = match rest.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let (hours, minutes) = (field(from + 1..from + 3)?, field(from + 4..from + 6)?);
            if rest.len() != 6 || !mark(from + 3, ":") || hours > 23 || minutes > 59 {
                return None;
            }
            sign * (hours * 3600 + minutes * 60)
        }
    };

    let leap_days = |year: i128| year / 4 - year / 100 + year / 400;
    let before_year = year * 365 + leap_days(year + 399) - leap_days(399);
    let since_1970 = before_year - (1970 * 365 + leap_days(1970 + 399) - leap_days(399));
    let before_month: i128 = days[..usize::try_from(month - 1).ok()?].iter().sum();
    let seconds =
        (since_1970 + before_month + day - 1) * 86_400 + hour * 3600 + minute * 60 + second.min(59)
            - offset;
    Some(seconds * 1_000_000_000 + fraction)
}
