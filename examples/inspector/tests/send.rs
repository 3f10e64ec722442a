//! Kept deliveries that are sent to a handler: on request, signed again, and automatically.

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{Receiver, channel},
    thread,
};

use common::Inspector;
use serde_json::{Value, json};

/// What a handler received.
struct Request {
    head: String,
    body: Vec<u8>,
}

/// A handler that gives every request the same response.
fn handler(response: impl Into<Vec<u8>>) -> (SocketAddr, Receiver<Request>) {
    let (listener, response) = (
        TcpListener::bind("127.0.0.1:0").expect("a port"),
        response.into(),
    );
    let address = listener.local_addr().expect("an address");
    let (send, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.expect("a connection"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).expect("a line") == 0 {
                    break;
                }
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
            reader.read_exact(&mut body).expect("a body");
            // The receiver may not be interested in more.
            let _ = send.send(Request { head, body });
            let _ = reader.get_mut().write_all(&response);
        }
    });
    (address, received)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\ndone";

fn send(inspector: &Inspector, id: u64, url: &str, signed_again: bool) -> Value {
    inspector.ok(
        "POST",
        &format!("/deliveries/{id}/send"),
        json!({ "url": url, "signed_again": signed_again }),
    )
}

#[test]
fn every_byte_and_every_header_arrives_as_it_came() {
    let inspector = Inspector::start(&[]);
    let body: Vec<u8> = (0..40).flat_map(|_| 0..=255).collect();
    inspector.deliver(
        "/in/any?x=%20y",
        &[
            "x-two: one",
            "X-Two: two",
            "x-empty:",
            "te: trailers",
            "connection: x-hop",
            "x-hop: 1",
            "x-latin: \u{e9}",
        ],
        &body,
    );
    let (address, received) = handler(OK);
    let sent = send(&inspector, 1, &format!("http://{address}/hook?z=1"), false);
    assert_eq!(
        (
            &sent["status"],
            &sent["body"],
            &sent["content_type"],
            &sent["automatic"]
        ),
        (
            &json!(200),
            &json!("done"),
            &json!("text/plain"),
            &json!(false)
        )
    );
    let request = received.recv().expect("a request");
    assert_eq!(request.body, body);
    assert!(
        request.head.starts_with("POST /hook?z=1 HTTP/1.1\r\n"),
        "{}",
        request.head
    );
    assert!(
        request.head.contains("x-two: one\r\nx-two: two\r\n"),
        "{}",
        request.head
    );
    assert!(
        request.head.contains("x-empty: \r\n") && request.head.contains("x-latin: \u{e9}\r\n"),
        "{}",
        request.head
    );
    assert!(
        request.head.contains(&format!("host: {address}\r\n")),
        "{}",
        request.head
    );
    assert!(
        !request.head.contains("x-hop") && !request.head.contains("te:"),
        "headers of one connection: {}",
        request.head
    );
    let detail = inspector.detail(1);
    assert_eq!(
        (
            &detail["sends"],
            &detail["sent"],
            &detail["sent_to"][0]["body"]
        ),
        (&json!(1), &json!(200), &json!("done"))
    );
}

#[test]
fn a_redirect_is_shown_and_not_followed() {
    let inspector = Inspector::start(&[]);
    inspector.deliver("/in/any", &[], b"{}");
    let (elsewhere, called) = handler(OK);
    let (address, _received) = handler(format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
    ));
    assert_eq!(
        send(&inspector, 1, &format!("http://{address}/"), false)["status"],
        307
    );
    assert!(called.try_recv().is_err(), "the redirect was followed");
}

#[test]
fn a_long_answer_is_cut_at_64_kib() {
    let inspector = Inspector::start(&[]);
    inspector.deliver("/in/any", &[], b"{}");
    for (length, truncated) in [
        (64 * 1024, false),
        (64 * 1024 + 1, true),
        (10_000_000, true),
    ] {
        let (address, _received) = handler(format!(
            "HTTP/1.1 500 No\r\ncontent-length: {length}\r\n\r\n{}",
            "x".repeat(length)
        ));
        let sent = send(&inspector, 1, &format!("http://{address}/"), false);
        assert_eq!(
            (&sent["status"], &sent["truncated"]),
            (&json!(500), &json!(truncated)),
            "{length}"
        );
        assert_eq!(sent["body"].as_str().map(str::len), Some(64 * 1024));
    }
}

#[test]
fn an_answer_that_ends_early_is_an_error() {
    let inspector = Inspector::start(&[]);
    inspector.deliver("/in/any", &[], b"{}");
    for response in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nh",
        "no HTTP",
    ] {
        let (listener, response) = (
            TcpListener::bind("127.0.0.1:0").expect("a port"),
            response.to_owned(),
        );
        let address = listener.local_addr().expect("an address");
        let handler = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 1024];
            let _ = stream.read(&mut head);
            stream.write_all(response.as_bytes()).expect("sent");
        });
        let sent = send(&inspector, 1, &format!("http://{address}/"), false);
        assert!(
            sent["error"].is_string() && sent["status"].is_null(),
            "{sent}"
        );
        handler.join().expect("it ends");
    }
    assert_eq!(inspector.detail(1)["sends"], 3);
}

