use std::borrow::Cow;

use super::{EventError, FromBody};

/// A body that is sent as `application/x-www-form-urlencoded`.
pub(crate) struct Form<'a>(&'a [u8]);

impl<'a> Form<'a> {
    /// The form that a body is, unless it begins as JSON does.
    pub(crate) fn of_body(body: &'a [u8]) -> Option<Self> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
        let begins_as_json = matches!(first, b'{' | b'[' | b'"' | 0xef);
        (!begins_as_json && body.contains(&b'=')).then_some(Self(body))
    }

    /// The first value of a field, decoded. Bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        pairs(self.0)
            .find(|(key, _)| **key == *name.as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(&value).into_owned())
    }

    pub(crate) fn required(&self, name: &str) -> Result<String, EventError> {
        self.get(name)
            .ok_or_else(|| EventError::missing(name, "a field of the form"))
    }
}

/// A name and a value of a form or of a query, decoded.
pub(crate) type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The names and values of a form or of a query, decoded, in their order. Empty pairs are left out
/// ([URL Standard](https://url.spec.whatwg.org/#concept-urlencoded-parser)).
pub(crate) fn pairs(form: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let pairs = form.split(|byte| *byte == b'&');
    pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let mut part = || decode(parts.next().unwrap_or_default());
        (part(), part())
    })
}

/// The value of a parameter of a query, decoded. Bytes that are not UTF-8 become U+FFFD. `None` if the parameter is
/// absent or comes twice: nothing says which one counts.
pub(crate) fn only_value(query: &str, name: &str) -> Option<String> {
    let mut values = pairs(query.as_bytes()).filter(|(other, _)| **other == *name.as_bytes());
    let (_, value) = values.next()?;
    let is_only = values.next().is_none();
    is_only.then(|| String::from_utf8_lossy(&value).into_owned())
}

/// The fields of a form, as [`Piece::SortedForm`](crate::Piece::SortedForm) signs them: an event type for
/// [`Provider::parse`](crate::Provider::parse).
///
/// The fields are in the order of the bytes of their names and values. A field that comes twice with
/// the same value appears once.
///
/// # What is proven
///
/// In the signed text nothing separates a name from its value. So a client that has seen a delivery
/// can cut its text at other places: the field `Body` with the value `hello` becomes the field `Bodyh`
/// with the value `ello`. A handler must not act on the **absence** of a field. If possible, it should
/// reject names that it does not know.
///
/// ```
/// use tower_webhook_auth::{FromBody, SignedForm};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let form = SignedForm::from_body(b"To=%2B1+555&From=%2B1555&To=b")?;
/// assert_eq!(form.get("From"), Some("+1555"));
/// assert_eq!(form.iter().collect::<Vec<_>>(), [("From", "+1555"), ("To", "+1 555"), ("To", "b")]);
/// // It comes twice.
/// assert_eq!(form.get("To"), None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedForm(Vec<(String, String)>);

impl SignedForm {
    /// The value of a field that appears exactly once.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// All values of a field.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.iter().filter(move |(field, _)| *field == name);
        fields.map(|(_, value)| value)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let Self(fields) = self;
        fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromBody for SignedForm {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        let text = |text: Cow<'_, [u8]>| String::from_utf8(text.into_owned());
        let fields = pairs(body).map(|(name, value)| Ok((text(name)?, text(value)?)));
        let fields: Result<Vec<_>, std::string::FromUtf8Error> = fields.collect();
        let mut fields = fields.map_err(EventError::caused_by)?;
        fields.sort();
        fields.dedup();
        Ok(Self(fields))
    }
}

/// Replaces `+` by a space and `%XX` by its byte. An incomplete `%XX` stays as it is.
fn decode(encoded: &[u8]) -> Cow<'_, [u8]> {
    if !encoded.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(encoded);
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        decoded.push(match first {
            b'+' => b' ',
            b'%' => match after.split_first_chunk::<2>().and_then(hexadecimal) {
                Some((byte, after)) => {
                    rest = after;
                    byte
                }
                None => b'%',
            },
            other => *other,
        });
    }
    Cow::Owned(decoded)
}

fn hexadecimal<'a>((digits, after): (&[u8; 2], &'a [u8])) -> Option<(u8, &'a [u8])> {
    let byte = data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok()?;
    Some((*byte.first()?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded() {
        let form = Form::of_body(b"a=1&payload=%7B%22zen%22%3A%22x+y%2By%22%7D&b&c%5B%5D=%e9%zz%")
            .expect("a form");
        assert_eq!(form.get("payload").as_deref(), Some(r#"{"zen":"x y+y"}"#));
        assert_eq!(form.get("a").as_deref(), Some("1"));
        assert_eq!(form.get("b").as_deref(), Some(""));
        assert_eq!(form.get("c[]").as_deref(), Some("\u{fffd}%zz%"));
        assert_eq!(form.get("payloa"), None);
    }

    #[test]
    fn json_is_not_a_form() {
        for body in [
            &b"{\"a\":\"=\"}"[..],
            b" [\"=\"]",
            b"\xef\xbb\xbf{\"=\":1}",
            b"",
            b"text",
        ] {
            assert!(Form::of_body(body).is_none(), "{body:?}");
        }
    }

    #[test]
    fn the_decoder_agrees_with_the_url_standard() {
        let encoded = b"a=%41+%2B%c3%a9&b=%E2%82%AC%25&c=&d==";
        let form = Form::of_body(encoded).expect("a form");
        for (name, value) in [
            ("a", "A +\u{e9}"),
            ("b", "\u{20ac}%"),
            ("c", ""),
            ("d", "="),
        ] {
            assert_eq!(form.get(name).as_deref(), Some(value));
        }
    }
}
