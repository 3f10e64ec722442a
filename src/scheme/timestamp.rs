//! Reads timestamps strictly, and compares them with the clock.

use std::time::{Duration, SystemTime};

use http::HeaderName;

use crate::{
    clock::Clock,
    error::ConfigError,
    rejection::{ExpectedShape, Fixed, FoundShape, Rejection, RejectionKind, TimestampUnit},
};

/// Where the time of signing is in a delivery, how it is written, and how far from now it may be.
///
/// The default is seconds since 1970, with a tolerance of 300 seconds in the past and in the future:
///
/// ```
/// use std::time::Duration;
/// use tower_webhook_auth::Timestamp;
///
/// let slack = Timestamp::header("X-Slack-Request-Timestamp");
/// let stripe = Timestamp::tag("t");
/// let box_ = Timestamp::header("BOX-DELIVERY-TIMESTAMP")
///     .rfc3339()
///     .tolerance(Duration::from_secs(600))
///     .past_only();
/// # let _ = (slack, stripe, box_);
/// ```
#[derive(Clone, Debug)]
pub struct Timestamp {
    pub(crate) from: From,
    pub(crate) unit: Unit,
    pub(crate) tolerance: Option<Duration>,
    pub(crate) past_only: bool,
    pub(crate) renewable: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum From {
    /// A value of the body.
    Body(String),
    FirstItem,
    Headers(String, Vec<String>),
    Tag(String),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    HttpDate,
    Milliseconds,
    Rfc3339,
    Rfc3339WithoutZone,
    Seconds,
}

impl Timestamp {
    fn new(from: From) -> Self {
        Self {
            from,
            unit: Unit::Seconds,
            tolerance: Some(Duration::from_secs(300)),
            past_only: false,
            renewable: false,
        }
    }

    /// A timestamp in its own header.
    #[must_use]
    pub fn header(name: impl Into<String>) -> Self {
        Self::new(From::Headers(name.into(), Vec::new()))
    }

    /// A timestamp in the signature header, with this tag.
    #[must_use]
    pub fn tag(tag: impl Into<String>) -> Self {
        Self::new(From::Tag(tag.into()))
    }

    /// A timestamp inside the signature header, as its first item and without a tag. Recurly writes
    /// `1700000000000,<signature>,<signature>`.
    ///
    /// Call [`item_separator`](super::SignatureScheme::item_separator) as well. All items after the first
    /// are signatures.
    #[must_use]
    pub fn first_item() -> Self {
        Self::new(From::FirstItem)
    }

    /// A timestamp in the body: a [pointer](https://www.rfc-editor.org/rfc/rfc6901) of JSON, or the name of a
    /// field of a form. Only for a [`BodySignatureScheme`](crate::BodySignatureScheme).
    #[must_use]
    pub fn in_body(place: impl Into<String>) -> Self {
        Self::new(From::Body(place.into()))
    }

    /// Another name for the header: see [`SignatureScheme::alias`](super::SignatureScheme::alias).
    /// It has no effect on a tag.
    #[must_use]
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        if let From::Headers(_, others) = &mut self.from {
            others.push(name.into());
        }
        self
    }

    /// The timestamp is in milliseconds since 1970.
    #[must_use]
    pub fn milliseconds(mut self) -> Self {
        self.unit = Unit::Milliseconds;
        self
    }

    /// The timestamp is written as in [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339), with `Z` or an offset.
    #[must_use]
    pub fn rfc3339(mut self) -> Self {
        self.unit = Unit::Rfc3339;
        self
    }

    /// The timestamp is written as a date of HTTP, such as `Thu, 04 Jan 2024 18:05:25 GMT`
    /// ([RFC 9110 section 5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7), only the preferred
    /// format).
    #[must_use]
    pub fn http_date(mut self) -> Self {
        self.unit = Unit::HttpDate;
        self
    }

    /// The timestamp is written as in [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339), but without `Z` and
    /// without an offset: the time is UTC. Orb writes `2024-03-27T15:42:29.551`.
    ///
    /// Nothing marks the end of a fraction of a second. If the next signed piece follows without a
    /// separator, or with one that begins with `.`, a time with a fraction is rejected.
    #[must_use]
    pub fn rfc3339_without_zone(mut self) -> Self {
        self.unit = Unit::Rfc3339WithoutZone;
        self
    }

