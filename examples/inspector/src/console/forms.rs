//! The fields of a form, for a table.

use bytes::Bytes;
use http::{HeaderMap, header};
use serde::Serialize;

/// How many fields are shown.
const MOST_FIELDS: usize = 500;

/// A longer value is not shown in the table.
const MOST_VALUE_BYTES: usize = 64 * 1024;

#[derive(Debug, PartialEq, Serialize)]
pub struct Form {
    kind: &'static str,
    fields: Vec<Field>,
    /// How many fields are left out.
    more: usize,
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Field {
    name: String,
    /// `None` if it is not text, or too long.
    value: Option<String>,
    file_name: Option<String>,
    content_type: Option<String>,
    size: usize,
}

/// The form in a body, if the content type says that it is one.
pub fn form(headers: &HeaderMap, body: &Bytes) -> Option<Form> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => Some(urlencoded(body)),
        "multipart/form-data" => multipart(&parameter(parameters, "boundary")?, body),
        _ => None,
    }
}

fn urlencoded(body: &[u8]) -> Form {
    let mut form = Form {
        kind: "urlencoded",
        fields: Vec::new(),
        more: 0,
    };
    for (name, value) in form_urlencoded::parse(body) {
        form.add(Field {
            name: name.into_owned(),
            size: value.len(),
            value: Some(value.into_owned()).filter(|value| value.len() <= MOST_VALUE_BYTES),
            ..Field::default()
        });
    }
    form
}

/// The parts between the boundaries, [RFC 7578](https://www.rfc-editor.org/rfc/rfc7578). `None` if the body does not
/// have this form.
fn multipart(boundary: &str, body: &[u8]) -> Option<Form> {
    let mut form = Form {
        kind: "multipart",
        fields: Vec::new(),
        more: 0,
    };
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // The first delimiter has no line break before it.
    let mut rest = match body.strip_prefix(&delimiter[2..]) {
        Some(rest) => rest,
        None => &body[find(body, &delimiter)? + delimiter.len()..],
    };
    while !rest.starts_with(b"--") {
        let line = find(rest, b"\r\n")?;
        if !rest[..line].iter().all(|byte| b" \t".contains(byte)) {
            return None;
        }
        // The line break belongs to the empty line after the headers if there is no header.
        let part = &rest[line..];
        let end = find(part, &delimiter)?;
        form.add(part_of(&part[..end])?);
        rest = &part[end + delimiter.len()..];
    }
    Some(form)
}

/// One part: its headers, an empty line, its value. It begins with a line break.
fn part_of(part: &[u8]) -> Option<Field> {
    let end = find(part, b"\r\n\r\n")?;
    let (head, value) = (&part[..end], &part[end + 4..]);
    let mut field = Field {
        size: value.len(),
        ..Field::default()
    };
    for line in String::from_utf8_lossy(head).split("\r\n") {
        let Some((name, text)) = line.split_once(':') else {
            continue;
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                field.name = parameter(text, "name").unwrap_or_default();
                field.file_name = parameter(text, "filename");
            }
            "content-type" => field.content_type = Some(text.trim().to_owned()),
            _ => {}
        }
    }
    if value.len() <= MOST_VALUE_BYTES {
        field.value = std::str::from_utf8(value).ok().map(str::to_owned);
    }
    Some(field)
}

/// The value of a parameter such as `name="value"`, with or without quotation marks.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.rsplit(';').next().unwrap_or_default().trim();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// The text up to the closing quotation mark, and what follows.
fn quoted_string(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((index, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[index + 1..]),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, pattern)
}

impl Form {
    fn add(&mut self, field: Field) {
        match self.fields.len() {
            0..MOST_FIELDS => self.fields.push(field),
            _ => self.more += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(content_type: &str, body: &[u8]) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().expect("a value"));
        form(&headers, &Bytes::copy_from_slice(body))
    }

    fn field(name: &str, value: &str) -> Field {
        Field {
            name: name.into(),
            value: Some(value.into()),
            size: value.len(),
            ..Field::default()
        }
    }

    #[test]
    fn a_form_is_decoded_and_doubled_names_are_kept() {
        let form = parse(
            "application/x-www-form-urlencoded; charset=utf-8",
            b"a=1&a=%C3%A9+b&c",
        )
        .expect("a form");
        assert_eq!(
            form.fields,
            [field("a", "1"), field("a", "é b"), field("c", "")]
        );
        assert!(parse("application/json", b"a=1").is_none());
    }

    #[test]
    fn the_501st_field_is_counted_and_not_kept() {
        let form = parse(
            "application/x-www-form-urlencoded",
            "a=1&".repeat(502).as_bytes(),
        )
        .expect("a form");
        assert_eq!((form.fields.len(), form.more), (500, 2));
    }

    #[test]
    fn the_parts_of_a_multipart_body_are_found() {
        let body =
            b"preamble\r\n--x\r\nContent-Disposition: form-data; name=\"a \\\" b\"\r\n\r\none\r\n\
                     --x\r\ncontent-disposition: form-data; filename=\"f;=.bin\"; name=file\r\n\
                     Content-Type: image/png\r\n\r\n\x89PNG\r\n--x--\r\n";
        let form = parse("multipart/form-data; boundary=\"x\"", body).expect("a form");
        assert_eq!(form.fields[0], field("a \" b", "one"));
        let file = &form.fields[1];
        assert_eq!((&*file.name, &file.value, file.size), ("file", &None, 4));
        assert_eq!(file.file_name.as_deref(), Some("f;=.bin"));
        assert_eq!(file.content_type.as_deref(), Some("image/png"));
    }

    #[test]
    fn a_body_that_is_not_multipart_is_no_form_and_no_panic() {
        let whole = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\none\r\n--x--";
        for end in 0..whole.len() - 1 {
            assert!(
                parse("multipart/form-data; boundary=x", &whole[..end]).is_none(),
                "{end}"
            );
        }
        assert!(parse("multipart/form-data; boundary=x", whole).is_some());
        assert!(parse("multipart/form-data", whole).is_none());
        for text in ["\"", "=", "a=\"\\", ";;=;\"", "name=\"é"] {
            parameter(text, "name");
        }
    }
}
