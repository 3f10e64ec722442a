//! The bounds of what a sender and a page can cost.

mod common;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use common::{Inspector, answer, connect};

const MIB: usize = 1024 * 1024;

#[test]
fn the_201st_delivery_drops_the_first_one_and_the_page_is_told() {
    let inspector = Inspector::start(&[]);
    let mut events = inspector.events();
    for number in 0..201 {
        let body = format!("{{\"n\": {number}}}");
        assert_eq!(
            inspector.deliver("/in/any", &[], body.as_bytes()).status,
            503
        );
    }
    let mut last = events.next_of("delivery");
    for _ in 0..200 {
        last = events.next_of("delivery");
    }
    assert_eq!(
        (&last["oldest"], &last["dropped"], &last["delivery"]["id"]),
        (&2.into(), &1.into(), &201.into())
    );
    let hello = inspector.hello();
    assert_eq!(hello["deliveries"].as_array().map(Vec::len), Some(200));
    assert_eq!(
        (&hello["deliveries"][0]["id"], &hello["dropped"]),
        (&2.into(), &1.into())
    );
    assert_eq!(inspector.get("/deliveries/1").status, 404);

    assert_eq!(inspector.api("DELETE", "/deliveries", None).status, 204);
    events.next_of("cleared");
    let hello = inspector.hello();
    assert_eq!(
        (
            hello["deliveries"].as_array().map(Vec::len),
            &hello["dropped"]
        ),
        (Some(0), &0.into())
    );
}

#[test]
fn the_ninth_page_is_rejected_until_another_one_is_closed() {
    let inspector = Inspector::start(&[]);
    let mut pages: Vec<_> = (0..8).map(|_| inspector.events()).collect();
    for page in &mut pages {
        page.next_of("hello");
    }
    assert_eq!(inspector.try_events().err(), Some(503));
    drop(pages.pop());
    // The server sees the end of a connection when it writes to it.
    let begin = Instant::now();
    while inspector.try_events().is_err() {
        assert_eq!(inspector.deliver("/in/any", &[], b"").status, 503);
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "no page was closed"
        );
    }
}

#[test]
fn a_body_over_8_mib_is_rejected_with_413_and_its_headers_are_kept() {
    let inspector = Inspector::start(&[]);
    let body = vec![b'x'; 8 * MIB + 1];
    assert_eq!(
        inspector
            .deliver("/in/github", &["x-note: kept"], &body)
            .status,
        413
    );
    let detail = inspector.detail(1);
    assert_eq!(
        (&detail["code"], &detail["size"]),
        (&"body_too_large".into(), &0.into())
    );
    assert!(
        detail["headers"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|header| header["name"] == "x-note")
    );
    assert_eq!(inspector.deliver("/in/github", &[], &body[1..]).status, 503);
    let size = inspector.hello()["deliveries"][1]["size"].clone();
    assert_eq!(size, 8 * MIB);
}

/// The sender waits before it sends the body, and the deadline of a body is 30 seconds.
#[test]
fn a_declared_length_over_8_mib_is_rejected_before_the_body_is_read() {
    let inspector = Inspector::start(&[]);
    let mut stream = connect(inspector.inbox);
    let head = format!(
        "POST /in/github HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        inspector.inbox,
        8 * MIB + 1
    );
    stream.write_all(head.as_bytes()).expect("sent");
    assert_eq!(answer(stream).status, 413);
    assert_eq!(inspector.detail(1)["code"], "body_too_large");
}

#[test]
fn deliveries_of_more_than_64_mib_drop_the_oldest() {
    let inspector = Inspector::start(&[]);
    let body = vec![b'x'; 8 * MIB];
    for _ in 0..9 {
        assert_eq!(inspector.deliver("/in/github", &[], &body).status, 503);
    }
    let hello = inspector.hello();
    // With their headers, eight of them are over 64 MiB.
    assert_eq!(hello["deliveries"].as_array().map(Vec::len), Some(7));
    assert_eq!(hello["dropped"], 2);
}

#[test]
fn a_body_that_does_not_end_is_rejected_with_408_after_the_deadline() {
    let inspector = Inspector::start(&[("BODY_DEADLINE_MS", "100")]);
    let mut stream = connect(inspector.inbox);
    let head = format!(
        "POST /in/github HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{",
        inspector.inbox
    );
    stream.write_all(head.as_bytes()).expect("sent");
    assert_eq!(answer(stream).status, 408);
    assert_eq!(inspector.detail(1)["code"], "body_timeout");
    // It is not judged again when a key is entered: there is no body.
    inspector.set_key("github", "default", "a secret");
    assert_eq!(inspector.detail(1)["code"], "body_timeout");
}

#[test]
fn a_request_to_the_api_has_at_most_1_mib() {
    let inspector = Inspector::start(&[]);
    let body = serde_json::json!({ "secret": "x".repeat(MIB) });
    assert_eq!(
        inspector
            .api("PUT", "/senders/github/keys/default", Some(&body))
            .status,
        413
    );
}

#[test]
fn the_cause_of_a_large_body_is_not_searched() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET_GITHUB", "a secret")]);
    let signature = format!("x-hub-signature-256: sha256={}", "0".repeat(64));
    assert_eq!(
        inspector
            .deliver("/in/github", &[&signature], &vec![b'x'; 64 * 1024 + 1])
            .status,
        401
    );
    assert_eq!(
        inspector.explained(1)["verdict"]["cause"]["state"],
        "skipped"
    );
}
