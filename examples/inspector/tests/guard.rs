//! Who may read the console. Each request of these tests has one mistake and is right in everything else.

mod common;

use common::{Answer, Inspector, request};
use serde_json::json;

/// A request for the detail of a delivery, with these headers in addition to a right host and a right token. An empty
/// value leaves the header out.
fn ask(inspector: &Inspector, changed: &[(&str, &str)]) -> Answer {
    let (host, token) = (
        inspector.console.to_string(),
        format!("Bearer {}", inspector.token),
    );
    let mut headers = vec![("host", &*host), ("authorization", &*token)];
    headers.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    headers.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
    let headers: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    request(inspector.console, "GET", "/api/deliveries/1", &headers, b"")
}

#[test]
fn the_page_and_its_api_answer_to_their_own_host_only() {
    let inspector = Inspector::start(&[]);
    let port = inspector.console.port();
    for own in ["127.0.0.1", "localhost", "[::1]"] {
        assert_eq!(
            ask(&inspector, &[("host", &format!("{own}:{port}"))]).status,
            404,
            "{own}"
        );
    }
    let inbox = inspector.inbox.to_string();
    for foreign in [
        "",
        "127.0.0.1",
        "localhost",
        "attacker.example",
        &format!("attacker.example:{port}"),
        &format!("127.0.0.1.attacker.example:{port}"),
        &format!("x@127.0.0.1:{port}"),
        &format!("localhost.:{port}"),
        &inbox,
    ] {
        assert_eq!(
            ask(&inspector, &[("host", foreign)]).status,
            421,
            "{foreign:?}"
        );
    }
    let own = format!("127.0.0.1:{port}");
    assert_eq!(
        ask(&inspector, &[("host", &own), ("Host", "attacker.example")]).status,
        421,
        "two hosts"
    );
    let host = [format!("host: {own}")];
    let absolute = request(
        inspector.console,
        "GET",
        "http://attacker.example/",
        &host,
        b"",
    );
    assert_eq!(absolute.status, 421, "the host of the URL counts, too");
    let page = request(
        inspector.console,
        "GET",
        "/",
        &["host: attacker.example".to_owned()],
        b"",
    );
    assert_eq!(page.status, 421);
    assert_eq!(
        request(inspector.console, "GET", "/", &host, b"").status,
        200
    );
}

#[test]
fn a_request_that_passed_a_proxy_is_rejected() {
    let inspector = Inspector::start(&[]);
    for name in [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "via",
        "cf-connecting-ip",
    ] {
        assert_eq!(ask(&inspector, &[(name, "1")]).status, 421, "{name}");
    }
}

#[test]
fn a_request_of_another_site_or_port_is_rejected() {
    let inspector = Inspector::start(&[]);
    let own = format!("http://{}", inspector.console);
    assert_eq!(
        ask(
            &inspector,
            &[("origin", &own), ("sec-fetch-site", "same-origin")]
        )
        .status,
        404
    );
    let other_port = format!("http://{}", inspector.inbox);
    let https = own.replace("http:", "https:");
    for origin in [
        "null",
        "http://attacker.example",
        &other_port,
        &https,
        "http://127.0.0.1",
    ] {
        assert_eq!(
            ask(&inspector, &[("origin", origin)]).status,
            403,
            "{origin}"
        );
    }
    for site in ["cross-site", "same-site", "none", "Same-Origin"] {
        assert_eq!(
            ask(&inspector, &[("sec-fetch-site", site)]).status,
            403,
            "{site}"
        );
    }
    // What a browser asks before it sends our token for another site.
    let headers = [
        format!("host: {}", inspector.console),
        "origin: http://attacker.example".to_owned(),
        "access-control-request-method: GET".to_owned(),
    ];
    let preflight = request(
        inspector.console,
        "OPTIONS",
        "/api/deliveries/1",
        &headers,
        b"",
    );
    assert_eq!(preflight.status, 403);
    assert!(
        !preflight.head.to_lowercase().contains("access-control"),
        "{preflight:?}"
    );
}

