//! Serves a document to other clients.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use sha2::{Digest, Sha256};

use super::document::Document;

/// Responds to a `GET` or `HEAD` with the document, or with 304 to a client that has it.
///
/// `headers` are those of the request. The `ETag` is computed from the bytes, so all replicas send the same one.
/// `Last-Modified` is the value of the source. `If-None-Match` may be a list, weak, or `*`. If it is present,
/// `If-Modified-Since` is ignored ([RFC 9110 section 13.2.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2)).
/// `If-Modified-Since` has to be the exact value that we sent, so no clock is needed.
///
/// ```
/// use http::{HeaderMap, StatusCode, header};
/// use tower_webhook_auth::sync::{Document, respond};
///
/// let document = Document::new("{}");
/// let response = respond(&HeaderMap::new(), &document, "application/json");
/// assert_eq!(response.status(), StatusCode::OK);
///
/// let mut headers = HeaderMap::new();
/// headers.insert(header::IF_NONE_MATCH, response.headers()[header::ETAG].clone());
/// let response = respond(&headers, &document, "application/json");
/// assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
/// ```
#[must_use]
pub fn respond(
    headers: &HeaderMap,
    document: &Document,
    content_type: &'static str,
) -> Response<Full<Bytes>> {
    let etag = etag(&document.bytes);
    let last_modified = document.validators.last_modified.as_ref();
    let known = match requested_etags(headers) {
        Some(mut items) => items.any(|item| item == etag || item == "*"),
        None => last_modified.is_some() && headers.get(header::IF_MODIFIED_SINCE) == last_modified,
    };
    let mut response = if known {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(Full::new(document.bytes.clone()));
        let content_type = HeaderValue::from_static(content_type);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    if let Some(value) = last_modified {
        response
            .headers_mut()
            .insert(header::LAST_MODIFIED, value.clone());
    }
    response
}

fn etag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let (half, _) = digest.split_at(16);
    format!("\"{}\"", HEXLOWER.encode(half))
}

/// The entity tags of all `If-None-Match` headers, without `W/`: the comparison is weak. `None` without the header.
fn requested_etags(headers: &HeaderMap) -> Option<impl Iterator<Item = &str>> {
    headers.contains_key(header::IF_NONE_MATCH).then(|| {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .map(|item| item.trim().trim_start_matches("W/"))
    })
}
