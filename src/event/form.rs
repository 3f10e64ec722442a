use std::borrow::Cow;

use super::EventError;

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
        self.0.split(|byte| *byte == b'&').find_map(|pair| {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let key = parts.next()?;
            (decode(key) == name.as_bytes()).then(|| {
                let value = decode(parts.next().unwrap_or_default());
                String::from_utf8_lossy(&value).into_owned()
            })
        })
    }

    pub(crate) fn required(&self, name: &str) -> Result<String, EventError> {
        self.get(name)
            .ok_or_else(|| EventError::missing(name, "a field of the form"))
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
