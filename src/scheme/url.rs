//! The URL that a sender calls, for schemes that sign it.

use std::fmt;

use http::request::Parts;

use crate::{
    error::ConfigError,
    event::pairs,
    rejection::{Rejection, RejectionKind},
    text,
};

/// The URL that a sender calls, as the sender knows it.
///
/// It is configured, not read from the request: a proxy may rewrite the path, and an untrusted
/// client chooses the `Host` header. Use [`exact`](Self::exact) if one URL is registered at the
/// sender.
///
/// ```
/// use tower_webhook_auth::SignedUrl;
///
/// # fn main() -> Result<(), tower_webhook_auth::ConfigError> {
/// let url = SignedUrl::exact("https://example.com/hook?team=7")?;
/// assert_eq!(
///     SignedUrl::exact("example.com/hook").unwrap_err().to_string(),
///     "the signed URL \"example.com/hook\" does not begin with https:// or http://: write the whole \
///      URL, as it was entered at the sender",
/// );
/// # let _ = url;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SignedUrl {
    pub(super) text: String,
    pub(super) with_path: bool,
    unescape: bool,
}

impl SignedUrl {
    /// The whole URL, exactly as it is entered in the sender's settings. This is the recommended
    /// form.
    ///
    /// The text is signed as it is: it is not decoded, encoded or completed. Some senders sign the URL as
    /// it was typed and send the escaped form. So a space inside of the path or query, and letters that
    /// are not ASCII, are accepted.
    ///
    /// # Errors
    ///
    /// - The URL does not begin with `https://` or `http://`, or has no host.
    /// - It begins or ends with white space or an invisible character, or contains a control character.
    /// - It contains white space other than a space after the host.
    pub fn exact(url: impl Into<String>) -> Result<Self, ConfigError> {
        let text = url.into();
        check(
            &text,
            "the signed URL",
            "write the whole URL, as it was entered at the sender",
        )?;
        Ok(Self {
            text,
            with_path: false,
            unescape: false,
        })
    }

