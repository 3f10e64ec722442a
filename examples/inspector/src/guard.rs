//! Who may look: the page's own port answers to this machine's browser, with the token that the
//! terminal printed, and to nobody else.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::Shared;

/// Names under which a browser on this machine knows us. Everything else is DNS rebinding, or a tunnel
/// that was pointed at the wrong port.
pub async fn own_host(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let refusal = match host(headers) {
        Some(host) if !shared.console_hosts.iter().any(|own| own == host) => Some("not our host"),
        None => Some("no host"),
        Some(_) if headers.contains_key("forwarded") || headers.contains_key("x-forwarded-for") => {
            Some("the page is not for proxies: point the tunnel at the inbox's port")
        }
        Some(_) => None,
    };
    let mut response = match refusal {
        Some(why) => (StatusCode::MISDIRECTED_REQUEST, format!("{why}\n")).into_response(),
        None => next.run(request).await,
    };
    protect(response.headers_mut());
    response
}

/// The token, and that a browser's request comes from our page. A token in a header cannot be sent by
/// another site, and is not shared with other ports as a cookie is.
pub async fn token(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let foreign = |name: &str, own: &dyn Fn(&str) -> bool| {
        headers
            .get(name)
            .is_some_and(|value| !value.to_str().is_ok_and(own))
    };
    let own_origin = |origin: &str| {
        origin
            .strip_prefix("http://")
            .is_some_and(|host| shared.console_hosts.iter().any(|own| own == host))
    };
    if foreign("origin", &own_origin) || foreign("sec-fetch-site", &|site| site == "same-origin") {
        return (StatusCode::FORBIDDEN, "not from our page\n").into_response();
    }
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match presented {
        Some(token) if shared.is_token(token) => next.run(request).await,
        _ => (
            StatusCode::UNAUTHORIZED,
            "open the link that the terminal shows\n",
        )
            .into_response(),
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
          base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
          require-trusted-types-for 'script'; trusted-types 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
