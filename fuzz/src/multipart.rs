//! Multipart forms, for the references. Only what RFC 7578 requires is accepted, so that all parsers read the same fields.

/// The boundary in a `Content-Type`. `None` if parsers could find another one.
pub fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(content_type).ok()?;
    let (_, parameters) = text.split_once(';')?;
    let mut found = Vec::new();
    for parameter in parameters
        .split(';')
        .map(|text| text.trim_matches([' ', '\t']))
    {
        if parameter.is_empty() {
            continue;
        }
        let (name, value) = parameter.split_once('=')?;
        let unquoted = match value.strip_prefix('"') {
            Some(value) => value.strip_suffix('"')?,
            None => value,
        };
        let is_quoted = value.starts_with('"');
        let fits = |c: char| match is_quoted {
            true => c != '"' && c != '\\',
            false => is_token(c),
        };
        if name.is_empty()
            || !name.chars().all(is_token)
            || unquoted.is_empty()
            || !unquoted.chars().all(fits)
        {
            return None;
        }
        if name.eq_ignore_ascii_case("boundary") {
            found.push(unquoted);
        }
    }
    let [boundary] = found.as_slice() else {
        return None;
    };
    let is_right = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    (boundary.len() <= 70 && boundary.chars().all(is_right) && !boundary.ends_with(' '))
        .then(|| boundary.as_bytes().to_vec())
}

/// The content of the only part with this name. `Some(None)` if there is none. `None` if the body is rejected.
pub fn field(body: &[u8], boundary: &[u8], wanted: &str) -> Option<Option<Vec<u8>>> {
    let dashes = [b"--", boundary].concat();
    let holds = |text: &[u8]| text.windows(dashes.len()).any(|part| part == dashes);
    let mut rest = body.strip_prefix(&dashes[..])?;
    let mut found = None;
    let mut parts = 0;
    loop {
        if let Some(epilogue) = rest.strip_prefix(b"--") {
            return (!holds(epilogue)).then_some(found);
        }
        parts += 1;
        if parts >= 1000 {
            return None;
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let next = [b"\r\n", &dashes[..]].concat();
        let end = part.windows(next.len()).position(|text| text == next)?;
        rest = &part[end + next.len()..];
        let part = &part[..end];
        let blank = part.windows(4).position(|text| text == b"\r\n\r\n")?;
        if holds(part) {
            return None;
        }
        let name = name(std::str::from_utf8(&part[..blank]).ok()?)?;
        if name == wanted && found.replace(part[blank + 4..].to_vec()).is_some() {
            return None;
        }
    }
}

/// The name in the head of a part.
fn name(head: &str) -> Option<String> {
    let mut names = Vec::new();
    for line in head.split("\r\n") {
        let (header, value) = line.split_once(':')?;
        if header.is_empty() || !header.chars().all(is_token) || value.contains(['\r', '\n', '\0'])
        {
            return None;
        }
        if header.eq_ignore_ascii_case("content-disposition") {
            names.push(disposition(value.trim_matches([' ', '\t']))?);
        }
    }
    match names.as_slice() {
        [name] => Some(name.clone()),
        _ => None,
    }
}

/// The parameter `name` of `form-data; name="…"; filename="…"`.
fn disposition(value: &str) -> Option<String> {
    let blanks = |text: &str| text.trim_start_matches([' ', '\t']).to_owned();
    let (kind, mut rest) = match value.find(';') {
        Some(at) => (&value[..at], value[at..].to_owned()),
        None => (value, String::new()),
    };
    if !kind
        .trim_end_matches([' ', '\t'])
        .eq_ignore_ascii_case("form-data")
    {
        return None;
    }
    let mut names = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        let after = blanks(after);
        let (name, value) = after.split_once('=')?;
        if name.is_empty() || !name.chars().all(is_token) {
            return None;
        }
        let (text, after) = match value.strip_prefix('"') {
            None => {
                let end = value.find(|c| !is_token(c)).unwrap_or(value.len());
                (value[..end].to_owned(), value[end..].to_owned())
            }
            Some(quoted) => {
                let mut escaped = false;
                let end = quoted.find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                })?;
                (quoted[..end].to_owned(), quoted[end + 1..].to_owned())
            }
        };
        if name.eq_ignore_ascii_case("name*") {
            return None;
        }
        if name.eq_ignore_ascii_case("name") {
            // Parsers read an escape in different ways.
            (!text.contains('\\')).then_some(())?;
            names.push(text);
        }
        rest = blanks(&after);
    }
    match names.as_slice() {
        [name] if rest.is_empty() => Some(name.clone()),
        _ => None,
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}
