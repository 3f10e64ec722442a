//! What the logs say, and what they must not.
#![cfg(feature = "tracing")]

mod common;

use std::{
    io,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_executor::block_on;
use http::{Request, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service as _, ServiceExt};
use tower_webhook_auth::{
    Keys, Piece, Provider, Secret, SignatureScheme, Verified, WebhookAuth, WebhookAuthLayer,
    provider,
};
use tracing::{Level, Subscriber};

// From https://docs.developers.optimizely.com/feature-experimentation/docs/configure-webhooks.
const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
const MAC: &str = "b2493723c6ea6973fbda41573222c8ecb1c82666";
const BODY: &str = concat!(
    r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "#,
    r#""https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "#,
    r#""Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "#,
    r#""revision": 13}, "event": "project.datafile_updated"}"#,
);
const FORGED: &str = "0123456789abcdef0123456789abcdef01234567";

type Service = WebhookAuth<common::Inner, provider::optimizely::Event>;

fn layer() -> WebhookAuthLayer<provider::optimizely::Event> {
    let secret = Secret::new(SECRET).expect("a secret");
    WebhookAuthLayer::new(provider::optimizely(secret))
}

fn deliver(service: &Service, signature: &str) -> StatusCode {
    let request = Request::post("/")
        .header("x-hub-signature", format!("sha1={signature}"))
        .body(Full::<Bytes>::from(BODY))
        .expect("a request");
    let response = block_on(service.clone().oneshot(request));
    response.expect("an infallible service").status()
}

/// Everything that is told while `act` runs, at the finest level, a line for each event and for the
/// end of each span.
fn told(act: impl FnOnce()) -> Vec<String> {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.subscriber(), act);
    let bytes = lines.0.lock().expect("no test panicked").clone();
    let text = String::from_utf8(bytes).expect("text");
    text.lines().map(str::to_owned).collect()
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn subscriber(&self) -> impl Subscriber + Send + Sync + 'static {
        let lines = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || lines.clone())
            .finish()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no test panicked")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_refusal_is_one_warning_with_its_reason() {
    let service = layer().layer(common::Inner::default());
    let told = told(|| {
        assert_eq!(deliver(&service, FORGED), StatusCode::UNAUTHORIZED);
        assert_eq!(deliver(&service, "0123"), StatusCode::UNAUTHORIZED);
    });
    assert_eq!(
        told,
        [
            format!(
                " WARN tower_webhook_auth: webhook refused webhook.provider=\"optimizely\" \
                 webhook.reason=\"signature_mismatch\" webhook.body_bytes={} webhook.suppressed=0",
                BODY.len()
            ),
            " WARN tower_webhook_auth: webhook refused webhook.provider=\"optimizely\" \
             webhook.reason=\"header_malformed\" webhook.header=\"x-hub-signature\" \
             webhook.body_bytes=0 webhook.suppressed=0"
                .to_owned(),
        ]
    );
}

#[test]
fn nothing_secret_and_nothing_presented_is_told() {
    let told = told(|| {
        let layer = layer().max_body_bytes(BODY.len());
        tracing::info!(?layer, "built");
        let service = layer.layer(common::Inner::default());
        tracing::info!(?service, "built");
        assert_eq!(deliver(&service, MAC), StatusCode::OK);
        assert_eq!(deliver(&service, FORGED), StatusCode::UNAUTHORIZED);
        // Authentic, but no event: the parser's message would quote it.
        let service = WebhookAuthLayer::new(
            provider::optimizely(Secret::new(SECRET).expect("a secret"))
                .parse_with(|body| Err(format!("{body:?} is no event").into())),
        )
        .layer(common::Inner::default());
        let request = Request::post("/")
            .header("x-hub-signature", format!("sha1={MAC}"))
            .body(Full::<Bytes>::from(BODY))
            .expect("a request");
        let response: Result<http::Response<_>, _> =
            block_on(<WebhookAuth<common::Inner, ()> as ServiceExt<
                Request<Full<Bytes>>,
            >>::oneshot(service, request));
        let status = response.expect("an infallible service").status();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        // A shared key is itself in the head.
        let service = WebhookAuthLayer::new(provider::vwo(Secret::new(SECRET).expect("a secret")))
            .layer(common::Inner::default());
        for (key, expected) in [(SECRET, StatusCode::OK), (FORGED, StatusCode::UNAUTHORIZED)] {
            let request = Request::post("/")
                .header("x-vwo-auth", key)
                .body(Full::<Bytes>::from(r#"{"timestamp":1,"event":""}"#))
                .expect("a request");
            let response = block_on(service.clone().oneshot(request));
            let status = response.expect("an infallible service").status();
            assert_eq!(status, expected);
        }
    });
    let text = told.join("\n");
    for reason in ["signature_mismatch", "event_unparseable", "key_mismatch"] {
        assert!(text.contains(reason), "{text}");
    }
    for hidden in [SECRET, MAC, FORGED, "QMVJcUKEJZFg8pQ2jhAybK"] {
        assert!(!text.contains(hidden), "{hidden} was told:\n{text}");
    }
}

#[test]
fn a_thousand_refusals_in_one_instant_are_told_by_few_events_that_count_the_others() {
    let seconds = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = {
        let seconds = Arc::clone(&seconds);
        move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst))
    };
    let layer = layer().clock(clock);
    // Clones and services of one layer share the bound, whatever else is set for them.
    let services = [
        layer.clone().layer(common::Inner::default()),
        layer
            .clone()
            .expose_acceptance()
            .layer(common::Inner::default()),
        layer.layer(common::Inner::default()),
    ];
    let flood = told(|| {
        for service in services.iter().cycle().take(1_000) {
            assert_eq!(deliver(service, FORGED), StatusCode::UNAUTHORIZED);
        }
    });
    assert_eq!(flood.len(), 32);
    assert!(
        flood
            .iter()
            .all(|line| line.ends_with("webhook.suppressed=0"))
    );

    seconds.fetch_add(1, Ordering::SeqCst);
    let next = told(|| {
        for service in &services {
            assert_eq!(deliver(service, FORGED), StatusCode::UNAUTHORIZED);
        }
    });
    assert_eq!(next.len(), 1);
    assert!(
        next[0].ends_with("webhook.suppressed=968"),
        "{next:?} does not count the others"
    );
}

