//! The URL that a sender calls, where it is signed.

use http::request::Parts;

/// The URL that a sender calls, as it knows it.
///
/// Behind a proxy the request does not tell: its path may be rewritten, and a `Host` header is
/// whatever a stranger writes. So it is configured, not reconstructed.
#[derive(Clone, Debug)]
pub struct SignedUrl {
    text: String,
    with_path: bool,
    unescape: bool,
}

impl SignedUrl {
    /// The whole URL, letter for letter as it was entered at the sender's.
    #[must_use]
    pub fn exact(url: impl Into<String>) -> Self {
        Self {
            text: url.into(),
            with_path: false,
            unescape: false,
        }
    }

    /// What stands before the request's path, such as `https://example.com`; path and query are
    /// taken from the request as it arrives at the layer. (A nested axum router cuts the path:
    /// put the layer outside of it, or write the part that was cut here.) A slash at its end is taken
    /// for the one that the path begins with.
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
    #[must_use]
    pub fn hubspot_unescaped(mut self) -> Self {
        self.unescape = true;
        self
    }

    /// Whether every request has the same.
    pub(crate) fn is_fixed(&self) -> bool {
        !self.with_path
    }

    pub(crate) fn holds_colon(&self) -> bool {
        self.text.contains(':')
    }

    pub(crate) fn write(&self, head: &Parts, take: &mut dyn FnMut(&[u8])) {
        let path = head.uri.path_and_query().map_or("", |path| path.as_str());
        let path = if self.with_path { path } else { "" };
        if self.unescape {
            take(unescape(&format!("{}{path}", self.text)).as_bytes());
        } else {
            take(self.text.as_bytes());
            take(path.as_bytes());
        }
    }
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
