//! The whole program, as its users see it: its output, its variables, its stop.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use support::testing::{self, Program, SECRET, SIGNATURE};

const RECEIVER: &str = env!("CARGO_BIN_EXE_receiver");
const VWO: (&str, &str) = ("VWO_WEBHOOK_KEY", "the-key");
const AUTHENTIC: (&str, &str) = ("x-vwo-auth", "the-key");

/// Variables, and parts of the error that they cause.
type Case = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

fn start(variables: &[(&str, &str)]) -> Program {
    Program::start(RECEIVER, variables)
}

#[test]
fn without_a_secret_it_demonstrates_a_delivery_that_it_accepts_and_one_that_it_rejects() {
    let mut receiver = start(&[]);
    let banner = receiver.lines_until("it accepts:");
    assert!(banner.iter().any(|line| line.contains("DEMONSTRATION")));
    let accepted = receiver.line();
    assert_eq!(receiver.line(), "it rejects:");
    let rejected = receiver.line();

    assert_eq!(receiver.get("/"), 200);
    assert_eq!(receiver.curl(&accepted), 200);
    let printed = receiver.line();
    assert!(printed.starts_with("accepted optimizely"), "{printed}");
    assert!(printed.contains("project.datafile_updated"), "{printed}");
    assert_eq!(receiver.curl(&rejected), 401);
    assert_eq!(receiver.post("/webhooks/vwo", &[], "{}"), 404);
    let log = receiver.stop();
    let fields = [
        "webhook.provider=\"optimizely\"",
        "webhook.reason=\"signature_mismatch\"",
    ];
    assert!(fields.iter().all(|field| log.contains(field)), "{log}");
}