/// A clock is the user's: what it does must not meet a lock of ours. This would wait for ever.
#[test]
fn a_clock_may_come_back_to_the_layer_that_asks_it() {
    let service = Arc::new(OnceLock::<Service>::new());
    let clock = {
        let service = Arc::clone(&service);
        let asked = AtomicU64::new(0);
        move || {
            if asked.fetch_add(1, Ordering::Relaxed) == 0 {
                let unsigned = Request::new(Full::<Bytes>::from(BODY));
                drop(service.get().expect("a service").clone().call(unsigned));
            }
            SystemTime::now()
        }
    };
    let layered = service.get_or_init(|| layer().clock(clock).layer(common::Inner::default()));
    let lines = told(|| {
        deliver(layered, FORGED);
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn a_span_that_declares_the_fields_gets_them() {
    let service = layer().layer(common::Inner::default());
    let told = told(|| {
        let span = || {
            tracing::info_span!(
                "delivery",
                webhook.provider = tracing::field::Empty,
                webhook.key = tracing::field::Empty,
                webhook.reason = tracing::field::Empty,
                webhook.delivery_id = tracing::field::Empty,
            )
        };
        span().in_scope(|| assert_eq!(deliver(&service, MAC), StatusCode::OK));
        span().in_scope(|| assert_eq!(deliver(&service, FORGED), StatusCode::UNAUTHORIZED));
        // One that declares nothing is left alone.
        tracing::info_span!("bare").in_scope(|| deliver(&service, MAC));
    });
    let spans: Vec<&String> = told.iter().filter(|line| line.contains("close")).collect();
    assert_eq!(spans.len(), 3, "{told:?}");
    assert!(spans[0].contains(r#"{webhook.provider="optimizely" webhook.key="default"}"#));
    assert!(
        spans[1].contains(r#"{webhook.provider="optimizely" webhook.reason="signature_mismatch"}"#)
    );
    assert!(spans[2].contains("bare: "), "{spans:?}");
}

#[test]
fn a_delivery_id_is_told_only_where_the_signature_covers_it() {
    // HMAC-SHA256 by OpenSSL: `printf 'msg_1.{}' | openssl dgst -sha256 -hmac wJ4mX9`.
    const OVER_ID_AND_BODY: &str =
        "cf3cc46057bbce6a84a1c4168b8aab0a16a7a4705f3858aba9a95ccd27509b1e";
    // The same over `{}` alone.
    const OVER_BODY: &str = "dee54b1ab89eefe764ef71911cacf8a0b51c78edec4109159c1c4c5f41b1c66a";
    let described = || SignatureScheme::hmac_sha256("x-signature").id_header("x-id");
    let signed = described()
        .signed([Piece::Id, Piece::Literal(".".into()), Piece::Body])
        .build();
    let unsigned = described().build();
    for (scheme, signature, expected) in [
        (signed, OVER_ID_AND_BODY, r#"webhook.delivery_id="msg_1""#),
        (unsigned, OVER_BODY, r#"webhook.key="2026-11"}"#),
    ] {
        let keys = Keys::named([("2026-11", Secret::new("wJ4mX9").expect("a secret"))]);
        let provider = Provider::new("acme", scheme.expect("a scheme"), keys.expect("keys"));
        let service = WebhookAuthLayer::new(provider.expect("a provider"));
        let request = Request::post("/")
            .header("x-signature", signature)
            .header("x-id", "msg_1")
            .body(Full::<Bytes>::from("{}"))
            .expect("a request");
        let told = told(|| {
            let span = tracing::info_span!(
                "delivery",
                webhook.key = tracing::field::Empty,
                webhook.delivery_id = tracing::field::Empty,
            );
            let service = service.layer(common::Inner::default());
            let response = span.in_scope(|| block_on(service.oneshot(request)));
            let status = response.expect("an infallible service").status();
            assert_eq!(status, StatusCode::OK);
        });
        assert!(told[0].contains(expected), "{told:?}");
    }
}

#[cfg(feature = "axum")]
#[test]
fn a_layer_that_is_missing_is_an_error_that_names_the_type() {
    use axum::{extract::FromRequestParts, response::IntoResponse};

    let lines = told(|| {
        let (mut head, ()) = Request::new(()).into_parts();
        let event = Verified::<provider::optimizely::Event>::from_request_parts(&mut head, &());
        let response = block_on(event).expect_err("no layer").into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    });
    let [line] = &lines[..] else {
        panic!("one line: {lines:?}");
    };
    assert!(line.contains("ERROR tower_webhook_auth: "), "{line}");
    assert!(
        line.ends_with(
            "no WebhookAuthLayer for events of type \
         tower_webhook_auth::provider::optimizely::Event is around the route"
        ),
        "{line}"
    );
}