    /// How far the timestamp may be from now. This distance is still accepted. The default is 300 seconds. A
    /// tolerance of 0 is an error when the scheme is built.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Limits only the age. A timestamp in the future is accepted without a limit.
    #[must_use]
    pub fn past_only(mut self) -> Self {
        self.past_only = true;
        self
    }

    /// Allows a tolerance although no separator marks where the timestamp begins, as in
    /// `{id}{timestamp}{body}` with ten digits.
    ///
    /// Risk: the body of a delivery may contain a number that is near to the current time. An attacker who has
    /// seen this delivery can then move the boundary and replay it. Without this method,
    /// [`build`](super::SignatureScheme::build) rejects such a scheme.
    #[must_use]
    pub fn accept_renewal(mut self) -> Self {
        self.renewable = true;
        self
    }

    /// Accepts a delivery of any age. A person who has seen a delivery can send it again without a time limit,
    /// so your handler must recognise repeated deliveries.
    #[must_use]
    pub fn accept_any_age(mut self) -> Self {
        self.tolerance = None;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_tolerance(self.tolerance)?;
        match &self.from {
            From::Body(place) => Err(ConfigError::new(format!(
                "the timestamp is at {place:?} of the body: use `BodySignatureScheme`"
            ))),
            From::Tag(tag) if tag.is_empty() => Err(ConfigError::new(
                "the tag of the timestamp is empty: write the text before the separator, such as \"t\"",
            )),
            _ => Ok(()),
        }
    }

    /// Whether the form of the timestamp marks where it begins. Ten digits can be a part of any text.
    pub(crate) fn begins_for_sure(&self) -> bool {
        matches!(self.unit, Unit::Rfc3339)
    }

    /// Whether this separator cannot show where the time ends.
    pub(crate) fn runs_on_into(&self, separator: &str) -> bool {
        matches!(self.unit, Unit::Rfc3339WithoutZone) && separator.starts_with('.')
    }

    /// Reads a timestamp. Each time has only one accepted form.
    ///
    /// If no separator follows the number, it must have as many digits as the times from 2001 to 2286.
    /// Otherwise the first digit of a body could be read as the last digit of the timestamp.
    pub(crate) fn read(&self, text: &[u8], runs_on: bool) -> Option<SystemTime> {
        let number = |width| digits(text).filter(|_| !runs_on || text.len() == width);
        match self.unit {
            Unit::Seconds => since_epoch(Duration::from_secs(number(10)?)),
            Unit::Milliseconds => since_epoch(Duration::from_millis(number(13)?)),
            Unit::Rfc3339 => rfc3339(text),
            Unit::Rfc3339WithoutZone if runs_on && text.len() != SECONDS.len() => None,
            Unit::Rfc3339WithoutZone => rfc3339(&[text, b"Z"].concat()),
            Unit::HttpDate => http_date(text),
        }
    }

    /// A time as the sender writes it. Times before 1970 are written as 1970.
    #[cfg(feature = "testing")]
    pub(crate) fn write(&self, time: SystemTime) -> String {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        match self.unit {
            Unit::Seconds => since.as_secs().to_string(),
            Unit::Milliseconds => since.as_millis().to_string(),
            Unit::Rfc3339 => written(since).to_string(),
            Unit::Rfc3339WithoutZone => written(since).strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            Unit::HttpDate => written(since)
                .strftime("%a, %d %b %Y %H:%M:%S GMT")
                .to_string(),
        }
    }

    /// The rejection of a text that [`read`](Self::read) does not accept.
    pub(crate) fn malformed(&self, header: &HeaderName, text: &[u8], runs_on: bool) -> Rejection {
        let expected = match (self.unit, runs_on) {
            (Unit::Seconds, false) => Fixed::Seconds,
            (Unit::Seconds, true) => Fixed::SecondsOfFixedWidth,
            (Unit::Milliseconds, false) => Fixed::Milliseconds,
            (Unit::Milliseconds, true) => Fixed::MillisecondsOfFixedWidth,
            (Unit::HttpDate, _) => Fixed::HttpDate,
            (Unit::Rfc3339, _) => Fixed::Rfc3339,
            (Unit::Rfc3339WithoutZone, _) => Fixed::Rfc3339WithoutZone,
        };
        let found = FoundShape::of_time(text, rfc3339(text).is_some());
        Rejection::malformed(header, ExpectedShape::fixed(expected), found)
    }

