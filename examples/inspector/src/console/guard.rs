//! Who may read the console: the browser on this machine, with the token from the terminal.
//!
//! Each check stops an attack that the others do not stop. The check of the host stops DNS rebinding, in which another
//! site's name leads to this port. The check for headers of proxies stops a tunnel to the wrong port. Origin and
//! `Sec-Fetch-Site` stop scripts of other sites and of other ports. The token stops other users of this machine.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::api::ApiError;
use crate::inspector::{Inspector, Shared};

/// Headers that a proxy adds, in addition to those that begin with `x-forwarded-`.
const OF_PROXIES: [&str; 4] = ["forwarded", "via", "x-real-ip", "cf-connecting-ip"];

/// The page needs no more than its own files and its own API. `innerHTML` throws.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Rejects requests to other names than ours and requests of proxies, and adds headers that protect the page.
pub async fn own_host(State(inspector): State<Shared>, request: Request, next: Next) -> Response {
    let check = check_host(&inspector, request.uri(), request.headers());
    let mut response = match check.and_then(|()| check_proxies(request.headers())) {
        Ok(()) => next.run(request).await,
        Err(why) => ApiError::new(StatusCode::MISDIRECTED_REQUEST, why).into_response(),
    };
    protect(response.headers_mut());
    response
}

/// Rejects requests without the token, and those of other sites.
pub async fn token(State(inspector): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let own_origin = |origin: &str| {
        origin
            .strip_prefix("http://")
            .is_some_and(|host| is_own(&inspector, host))
    };
    if !only(headers, header::ORIGIN, own_origin)
        || !only(headers, HeaderName::from_static("sec-fetch-site"), |site| {
            site == "same-origin"
        })
    {
        let why = "the request does not come from the inspector's own page";
        return ApiError::new(StatusCode::FORBIDDEN, why).into_response();
    }
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    match presented.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(token) if inspector.is_token(token) => next.run(request).await,
        _ => {
            let why = "the token is missing or wrong: open the link that the terminal shows";
            ApiError::new(StatusCode::UNAUTHORIZED, why).into_response()
        }
    }
}

fn check_host(inspector: &Inspector, uri: &Uri, headers: &HeaderMap) -> Result<(), &'static str> {
    const WRONG: &str = "the host is not the inspector's: open the link that the terminal shows";
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().map(|host| host.to_str().unwrap_or_default());
    if hosts.next().is_some() {
        return Err(WRONG);
    }
    // HTTP/2 has it in the URI.
    let authority = uri.authority().map(|authority| authority.as_str());
    let named = [host, authority];
    let mut named = named.into_iter().flatten().peekable();
    match named.peek().is_some() && named.all(|host| is_own(inspector, host)) {
        true => Ok(()),
        false => Err(WRONG),
    }
}

fn check_proxies(headers: &HeaderMap) -> Result<(), &'static str> {
    let of_proxy = |name: &HeaderName| {
        name.as_str().starts_with("x-forwarded-") || OF_PROXIES.contains(&name.as_str())
    };
    match headers.keys().any(of_proxy) {
        true => Err("the page is not for proxies and tunnels: let the tunnel lead to the inbox"),
        false => Ok(()),
    }
}

/// The names by which a browser on this machine calls the console.
fn is_own(inspector: &Inspector, host: &str) -> bool {
    let port = inspector.console.port();
    let names = ["127.0.0.1", "localhost", "[::1]"];
    names
        .iter()
        .any(|name| host.strip_prefix(name) == Some(&format!(":{port}")))
        || host == inspector.console.to_string()
}

/// Whether each value of a header is accepted. A header that is absent is accepted.
fn only(headers: &HeaderMap, name: HeaderName, accepts: impl Fn(&str) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .all(|value| value.to_str().is_ok_and(&accepts))
}

fn protect(headers: &mut HeaderMap) {
    let all = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
