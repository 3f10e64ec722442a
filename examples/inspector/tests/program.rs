//! The program as its user starts and stops it.

mod common;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use common::{Inspector, connect, request, shell, start_error};

/// Variables, and parts of the error that they cause.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

#[test]
fn without_settings_the_test_line_is_accepted_and_shown() {
    let inspector = Inspector::start(&[]);
    let output = shell(&inspector.test_line, &[]);
    assert!(output.starts_with("HTTP/1.1 200"), "{output}");
    let detail = inspector.detail(1);
    assert_eq!(
        (&detail["state"], &detail["sender"]),
        (&"verified".into(), &"optimizely".into())
    );
    assert_eq!(detail["verdict"]["key"], "demonstration");
    assert_eq!(inspector.token.len(), 32);
    assert!(inspector.token.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

/// Optimizely signs no time, so a reader of the output could send such a delivery again at any time.
#[test]
fn a_signature_that_a_real_secret_makes_is_not_printed() {
    let secret = ("WEBHOOK_SECRET_OPTIMIZELY", "the-secret");
    let inspector = Inspector::start(&[secret]);
    assert!(
        !inspector.test_line.contains("the-secret"),
        "{}",
        inspector.test_line
    );
    if shell("command -v openssl", &[]).is_empty() {
        return;
    }
    let output = shell(&inspector.test_line, &[secret]);
    assert!(output.starts_with("HTTP/1.1 200"), "{output}");
}

#[test]
fn after_a_restart_there_is_another_token_and_no_delivery() {
    let first = Inspector::start(&[]);
    assert_eq!(first.deliver("/in/any", &[], b"{}").status, 503);
    let (console, token) = (first.console, first.token.clone());
    let mut events = first.events();
    events.next_of("hello");
    first.signal("TERM");
    assert_eq!(events.next(), None, "the stream ends");
    first.ended();
    let again = Inspector::start(&[("CONSOLE", &console.to_string())]);
    assert_ne!(again.token, token);
    let headers = [
        format!("host: {console}"),
        format!("authorization: Bearer {token}"),
    ];
    assert_eq!(
        request(console, "GET", "/api/events", &headers, b"").status,
        401,
        "the old token"
    );
    assert_eq!(again.hello()["deliveries"], serde_json::json!([]));
}

#[test]
fn both_signals_stop_it_although_pages_are_open_and_a_body_is_unfinished() {
    for signal in ["TERM", "INT"] {
        let inspector = Inspector::start(&[]);
        let mut pages = [inspector.events(), inspector.events()];
        for page in &mut pages {
            page.next_of("hello");
        }
        let mut stream = connect(inspector.inbox);
        let head = format!(
            "POST /in/github HTTP/1.1\r\nhost: {}\r\ncontent-length: 9\r\n\r\n{{",
            inspector.inbox
        );
        stream.write_all(head.as_bytes()).expect("sent");
        assert_eq!(inspector.deliver("/in/any", &[], b"").status, 503);
        let begin = Instant::now();
        inspector.signal(signal);
        inspector.ended();
        // Four seconds at most. The limit is generous for a slow machine.
        assert!(
            begin.elapsed() < Duration::from_secs(15),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let inspector = Inspector::start(&[]);
    let mut stream = connect(inspector.inbox);
    let head = format!(
        "POST /in/github HTTP/1.1\r\nhost: {}\r\ncontent-length: 9\r\n\r\n{{",
        inspector.inbox
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut events = inspector.events();
    events.next_of("hello");
    inspector.signal("TERM");
    // The stream ends with the first signal.
    while events.next().is_some() {}
    let begin = Instant::now();
    inspector.signal("TERM");
    inspector.ended();
    // Without it, the unfinished body has three seconds.
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_setting_that_cannot_be_right_stops_the_start_with_its_name_and_a_remedy() {
    let cases: [Case; 9] = [
        (
            &[("CONSOLE", "0.0.0.0:0")],
            &["CONSOLE=0.0.0.0:0", "not a loopback address", "127.0.0.1"],
        ),
        (&[("CONSOLE", "[::]:0")], &["not a loopback address"]),
        (&[("INBOX", "somewhere")], &["INBOX=\"somewhere\""]),
        (
            &[("WEBHOOK_SECRET_GITHUB", "")],
            &["WEBHOOK_SECRET_GITHUB", "secret is empty"],
        ),
        (
            &[("WEBHOOK_SECRET_OPENAI", "no base64!")],
            &["WEBHOOK_SECRET_OPENAI", "base64"],
        ),
        (
            &[("WEBHOOK_SECRET_WHATSAPP", "a secret")],
            &["WEBHOOK_SECRET_WHATSAPP", "did you mean meta?"],
        ),
        (
            &[("WEBHOOK_URL_SQUARE", "example.com")],
            &["WEBHOOK_URL_SQUARE", "https://"],
        ),
        (
            &[("FORWARD_TO", "https://127.0.0.1/")],
            &["FORWARD_TO", "http://"],
        ),
        (&[("ALLOW_REMOTE", "yes")], &["ALLOW_REMOTE=\"yes\""]),
    ];
    for (variables, parts) in cases {
        let error = start_error(variables);
        for part in parts {
            assert!(
                error.starts_with("error: ") && error.contains(part),
                "{variables:?}: {error}"
            );
        }
        assert!(
            !error.contains("a secret") && !error.contains("no base64!"),
            "{error}"
        );
    }
}

#[test]
fn an_address_in_use_is_named() {
    let inspector = Inspector::start(&[]);
    for (variable, address) in [("INBOX", inspector.inbox), ("CONSOLE", inspector.console)] {
        let error = start_error(&[(variable, &address.to_string())]);
        let begin = format!("error: cannot listen on {address}: ");
        assert!(
            error.starts_with(&begin) && error.contains(&format!("set {variable}")),
            "{error}"
        );
    }
}