    /// Whether the signed time is near enough to the current time. The two are compared as distances,
    /// because the difference of two numbers that a client chose could overflow.
    ///
    /// The clock is read only if there is a tolerance.
    pub(crate) fn judge(
        &self,
        header: &HeaderName,
        signed: SystemTime,
        clock: &dyn Clock,
    ) -> Result<(), Rejection> {
        let Some(tolerated) = self.tolerance else {
            return Ok(());
        };
        let now = clock.now();
        let (kind, distance) = match now.duration_since(signed) {
            Ok(age) => (RejectionKind::TimestampTooOld, age),
            Err(_) if self.past_only => return Ok(()),
            Err(ahead) => (RejectionKind::TimestampInFuture, ahead.duration()),
        };
        if distance <= tolerated {
            return Ok(());
        }
        let looks_like = self.other_unit(signed, now);
        Err(Rejection::timestamp(
            kind, header, distance, tolerated, looks_like,
        ))
    }

    /// The other unit in digits, if the number that was read is within a day of now in that unit.
    fn other_unit(&self, signed: SystemTime, now: SystemTime) -> Option<TimestampUnit> {
        const NEAR: Duration = Duration::from_secs(24 * 60 * 60);
        let read = signed.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let (unit, meant) = match self.unit {
            Unit::Seconds => (
                TimestampUnit::Milliseconds,
                Duration::from_millis(read.as_secs()),
            ),
            Unit::Milliseconds => (
                TimestampUnit::Seconds,
                Duration::from_secs(u64::try_from(read.as_millis()).ok()?),
            ),
            Unit::HttpDate | Unit::Rfc3339 | Unit::Rfc3339WithoutZone => return None,
        };
        let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        (now.abs_diff(meant) <= NEAR).then_some(unit)
    }
}

/// A delivery never arrives at the very nanosecond of its time.
pub(crate) fn check_tolerance(tolerance: Option<Duration>) -> Result<(), ConfigError> {
    match tolerance {
        Some(Duration::ZERO) => Err(ConfigError::new(
            "the tolerance is 0, so every delivery would be rejected: give the time that a delivery may take, such \
             as 5 minutes",
        )),
        _ => Ok(()),
    }
}

/// Each number has one form: ASCII digits without a sign, a leading zero or a fraction. `str::parse` alone
/// accepts `+1`.
fn digits(text: &[u8]) -> Option<u64> {
    let canonical = match text {
        [b'0'] => true,
        [b'0', ..] | [] => false,
        digits => digits.len() <= 19 && digits.iter().all(u8::is_ascii_digit),
    };
    let text = std::str::from_utf8(text).ok().filter(|_| canonical)?;
    text.parse().ok()
}

/// The beginning of a timestamp of RFC 3339: the date and the time to the second.
const SECONDS: &[u8] = b"0000-00-00T00:00:00";

/// Whether the text contains a timestamp of RFC 3339. The first two digits of the year are not required:
/// after a body that ends in `…+07:`, they can be the minutes of the offset of another timestamp.
pub(crate) fn holds_rfc3339(text: &[u8]) -> bool {
    let (_, pattern) = SECONDS.split_at(2);
    text.windows(pattern.len())
        .any(|window| shaped(window, pattern))
}

/// Reads only RFC 3339. jiff reads more of ISO 8601, where one form can be the beginning of another. Without a
/// separator, `…+07` and a body of `:00…` have the same signed bytes as `…+07:00`.
pub(crate) fn rfc3339(text: &[u8]) -> Option<SystemTime> {
    const OFFSET: &[u8] = b"+00:00";
    let (date_time, rest) = text.split_at_checked(SECONDS.len())?;
    let zone = match rest {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            rest.get(digits..)?
        }
        zone => zone,
    };
    // jiff accepts offsets of more than a day.
    let offset = shaped(zone, OFFSET) && zone.get(1..3)? <= b"23".as_slice();
    let canonical = shaped(date_time, SECONDS) && (shaped(zone, b"Z") || offset);
    let text = std::str::from_utf8(text).ok().filter(|_| canonical)?;
    let timestamp: jiff::Timestamp = text.parse().ok()?;
    let nanoseconds = u64::try_from(timestamp.as_nanosecond()).ok()?;
    since_epoch(Duration::from_nanos(nanoseconds))
}