#[test]
fn only_this_machine_is_called() {
    let inspector = Inspector::start(&[]);
    inspector.deliver("/in/any", &[], b"{}");
    for url in [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0:1/",
    ] {
        let sent = send(&inspector, 1, url, false);
        assert!(
            sent["error"]
                .as_str()
                .is_some_and(|error| error.contains("ALLOW_REMOTE=1")),
            "{url}: {sent}"
        );
    }
    for url in [
        "https://127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "127.0.0.1:80",
        "",
    ] {
        let answer = inspector.api("POST", "/deliveries/1/send", Some(&json!({ "url": url })));
        assert_eq!(answer.status, 400, "{url}: {answer:?}");
    }
}

/// The handler is the inbox itself, so its verdict shows whether the signature is good.
#[test]
fn an_old_delivery_is_accepted_again_if_it_is_signed_again() {
    let inspector = Inspector::start(&[]);
    for sender in [
        "stripe",
        "slack",
        "standard_webhooks",
        "svix",
        "square",
        "github",
        "vwo",
        "mailgun",
        "pandadoc",
    ] {
        inspector.ok(
            "PUT",
            &format!("/senders/{sender}/keys/default"),
            json!({ "generate": true }),
        );
        let hello = inspector.hello();
        let senders = hello["senders"].as_array().expect("a list");
        let faults = &senders
            .iter()
            .find(|one| one["name"] == sender)
            .expect("a sender")["faults"];
        let is_timed = faults.as_array().expect("a list").contains(&json!("old"));
        let id = inspector.test(sender, if is_timed { "old" } else { "genuine" });
        let url = format!("http://{}/in/{sender}", inspector.inbox);
        let unchanged = send(&inspector, id, &url, false)["status"].clone();
        assert_eq!(unchanged, if is_timed { 401 } else { 200 }, "{sender}");
        let sent = send(&inspector, id, &url, true);
        assert_eq!(
            (&sent["status"], &sent["signed_again"]),
            (&json!(200), &json!(true)),
            "{sender}: {sent}"
        );
    }
    inspector.deliver("/in/any", &[], b"{}");
    let id = inspector.last_id();
    let answer = inspector.api(
        "POST",
        &format!("/deliveries/{id}/send"),
        Some(&json!({ "url": "http://127.0.0.1/", "signed_again": true })),
    );
    assert_eq!(answer.status, 409, "its sender is not known");
}

#[test]
fn each_new_delivery_is_forwarded_and_the_sender_gets_our_response() {
    let (address, received) = handler("HTTP/1.1 500 No\r\ncontent-length: 6\r\n\r\nbroken");
    let url = format!("http://{address}/webhooks/{{sender}}");
    let inspector = Inspector::start(&[
        ("FORWARD_TO", &url),
        ("WEBHOOK_SECRET_VWO", "the-shared-key"),
    ]);
    assert_eq!(
        inspector.hello()["forward"],
        json!({ "url": url, "when": "verified" })
    );
    let body = r#"{"timestamp": 1606482285, "event": "settings_changed", "action": "a", "triggered_by": "vwo"}"#;
    let mut events = inspector.events();
    assert_eq!(
        inspector
            .deliver("/in/vwo", &["x-vwo-auth: wrong"], body.as_bytes())
            .status,
        401
    );
    assert_eq!(
        inspector
            .deliver("/in/vwo", &["x-vwo-auth: the-shared-key"], body.as_bytes())
            .status,
        200
    );
    let request = received.recv().expect("a request");
    assert!(
        request.head.starts_with("POST /webhooks/vwo HTTP/1.1\r\n"),
        "{}",
        request.head
    );
    assert_eq!(request.body, body.as_bytes());
    while events.next_of("changed")["sends"] != 1 {}
    let sent = inspector.detail(2)["sent_to"][0].clone();
    assert_eq!(
        (&sent["automatic"], &sent["status"], &sent["body"]),
        (&json!(true), &json!(500), &json!("broken"))
    );
    assert_eq!(inspector.detail(1)["sends"], 0, "it is not verified");

    inspector.ok("PUT", "/forward", json!({ "url": url, "when": "all" }));
    assert_eq!(events.next_of("forward")["when"], "all");
    assert_eq!(
        inspector
            .deliver("/in/vwo", &["x-vwo-auth: wrong"], body.as_bytes())
            .status,
        401
    );
    received.recv().expect("a request");
    inspector.ok("DELETE", "/forward", Value::Null);
    assert_eq!(events.next_of("forward"), Value::Null);
    assert_eq!(
        inspector
            .deliver("/in/vwo", &["x-vwo-auth: the-shared-key"], body.as_bytes())
            .status,
        200
    );
    let answer = inspector.api(
        "PUT",
        "/forward",
        Some(&json!({ "url": "https://127.0.0.1/", "when": "all" })),
    );
    assert_eq!(answer.status, 400);
}

#[test]
fn a_delivery_that_is_forwarded_to_the_inbox_does_not_come_back() {
    let inspector = Inspector::start(&[]);
    let mut events = inspector.events();
    for host in ["127.0.0.1", "localhost", "127.0.0.2"] {
        let url = format!("http://{host}:{}/in/any", inspector.inbox.port());
        inspector.ok("PUT", "/forward", json!({ "url": url, "when": "all" }));
        inspector.deliver("/in/any", &[], b"{}");
        let id = inspector.last_id();
        while events.next_of("changed")["id"] != id {}
        let sent = inspector.detail(id)["sent_to"][0].clone();
        assert!(
            sent["error"]
                .as_str()
                .is_some_and(|error| error.contains("is the inbox")),
            "{host}: {sent}"
        );
    }
    assert_eq!(inspector.last_id(), 3);
}
