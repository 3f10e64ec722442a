//! Reads the fields of a `multipart/form-data` body ([RFC 7578](https://www.rfc-editor.org/rfc/rfc7578)).

use memchr::memmem;

use crate::rejection::FoundShape;

/// Senders send less than 30 parts.
const MOST_PARTS: usize = 1000;

/// The boundary that a `Content-Type` names, if it is that of a multipart form.
pub(super) fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(content_type).ok()?;
    let (essence, parameters) = text.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"'))
    })?;
    // The longest that RFC 2046 section 5.1.1 allows.
    (1..=70)
        .contains(&boundary.len())
        .then(|| boundary.as_bytes().to_vec())
}

/// The content of the only part with this name.
pub(super) fn field<'a>(
    body: &'a [u8],
    boundary: &[u8],
    wanted: &str,
) -> Result<Option<&'a [u8]>, FoundShape> {
    let other = FoundShape::of_other_type;
    let delimiter = [b"\r\n--", boundary].concat();
    // The first delimiter has no line break before it.
    let mut rest = body.strip_prefix(delimiter.get(2..).unwrap_or_default());
    let mut found = None;
    for _ in 0..MOST_PARTS {
        let after = rest.ok_or_else(other)?;
        if after.starts_with(b"--") {
            return Ok(found);
        }
        let part = after.strip_prefix(b"\r\n").ok_or_else(other)?;
        let end = memmem::find(part, &delimiter).ok_or_else(other)?;
        let (part, next) = part.split_at_checked(end).ok_or_else(other)?;
        rest = next.get(delimiter.len()..);
        let head_end = memmem::find(part, b"\r\n\r\n").ok_or_else(other)?;
        let (head, content) = part.split_at_checked(head_end).ok_or_else(other)?;
        if name(head).is_some_and(|name| name == wanted)
            && found
                .replace(content.get(4..).unwrap_or_default())
                .is_some()
        {
            return Err(FoundShape::of_two());
        }
    }
    Err(FoundShape::of_too_many())
}

/// The name in the `Content-Disposition` of a part.
fn name(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(head).ok()?;
    head.split("\r\n").find_map(|line| {
        let (header, value) = line.split_once(':')?;
        if !header.eq_ignore_ascii_case("content-disposition") {
            return None;
        }
        let mut parameters = value.split(';').map(str::trim);
        let is_field = parameters.next()?.eq_ignore_ascii_case("form-data");
        let name = parameters.find_map(|parameter| parameter.strip_prefix("name="))?;
        is_field.then(|| name.trim_matches('"'))
    })
}
