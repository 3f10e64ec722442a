//! The part of a scheme that a diagnosis needs: verification with other keys, and variants of the
//! scheme that differ in one thing.

use std::sync::Arc;

use http::request::Parts;

use super::{
    Kind, Scheme, builder::Signed, key::KeyEncoding, signed::Part, url::SignedUrl, ways::Ways,
};
use crate::{clock::Clock, secret::Keys};

/// The longest host that is taken from a request, in bytes
/// ([RFC 1035 section 2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4), and a port).
const LONGEST_HOST: usize = 261;

impl Scheme {
    /// Whether one of these keys verifies a delivery. This is the code that verifies each request.
    ///
    /// A token in a header is verified before the body is read, so it holds if the key signed the token.
    pub(crate) fn holds(&self, keys: &Keys, head: &Parts, body: &[u8], clock: &dyn Clock) -> bool {
        let prepared = self.prepare(&Arc::from("suspect"), keys);
        prepared
            .ok()
            .and_then(|keys| self.begin_with(&keys, head, clock).ok())
            .is_some_and(|mut check| {
                check.is_of_authentic_token() || {
                    check.update(body);
                    check.finish(body).is_ok()
                }
            })
    }

    /// The same scheme, with only the ways that this request head fits. In other ways no key and no URL can match, but
    /// each attempt would count.
    pub(crate) fn that_fits(&self, head: &Parts, clock: &dyn Clock) -> Self {
        let Kind::AnyOf(ways) = &self.0 else {
            return self.clone();
        };
        let ways = ways.names.iter().zip(&ways.schemes);
        let (names, schemes): (Vec<_>, Vec<_>) = ways
            .filter(|(_, way)| way.fits(head, clock))
            .map(|(name, way)| (Arc::clone(name), way.clone()))
            .unzip();
        let names = names.into();
        Self(Kind::AnyOf(Arc::new(Ways { schemes, names })))
    }

    /// Whether a token in a header decides before the body is read, in some way.
    pub(crate) fn has_token(&self) -> bool {
        let mut ways = self.each_way().iter();
        ways.any(|way| matches!(&way.0, Kind::Jwt(jwt) if jwt.is_in_head()))
    }

    /// Whether a delivery may have a signature over the body in some way.
    pub(crate) fn may_sign(&self) -> bool {
        let mut ways = self.each_way().iter();
        ways.any(|way| !matches!(way.0, Kind::SharedKey(_)))
    }

    /// Whether each attempt costs more than a MAC: operations on a curve, or code of the owner.
    pub(crate) fn is_expensive(&self) -> bool {
        let mut ways = self.each_way().iter();
        ways.any(|way| match &way.0 {
            Kind::Signature(signed) => !signed.algorithm.is_symmetric(),
            Kind::Custom(_) => true,
            Kind::Jwt(jwt) => jwt.is_expensive(),
            Kind::AnyOf(_) | Kind::SharedKey(_) => false,
        })
    }

    /// The same scheme, with another way to read the text of the key.
    pub(crate) fn key_variants(&self) -> Vec<(&'static str, Self)> {
        let mut variants = Vec::new();
        for signed in self.signatures() {
            let mut vary = |difference, change: &dyn Fn(&mut Signed)| {
                let mut signed = signed.clone();
                change(&mut signed);
                variants.push((difference, Self(Kind::Signature(Arc::new(signed)))));
            };
            for (encoding, difference) in [
                (KeyEncoding::Text, "the text itself is the key, not decoded"),
                (
                    KeyEncoding::Base64,
                    "the text is base64, and must be decoded",
                ),
                (
                    KeyEncoding::Base64Url,
                    "the text is base64url, and must be decoded",
                ),
                (
                    KeyEncoding::Hex,
                    "the text is hexadecimal, and must be decoded",
                ),
            ] {
                if encoding != signed.key.encoding {
                    vary(difference, &|signed| signed.key.encoding = encoding);
                    if signed.key.prefix.is_some() {
                        vary(difference, &|signed| {
                            signed.key.encoding = encoding;
                            signed.key.prefix = None;
                        });
                    }
                }
            }
            if signed.key.prefix.is_some() {
                vary("the prefix is part of the key", &|signed| {
                    signed.key.prefix = None
                });
            } else {
                vary("the prefix \"whsec_\" is not part of the key", &|signed| {
                    signed.key.prefix = Some("whsec_".to_owned());
                });
            }
        }
        variants
    }