    /// The part before the path, such as `https://example.com`. Path and query come from the request
    /// as it arrives at the layer. A slash at the end is ignored, since the path begins with one. A
    /// nested axum router removes a part of the path: put the layer outside of it, or write that part
    /// here, as in `https://example.com/api`.
    ///
    /// # Risk
    ///
    /// Nothing marks where a URL from the request ends. If the body follows it, as at Square and
    /// HubSpot, an attacker who has seen a delivery can move bytes between the query and the body.
    /// Both requests have the same signature. A body of JSON cannot be moved into the query, because
    /// a path or query with a character that RFC 3986 does not allow there is rejected. A form, lines
    /// of text, or an empty body can be moved.
    /// [`build`](super::SignatureScheme::build) rejects such a scheme unless
    /// [`accept_movable_body_boundary`](super::SignatureScheme::accept_movable_body_boundary) is
    /// called.
    ///
    /// # Errors
    ///
    /// As [`exact`](Self::exact), and if there is a query, a fragment, or a character that RFC 3986 does
    /// not allow in a path.
    pub fn origin(origin: impl Into<String>) -> Result<Self, ConfigError> {
        const REMEDY: &str =
            "write only the part before the request's path, such as https://example.com";
        let origin = origin.into();
        let host_and_path = check(&origin, "the signed origin", REMEDY)?;
        if let Some(found) = host_and_path.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(wrong(
                &origin,
                "the signed origin",
                &format!("contains {found:?}"),
                REMEDY,
            ));
        }
        let path = host_and_path.split_once('/').map_or("", |(_, path)| path);
        if let Some(found) = path
            .chars()
            .find(|c| !u8::try_from(*c).is_ok_and(is_allowed))
        {
            let problem = format!("contains {found:?} in its path");
            return Err(wrong(
                &origin,
                "the signed origin",
                &problem,
                "write it as a percent escape",
            ));
        }
        Ok(Self {
            text: origin.strip_suffix('/').unwrap_or(&origin).to_owned(),
            with_path: true,
            unescape: false,
        })
    }

    /// Decodes the twelve escapes that HubSpot decodes before it signs, such as `%3A`, and no others
    /// ([v3 signatures](https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests)).
    ///
    /// With [`origin`](Self::origin), `/a/b` and `/a%2Fb` then have the same signature.
    #[must_use]
    pub fn hubspot_unescaped(mut self) -> Self {
        self.unescape = true;
        self
    }

    /// An example URL, for cases in which only the shape of a scheme matters.
    pub(crate) fn example() -> Self {
        Self {
            text: "https://example.com/webhook".into(),
            with_path: false,
            unescape: false,
        }
    }

    /// Whether all requests have the same URL.
    pub(crate) fn is_fixed(&self) -> bool {
        !self.with_path
    }

    pub(crate) fn has_query(&self) -> bool {
        self.text.contains('?')
    }

    /// The URL without its port, or with the port of its scheme if it has none.
    pub(crate) fn with_other_port(&self) -> Result<Self, ConfigError> {
        let (scheme, rest) = self.text.split_once("://").unwrap_or_default();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or_default();
        // A `:` in the user's password or in an IPv6 address is not that of a port.
        let host_at = authority.rfind('@').map_or(0, |at| at.saturating_add(1));
        let port_at = authority
            .rfind(':')
            .filter(|at| *at >= host_at && !authority.ends_with(']'));
        let authority = match (port_at, scheme.eq_ignore_ascii_case("https")) {
            (Some(at), _) => authority.get(..at).unwrap_or_default().to_owned(),
            (None, true) => format!("{authority}:443"),
            (None, false) => format!("{authority}:80"),
        };
        let mut other = self.clone();
        other.text = format!("{scheme}://{authority}{path}");
        check(&other.text, "the signed URL", "check its port")?;
        Ok(other)
    }

    /// The URL with its query decoded and in the order of its names and values, as Plivo signs it; and the text
    /// between it and the fields of a form.
    pub(crate) fn with_sorted_query(&self) -> Result<(Self, &'static str), ConfigError> {
        if self.with_path {
            return Err(wrong(
                &self.text,
                "the signed origin",
                "is not the whole URL",
                "use `SignedUrl::exact` with the URL that was entered at the sender",
            ));
        }
        let url = self.text.split('#').next().unwrap_or_default();
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let mut fields: Vec<_> = pairs(query.as_bytes()).collect();
        if fields.is_empty() {
            return Ok((Self::exact(url)?, "?"));
        }
        fields.sort();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| format!("{}={}", text(name), text(value)));
        let query = fields.collect::<Vec<_>>().join("&");
        Ok((Self::exact(format!("{url}?{query}"))?, "."))
    }

    /// Whether the URL cannot contain this text, so that the text marks where the URL ends.
    pub(crate) fn ends_at(&self, text: &str) -> bool {
        !text.bytes().all(is_allowed)
    }

    pub(crate) fn write(&self, head: &Parts, take: &mut dyn FnMut(&[u8])) -> Result<(), Rejection> {
        self.write_from(&self.text, head, take)
    }

    /// The path and query alone. They begin with a `/`.
    pub(crate) fn write_path_and_query(
        &self,
        head: &Parts,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Rejection> {
        let authority = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let path = authority
            .find(['/', '?', '#'])
            .and_then(|at| authority.get(at..))
            .unwrap_or_default();
        let path = path.split('#').next().unwrap_or_default();
        let received = head.uri.path_and_query().map_or("", |path| path.as_str());
        let begins = match path.chars().next() {
            Some(first) => first == '/',
            None => self.with_path && received.starts_with('/'),
        };
        if !begins {
            take(b"/");
        }
        self.write_from(path, head, take)
    }

    /// Writes this part of the configured text, then the part that comes from the request.
    fn write_from(
        &self,
        text: &str,
        head: &Parts,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Rejection> {
        let path = head.uri.path_and_query().map_or("", |path| path.as_str());
        let path = if self.with_path { path } else { "" };
        // `http::Uri` also takes characters that RFC 3986 does not, such as `{` and `"`. With them, a
        // person who has seen a delivery could move a part of a JSON body into the query.
        if !path.bytes().all(is_allowed) {
            return Err(Rejection::new(RejectionKind::TargetMalformed));
        }
        if self.unescape {
            take(unescape(&format!("{text}{path}")).as_bytes());
        } else {
            take(text.as_bytes());
            take(path.as_bytes());
        }
        Ok(())
    }
}

/// Checks the rules for all URLs, and returns the part after `://`.
fn check<'a>(url: &'a str, what: &str, remedy: &str) -> Result<&'a str, ConfigError> {
    if url.is_empty() {
        return Err(ConfigError::new(format!("{what} is empty: {remedy}")));
    }
    if let Some(unseen) = text::unseen(url) {
        return Err(wrong(url, what, &unseen, "remove it"));
    }
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if !["https", "http"]
        .iter()
        .any(|s| scheme.eq_ignore_ascii_case(s))
    {
        return Err(wrong(
            url,
            what,
            "does not begin with https:// or http://",
            remedy,
        ));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if host.is_empty() || host.starts_with(':') {
        return Err(wrong(url, what, "has no host", remedy));
    }
    // Some senders sign the URL as it was typed, with a space in its path or query.
    let space = |c: char| c.is_whitespace() && c != ' ';
    if authority.contains(char::is_whitespace) || rest.contains(space) {
        return Err(wrong(url, what, "contains white space", "remove it"));
    }
    Ok(rest)
}

fn wrong(url: &str, what: &str, problem: &str, remedy: &str) -> ConfigError {
    ConfigError::new(format!("{what} {:?} {problem}: {remedy}", shown(url)))
}

/// The URL without the parts that may be secret: the user's password and the query.
fn shown(url: &str) -> String {
    let (base, query) = match url.split_once('?') {
        Some((base, _)) => (base, "?…"),
        None => (url, ""),
    };
    let (start, rest) = base.split_once("://").unwrap_or(("", base));
    let separator = if start.is_empty() { "" } else { "://" };
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, String::new()),
    };
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => authority.to_owned(),
    };
    format!("{start}{separator}{authority}{path}{query}")
}

/// Without the password and the query: each may be a secret.
impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUrl")
            .field("text", &shown(&self.text))
            .field("with_path", &self.with_path)
            .field("unescape", &self.unescape)
            .finish()
    }
}

/// Whether a path or a query may contain this character unescaped,
/// [RFC 3986 sections 3.3 and 3.4](https://www.rfc-editor.org/rfc/rfc3986#section-3.3).
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/?".contains(&byte)
}

fn unescape(url: &str) -> String {
    const DECODED: [(&str, &str); 12] = [
        ("%3A", ":"),
        ("%2F", "/"),
        ("%3F", "?"),
        ("%40", "@"),
        ("%21", "!"),
        ("%24", "$"),
        ("%27", "'"),
        ("%28", "("),
        ("%29", ")"),
        ("%2A", "*"),
        ("%2C", ","),
        ("%3B", ";"),
    ];
    let mut url = url.to_owned();
    for (escape, character) in DECODED {
        url = url.replace(escape, character);
        url = url.replace(&escape.to_ascii_lowercase(), character);
    }
    url
}