#[test]
fn every_path_of_the_api_needs_the_token() {
    let inspector = Inspector::start(&[]);
    let (token, other) = (&inspector.token, "0".repeat(32));
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        &format!("Bearer {other}"),
        &format!("Basic {token}"),
        &format!("Bearer {token}0"),
        &format!("Bearer {}", &token[1..]),
        token,
    ] {
        assert_eq!(
            ask(&inspector, &[("authorization", wrong)]).status,
            401,
            "{wrong:?}"
        );
    }
    let host = [format!("host: {}", inspector.console)];
    for (method, path) in [
        ("GET", "/events"),
        ("DELETE", "/deliveries"),
        ("GET", "/deliveries/1"),
        ("POST", "/deliveries/1/reveal/0"),
        ("GET", "/deliveries/1/curl"),
        ("GET", "/deliveries/1/vector"),
        ("GET", "/deliveries/1/test"),
        ("POST", "/deliveries/1/try"),
        ("POST", "/deliveries/1/send"),
        ("POST", "/test"),
        ("PUT", "/forward"),
        ("DELETE", "/forward"),
        ("PUT", "/senders/github/keys/default"),
        ("DELETE", "/senders/github/keys/default"),
        ("PUT", "/senders/github/url"),
        ("GET", "/unknown"),
        ("GET", ""),
    ] {
        let answer = request(
            inspector.console,
            method,
            &format!("/api{path}"),
            &host,
            b"{}",
        );
        assert_eq!(answer.status, 401, "{method} {path}");
        assert!(answer.json()["error"].is_string());
    }
}

#[test]
fn every_response_of_the_console_has_the_headers_that_protect_it() {
    let inspector = Inspector::start(&[]);
    let host = [format!("host: {}", inspector.console)];
    let page = request(inspector.console, "GET", "/", &host, b"");
    let error = ask(&inspector, &[("host", "attacker.example")]);
    for answer in [
        page,
        error,
        inspector.get("/deliveries/1"),
        inspector.get("/unknown"),
    ] {
        let policy = answer.header("content-security-policy").expect("a policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(policy.contains(part), "{part}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
    }
}

#[test]
fn the_inbox_has_neither_the_page_nor_the_api() {
    let inspector = Inspector::start(&[]);
    let headers = [
        format!("host: {}", inspector.console),
        format!("authorization: Bearer {}", inspector.token),
    ];
    for path in [
        "/",
        "/page.css",
        "/api/events",
        "/api/deliveries/1",
        "/in",
        "/in/",
    ] {
        assert_eq!(
            request(inspector.inbox, "GET", path, &headers, b"").status,
            404,
            "{path}"
        );
    }
    // A tunnel calls the inbox by its own name.
    let tunnel = [
        "host: example.ngrok.app".to_owned(),
        "x-forwarded-for: 192.0.2.1".to_owned(),
    ];
    assert_eq!(
        request(inspector.inbox, "POST", "/in/github", &tunnel, b"{}").status,
        503
    );
}

#[test]
fn a_request_with_a_mistake_gets_an_error_that_does_not_quote_it() {
    let inspector = Inspector::start(&[]);
    for body in [
        json!({}),
        json!({ "secret": "a secret", "generate": true }),
        json!({ "secrets": "a secret" }),
        json!({ "secret": 1 }),
    ] {
        let answer = inspector.api("PUT", "/senders/github/keys/default", Some(&body));
        assert_eq!(answer.status, 400, "{body}");
        let error = answer.json()["error"]
            .as_str()
            .expect("an error")
            .to_owned();
        assert!(!error.is_empty() && !error.contains("a secret"), "{error}");
    }
    let body = json!({ "secret": " a secret " });
    let answer = inspector.api("PUT", "/senders/github/keys/default", Some(&body));
    assert_eq!(
        (answer.status, answer.text().contains("a secret")),
        (400, false)
    );
    for (path, status) in [
        ("/senders/nobody/keys/default", 404),
        ("/senders/github/keys/Default", 400),
    ] {
        let answer = inspector.api("PUT", path, Some(&json!({ "generate": true })));
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(
        inspector
            .api("DELETE", "/senders/github/keys/default", None)
            .status,
        404
    );
}