    /// The same scheme, with another configured URL.
    pub(crate) fn url_variants(&self, head: &Parts) -> Vec<(&'static str, Self)> {
        let mut variants = Vec::new();
        for signed in self.signatures() {
            let parts = || {
                let content = &signed.content;
                content.before_body.iter().chain(&content.after_body)
            };
            let urls = parts().find_map(|part| match part {
                Part::PathAndQuery(url) | Part::Url(url) => Some(url.variants(head)),
                _ => None,
            });
            for (difference, url) in urls.unwrap_or_default() {
                let mut signed = signed.clone();
                let content = &mut signed.content;
                for part in content
                    .before_body
                    .iter_mut()
                    .chain(&mut content.after_body)
                {
                    if let Part::PathAndQuery(configured) | Part::Url(configured) = part {
                        *configured = url.clone();
                    }
                }
                variants.push((difference, Self(Kind::Signature(Arc::new(signed)))));
            }
        }
        variants
    }

    fn signatures(&self) -> impl Iterator<Item = &Signed> {
        self.each_way().iter().filter_map(|way| match &way.0 {
            Kind::Signature(signed) => Some(&**signed),
            Kind::AnyOf(_) | Kind::Custom(_) | Kind::Jwt(_) | Kind::SharedKey(_) => None,
        })
    }
}

impl SignedUrl {
    /// URLs that differ from this one in one thing. Those with a part of the request are only compared
    /// with a signature, so it does not matter that a client chose that part.
    fn variants(&self, head: &Parts) -> Vec<(&'static str, Self)> {
        let (scheme, rest) = self.text.split_once("://").unwrap_or_default();
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        let with_text = |text: String| {
            let mut url = self.clone();
            url.text = text;
            url
        };
        let whole = |scheme: &str, authority: &str, path: &str| {
            with_text(format!("{scheme}://{authority}{path}"))
        };
        let mut variants = Vec::new();
        match scheme {
            "https" => variants.push(("it begins with http", whole("http", authority, path))),
            _ => variants.push(("it begins with https", whole("https", authority, path))),
        }
        let (before_query, query) = match path.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (path, String::new()),
        };
        if !self.with_path {
            variants.push(match before_query.strip_suffix('/') {
                Some(path) => (
                    "it has no slash at its end",
                    whole(scheme, authority, &format!("{path}{query}")),
                ),
                None => (
                    "it has a slash at its end",
                    whole(scheme, authority, &format!("{before_query}/{query}")),
                ),
            });
            if !query.is_empty() {
                let url = whole(scheme, authority, before_query);
                variants.push(("it has no query", url));
            }
        }
        match authority.rsplit_once(':') {
            Some((host, _)) => variants.push(("it has no port", whole(scheme, host, path))),
            None => {
                for port in ["443", "80"] {
                    let authority = format!("{authority}:{port}");
                    variants.push(("it has a port", whole(scheme, &authority, path)));
                }
            }
        }
        for name in ["host", "x-forwarded-host"] {
            if let Some(host) = host_of(head, name).filter(|host| *host != authority) {
                let url = whole(scheme, host, path);
                variants.push(("it has the host of the request", url));
            }
        }
        let requested = head.uri.path_and_query().map_or("", |path| path.as_str());
        if !self.with_path && requested != path {
            let url = whole(scheme, authority, requested);
            variants.push(("it has the path and query of the request", url));
            if let Some((path, _)) = requested.split_once('?') {
                let url = whole(scheme, authority, path);
                variants.push(("it has the path of the request, without query", url));
            }
        }
        variants
    }
}

fn host_of<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let host = head.headers.get(name)?.to_str().ok()?;
    (host.len() <= LONGEST_HOST && !host.is_empty()).then_some(host)
}