#[cfg(feature = "testing")]
fn written(since_1970: Duration) -> jiff::Timestamp {
    i64::try_from(since_1970.as_secs())
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}

/// Reads only the preferred format of RFC 9110. It has one length, and one form for each time.
fn http_date(text: &[u8]) -> Option<SystemTime> {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    const MONTHS: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let (day_name, rest) = text.split_at_checked(3)?;
    let (comma, rest) = rest.split_at_checked(2)?;
    let (day, rest) = rest.split_at_checked(2)?;
    let (month, rest) = rest.get(1..)?.split_at_checked(3)?;
    let (year, rest) = rest.get(1..)?.split_at_checked(4)?;
    let (time, zone) = rest.get(1..)?.split_at_checked(8)?;
    let is_date = DAYS.contains(&day_name) && comma == b", " && zone == b" GMT";
    let blanks = [text.get(7)?, text.get(11)?, text.get(16)?];
    if !is_date || blanks != [&b' '; 3] {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = format!("{:02}", month.saturating_add(1));
    let date = [year, month.as_bytes(), day].join(&b'-');
    rfc3339(&[&date, &b"T"[..], time, b"Z"].concat())
}

/// Whether the text has the form of the pattern, in which `0` is any digit and `+` is `+` or `-`.
fn shaped(text: &[u8], pattern: &[u8]) -> bool {
    text.len() == pattern.len()
        && text.iter().zip(pattern).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            b'+' => matches!(byte, b'+' | b'-'),
            like => byte.eq_ignore_ascii_case(like),
        })
}

fn since_epoch(duration: Duration) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_http_is_read_only_in_its_preferred_format() {
        // RFC 9110 section 5.6.7: the example, and its two obsolete forms.
        let example = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(http_date(b"Sun, 06 Nov 1994 08:49:37 GMT"), Some(example));
        for text in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, 06 Nov 1994T08:49:37 GMT",
        ] {
            assert_eq!(http_date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_utc_and_has_a_fraction_only_before_a_separator() {
        let time = Timestamp::header("x-time").rfc3339_without_zone();
        let read = |text: &str, runs_on| {
            let time = time.read(text.as_bytes(), runs_on)?;
            time.duration_since(SystemTime::UNIX_EPOCH).ok()
        };
        assert_eq!(
            read("1970-01-01T00:00:07", true),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            read("1970-01-01T00:00:07.5", false),
            Some(Duration::from_millis(7500))
        );
        assert_eq!(read("1970-01-01T00:00:07.5", true), None);
        for text in [
            "1970-01-01T00:00:07Z",
            "1970-01-01T00:00:07+00:00",
            "1970-01-01T00:00:07.",
        ] {
            assert_eq!(read(text, false), None, "{text}");
        }
        assert!(time.runs_on_into(".") && !time.runs_on_into(":"));
    }

    #[test]
    fn only_rfc_3339_is_read_and_no_other_form_of_iso_8601() {
        let zero = SystemTime::UNIX_EPOCH;
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:01z", 1),
            ("1970-01-01T07:00:02+07:00", 2),
            ("1969-12-31T17:00:03-07:00", 3),
            ("1970-01-01T00:00:04.000000000Z", 4),
            ("1970-01-01T23:59:05+23:59", 5),
        ] {
            let read = rfc3339(text.as_bytes());
            assert_eq!(read, Some(zero + Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "1970-01-01T00:00:00",
            "1970-01-01 00:00:00Z",
            "1970-01-01T00:00Z",
            "1970-01-01T00Z",
            "19700101T000000Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00,5Z",
            "1970-01-01T00:00:00+07",
            "1970-01-01T00:00:00+0700",
            "1970-01-01T00:00:00+07:00:00",
            "1970-01-02T00:00:00+24:00",
            "1970-01-01T00:00:00Z[UTC]",
            "+001970-01-01T00:00:00Z",
            "1970-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(rfc3339(text.as_bytes()), None, "{text}");
        }
    }
}