/// Optimizely signs no time, so a reader of the output could send such a delivery again at any time.
#[test]
fn a_signature_that_a_real_secret_makes_is_not_printed() {
    let mut receiver = start(&[("OPTIMIZELY_WEBHOOK_SECRET", "the-secret")]);
    receiver.lines_until("it accepts:");
    let line = receiver.line();
    assert!(
        line.contains(r#"sha1=$(printf %s '{"timestamp""#)
            && line.contains(r#"openssl dgst -sha1 -hmac "$OPTIMIZELY_WEBHOOK_SECRET" -r"#)
            && !line.contains("the-secret"),
        "{line}"
    );
}

#[test]
fn a_route_exists_if_its_secret_is_set() {
    let mut receiver = start(&[VWO]);
    let lines = receiver.lines_until("it rejects:");
    assert!(
        !lines.iter().any(|line| line.contains("the-key")),
        "{lines:?}"
    );
    assert!(!lines.iter().any(|line| line.contains("DEMONSTRATION")));
    receiver.line();

    let body = r#"{"timestamp": 1606482285, "event": "settings_changed", "action": "feature_flag_updated", "triggered_by": "vwo", "new": 1}"#;
    assert_eq!(receiver.post("/webhooks/vwo", &[AUTHENTIC], body), 200);
    let printed = receiver.line();
    assert!(printed.starts_with("accepted vwo"), "{printed}");
    let wrong = ("x-vwo-auth", "other");
    assert_eq!(receiver.post("/webhooks/vwo", &[wrong], body), 401);
    assert_eq!(receiver.post("/webhooks/vwo", &[], body), 401);
    assert_eq!(receiver.post("/webhooks/optimizely", &[], body), 404);
    let log = receiver.stop();
    assert!(
        log.contains("key_mismatch") && log.contains("header_missing"),
        "{log}"
    );
    assert!(!log.contains("the-key"), "{log}");
}

/// VWO would repeat a delivery with another response for an hour.
#[test]
fn an_authentic_vwo_body_that_is_not_a_known_event_gets_200() {
    let mut receiver = start(&[VWO]);
    receiver.lines_until("it rejects:");
    receiver.line();
    for body in ["{", "", "[]", r#"{"event": 1}"#, "{\"event\u{1b}[2J\n"] {
        assert_eq!(
            receiver.post("/webhooks/vwo", &[AUTHENTIC], body),
            200,
            "{body:?}"
        );
        let printed = receiver.line();
        assert!(
            printed.starts_with("accepted vwo, but the event is not known"),
            "{printed}"
        );
        assert!(!printed.contains('\u{1b}'), "unescaped: {printed:?}");
    }
}

#[test]
fn the_body_limit_is_a_variable() {
    let receiver = start(&[VWO, ("MAX_BODY_BYTES", "10")]);
    let post = |body: &str| receiver.post("/webhooks/vwo", &[AUTHENTIC], body);
    assert_eq!(post("0123456789"), 200);
    assert_eq!(post("0123456789a"), 413);
}

#[test]
fn the_deadline_of_a_body_is_a_variable() {
    let receiver = start(&[VWO, ("BODY_DEADLINE_MS", "50")]);
    let head = "POST /webhooks/vwo HTTP/1.1\r\nhost: test\r\nx-vwo-auth: the-key\r\n\
                content-length: 2\r\n\r\n{";
    assert_eq!(receiver.raw(head.as_bytes()), 408);
}

#[test]
fn a_variable_that_cannot_be_right_stops_the_start_with_its_name_and_a_remedy() {
    let cases: [Case; 11] = [
        (
            &[("OPTIMIZELY_WEBHOOK_SECRET", "")],
            &["OPTIMIZELY_WEBHOOK_SECRET", "secret"],
        ),
        (
            &[("OPTIMIZELY_WEBHOOK_SECRET", "  ")],
            &["OPTIMIZELY_WEBHOOK_SECRET", "secret"],
        ),
        (&[("VWO_WEBHOOK_KEY", "")], &["VWO_WEBHOOK_KEY", "secret"]),
        (
            &[("VWO_WEBHOOK_KEY", "key\n")],
            &["VWO_WEBHOOK_KEY", "secret"],
        ),
        (&[("PORT", "http")], &["PORT=\"http\"", "0 to 65535"]),
        (
            &[("MAX_BODY_BYTES", "1M")],
            &["MAX_BODY_BYTES=\"1M\"", "without a unit"],
        ),
        (
            &[("BODY_DEADLINE_MS", "30s")],
            &["BODY_DEADLINE_MS=\"30s\"", "without a unit"],
        ),
        (
            &[("HOST", "not a host")],
            &["HOST=\"not a host\"", "set HOST"],
        ),
        (
            &[("OPTIMIZELY_SECRET", "x")],
            &["did you mean OPTIMIZELY_WEBHOOK_SECRET?"],
        ),
        (
            &[("VWO_WEBHOOK_KEYS", "x")],
            &["did you mean VWO_WEBHOOK_KEY?"],
        ),
        (
            &[("HOST", "0.0.0.0"), ("PORT", "0")],
            &[
                "OPTIMIZELY_WEBHOOK_SECRET or VWO_WEBHOOK_KEY is not set",
                "HOST=127.0.0.1",
            ],
        ),
    ];
    for (variables, parts) in cases {
        let error = testing::start_error(RECEIVER, variables);
        for part in parts {
            assert!(error.contains(part), "{variables:?}: {error}");
        }
    }
}

#[test]
fn an_address_in_use_is_named() {
    let receiver = start(&[]);
    let port = receiver.address.port().to_string();
    let error = testing::start_error(RECEIVER, &[("PORT", &port)]);
    let begin = format!("error: cannot listen on {}: ", receiver.address);
    assert!(
        error.starts_with(&begin) && error.contains("set PORT"),
        "{error}"
    );
}

#[test]
fn sigterm_ends_it_although_a_request_head_is_unfinished() {
    let receiver = start(&[]);
    let _heads: Vec<_> = (0..20)
        .map(|_| receiver.connect(b"POST /webhooks/optimizely HTTP/1.1\r\nhost: x\r\nX-Hub"))
        .collect();
    assert_eq!(receiver.get("/"), 200);
    let begin = Instant::now();
    receiver.signal("TERM");
    let log = receiver.ended();
    assert!(log.contains("stopping: 0 requests in progress"), "{log}");
    assert!(log.contains("at most 10s"), "{log}");
    // One second in fact. The limit is generous for a slow machine.
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let receiver = start(&[("OPTIMIZELY_WEBHOOK_SECRET", SECRET)]);
    // The layer waits for the rest of the body, for at most 30 seconds.
    let mut body = receiver.connect(
        format!(
            "POST /webhooks/optimizely HTTP/1.1\r\nhost: x\r\n{}: {}\r\nexpect: 100-continue\r\n\
             content-length: 9\r\n\r\n",
            SIGNATURE.0, SIGNATURE.1
        )
        .as_bytes(),
    );
    let mut interim = [0; 12];
    body.read_exact(&mut interim).expect("the body is awaited");
    assert_eq!(&interim, b"HTTP/1.1 100");
    body.write_all(b"{").expect("a part of the body");
    let begin = Instant::now();
    receiver.signal("INT");
    receiver.signal("TERM");
    let log = receiver.ended();
    assert!(log.contains("1 requests were dropped"), "{log}");
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_log_without_a_reader_stops_no_request_and_a_flood_is_limited() {
    let mut receiver = start(&[]);
    let mut log = receiver.stalled_log();
    for _ in 0..2000 {
        assert_eq!(receiver.post("/webhooks/optimizely", &[], "{}"), 401);
    }
    assert_eq!(receiver.get("/"), 200);
    receiver.stop_without_log();
    let mut text = String::new();
    log.read_to_string(&mut text).expect("text");
    let lines = text.lines().count();
    // 32 in a burst, then one per second.
    assert!((32..400).contains(&lines), "{lines} lines");
}
