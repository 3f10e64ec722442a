//! Reads the fields of a `multipart/form-data` body ([RFC 7578](https://www.rfc-editor.org/rfc/rfc7578)).
//!
//! Parsers differ in what they accept beyond the RFC. A client could use this: the verifier would read one value, and
//! the handler another one. So a body is rejected if a parser could find other parts or other names in it.

use memchr::memmem;

use crate::rejection::FoundShape;

/// Senders send less than 30 parts.
const MOST_PARTS: usize = 1000;

/// The longest boundary that [RFC 2046 section 5.1.1](https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1) allows.
const LONGEST_BOUNDARY_BYTES: usize = 70;

/// Whether a `Content-Type` is that of a multipart form.
pub(super) fn is_multipart(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"multipart/form-data")
}

/// The boundary that a `Content-Type` names. `None` if parsers could find none, or another one.
pub(super) fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(content_type).ok()?;
    let (_, parameters) = text.split_once(';')?;
    let mut boundary = None;
    // A `;` inside of quotation marks leaves a parameter without its end, so it is rejected.
    for parameter in parameters.split(';').map(trim_blanks) {
        if parameter.is_empty() {
            continue;
        }
        let (name, value, rest) = parameter_of(parameter)?;
        let is_complete = rest.is_empty() && !value.is_empty() && !value.contains('\\');
        if !is_complete
            || (name.eq_ignore_ascii_case("boundary") && boundary.replace(value).is_some())
        {
            return None;
        }
    }
    let may_contain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    boundary
        .filter(|text| text.len() <= LONGEST_BOUNDARY_BYTES && text.bytes().all(may_contain))
        .filter(|text| !text.ends_with(' '))
        .map(|text| text.as_bytes().to_vec())
}

/// The content of the only part with this name.
pub(super) fn field<'a>(
    body: &'a [u8],
    boundary: &[u8],
    wanted: &str,
) -> Result<Option<&'a [u8]>, FoundShape> {
    let other = FoundShape::of_other_type;
    let dashes = [b"--", boundary].concat();
    let delimiter = [b"\r\n", dashes.as_slice()].concat();
    // Some parsers end a part at a delimiter without a line break, or with another one, before it.
    let holds_delimiter = |text: &[u8]| memmem::find(text, &dashes).is_some();
    // The first delimiter has no line break before it.
    let mut rest = body.strip_prefix(dashes.as_slice());
    let mut found = None;
    for _ in 0..MOST_PARTS {
        let after = rest.ok_or_else(other)?;
        if let Some(epilogue) = after.strip_prefix(b"--") {
            return if holds_delimiter(epilogue) {
                Err(other())
            } else {
                Ok(found)
            };
        }
        let part = after.strip_prefix(b"\r\n").ok_or_else(other)?;
        let end = memmem::find(part, &delimiter).ok_or_else(other)?;
        let (part, next) = part.split_at_checked(end).ok_or_else(other)?;
        rest = next.get(delimiter.len()..);
        let head_end = memmem::find(part, b"\r\n\r\n").ok_or_else(other)?;
        let (head, content) = part.split_at_checked(head_end).ok_or_else(other)?;
        if holds_delimiter(part) {
            return Err(other());
        }
        if name(head).ok_or_else(other)? == wanted
            && found
                .replace(content.get(4..).unwrap_or_default())
                .is_some()
        {
            return Err(FoundShape::of_two());
        }
    }
    Err(FoundShape::of_too_many())
}

/// The name in the head of a part. `None` if there is not exactly one, or if parsers could read it differently.
fn name(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(head).ok()?;
    let mut name = None;
    for line in head.split("\r\n") {
        let (header, value) = line.split_once(':')?;
        // No name: a blank before the colon, or a line that continues the line before it.
        if !is_token(header) || value.contains(['\r', '\n', '\0']) {
            return None;
        }
        if header.eq_ignore_ascii_case("content-disposition")
            && name.replace(disposition(value)?).is_some()
        {
            return None;
        }
    }
    name
}

/// The only parameter `name` of `form-data; name="…"; filename="…"`.
fn disposition(value: &str) -> Option<&str> {
    let (kind, parameters) = value.split_once(';')?;
    if !trim_blanks(kind).eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut found = None;
    let mut rest = Some(parameters);
    while let Some(parameters) = rest {
        let (name, value, after) = parameter_of(trim_blanks(parameters))?;
        // The value of `name*` is encoded in another way, and RFC 7578 does not allow it. Parsers read an escape
        // in different ways.
        let is_name = name.eq_ignore_ascii_case("name");
        if name.eq_ignore_ascii_case("name*") || (is_name && value.contains('\\')) {
            return None;
        }
        if is_name && found.replace(value).is_some() {
            return None;
        }
        rest = match trim_blanks(after) {
            "" => None,
            after => Some(after.strip_prefix(';')?),
        };
    }
    found
}

/// The name and the value of the parameter at the beginning, and the text after it. A value in quotation marks keeps
/// its escapes.
fn parameter_of(text: &str) -> Option<(&str, &str, &str)> {
    let (name, value) = text.split_once('=').filter(|(name, _)| is_token(name))?;
    let Some(quoted) = value.strip_prefix('"') else {
        let end = value.find(|c| !is_token_character(c));
        let (value, after) = value.split_at_checked(end.unwrap_or(value.len()))?;
        return Some((name, value, after));
    };
    let mut is_escaped = false;
    let end = quoted.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    let (value, after) = quoted.split_at_checked(end)?;
    Some((name, value, after.strip_prefix('"')?))
}

/// A token of [RFC 9110 section 5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_character)
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

fn trim_blanks(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
