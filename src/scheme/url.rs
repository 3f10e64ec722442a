//! The URL that a sender calls, where it is signed.

use http::request::Parts;

use crate::rejection::{Rejection, RejectionKind};

/// The URL that a sender calls, as the sender knows it.
///
/// It is configured, not read from the request: a proxy may rewrite the path, and an untrusted client
/// chooses the `Host` header. Use [`exact`](Self::exact) wherever one URL is registered at the sender.
#[derive(Clone, Debug)]
pub struct SignedUrl {
    text: String,
    with_path: bool,
    unescape: bool,
}

impl SignedUrl {
    /// The whole URL, exactly as it was entered at the sender. This is the recommended form.
    #[must_use]
    pub fn exact(url: impl Into<String>) -> Self {
        Self {
            text: url.into(),
            with_path: false,
            unescape: false,
        }
    }

    /// The part before the path, such as `https://example.com`. Path and query come from the request
    /// as it arrives at the layer. A slash at the end is ignored, since the path begins with one. (A
    /// nested axum router cuts the path: put the layer outside of it, or write the missing part here.)
    ///
    /// # Risk
    ///
    /// Nothing marks where a URL from the request ends. If the body follows it, as at Square and HubSpot,
    /// a person who has seen a delivery can move bytes between the query and the body, and both
    /// requests have the same signature. A body of JSON cannot be moved into the query, since a request
    /// whose path or query contains a character that RFC 3986 does not allow there is rejected. A form,
    /// lines of text, or an empty body can. [`build`](super::SignatureScheme::build) rejects such a
    /// scheme unless
    /// [`accept_movable_body_boundary`](super::SignatureScheme::accept_movable_body_boundary) is called.
    #[must_use]
    pub fn origin(origin: impl Into<String>) -> Self {
        let origin = origin.into();
        Self {
            text: origin.strip_suffix('/').unwrap_or(&origin).to_owned(),
            with_path: true,
            unescape: false,
        }
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

    /// Whether all requests have the same URL.
    pub(crate) fn is_fixed(&self) -> bool {
        !self.with_path
    }

    pub(crate) fn holds_colon(&self) -> bool {
        self.text.contains(':')
    }

    /// Whether the URL cannot contain this text, so that the text marks where the URL ends.
    pub(crate) fn ends_at(&self, text: &str) -> bool {
        !text.bytes().all(is_allowed)
    }

    pub(crate) fn write(&self, head: &Parts, take: &mut dyn FnMut(&[u8])) -> Result<(), Rejection> {
        let path = head.uri.path_and_query().map_or("", |path| path.as_str());
        let path = if self.with_path { path } else { "" };
        // `http::Uri` also takes characters that RFC 3986 does not, such as `{` and `"`. With them, a
        // person who has seen a delivery could move a part of a JSON body into the query.
        if !path.bytes().all(is_allowed) {
            return Err(Rejection::new(RejectionKind::TargetMalformed));
        }
        if self.unescape {
            take(unescape(&format!("{}{path}", self.text)).as_bytes());
        } else {
            take(self.text.as_bytes());
            take(path.as_bytes());
        }
        Ok(())
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
