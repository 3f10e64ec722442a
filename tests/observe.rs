//! What the log contains, and what it must not contain.
#![cfg(all(feature = "testing", feature = "tracing"))]

mod common;

use std::{
    io,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_executor::block_on;
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tower::{Layer, Service as _, ServiceExt};
#[cfg(feature = "axum")]
use tower_webhook_auth::{EventTypeMismatch, MissingLayer};
use tower_webhook_auth::{
    Keys, Piece, Provider, Scheme, Secret, SharedKeyScheme, SignatureScheme, Verified, WebhookAuth,
    WebhookAuthLayer, provider, testing::Signer,
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

/// The messages of two rejections.
const MISMATCH: &str =
    "no signature matches any configured key: x-hub-signature: tried \"default\"";
const MALFORMED: &str = "header is malformed: x-hub-signature: expected \"sha1=\" and 40 hexadecimal \
                         digits, found 4 hexadecimal digits";

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

/// All log lines while `act` runs, at the finest level: one for each event and for the end of each
/// span.
fn logged(act: impl FnOnce()) -> Vec<String> {
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
fn a_rejection_is_one_warning_with_its_reason() {
    let service = layer().layer(common::Inner::default());
    let lines = logged(|| {
        assert_eq!(deliver(&service, FORGED), StatusCode::UNAUTHORIZED);
        assert_eq!(deliver(&service, "0123"), StatusCode::UNAUTHORIZED);
    });
    assert_eq!(
        lines,
        [
            format!(
                " WARN tower_webhook_auth: webhook rejected webhook.provider=\"optimizely\" \
                 webhook.reason=\"signature_mismatch\" webhook.detail={MISMATCH} \
                 webhook.header=\"x-hub-signature\" webhook.method=POST webhook.path=/ webhook.body_bytes={} webhook.suppressed=0",
                BODY.len()
            ),
            format!(
                " WARN tower_webhook_auth: webhook rejected webhook.provider=\"optimizely\" \
                 webhook.reason=\"header_malformed\" webhook.detail={MALFORMED} \
                 webhook.header=\"x-hub-signature\" webhook.method=POST webhook.path=/ \
                 webhook.body_bytes=0 webhook.suppressed=0"
            ),
        ]
    );
}

#[test]
fn no_secret_and_no_received_value_is_logged() {
    let lines = logged(|| {
        let layer = layer().max_body_bytes(BODY.len());
        tracing::info!(?layer, "built");
        let service = layer.layer(common::Inner::default());
        tracing::info!(?service, "built");
        assert_eq!(deliver(&service, MAC), StatusCode::OK);
        assert_eq!(deliver(&service, FORGED), StatusCode::UNAUTHORIZED);
        // Authentic, but not an event: the parser's message quotes the body.
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
        // A shared key is in the request head itself.
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
    let text = lines.join("\n");
    for reason in ["signature_mismatch", "event_unparseable", "key_mismatch"] {
        assert!(text.contains(reason), "{text}");
    }
    for hidden in [SECRET, MAC, FORGED, "QMVJcUKEJZFg8pQ2jhAybK"] {
        assert!(!text.contains(hidden), "{hidden} was logged:\n{text}");
    }
}

#[test]
fn few_of_a_thousand_rejections_at_once_are_logged_and_the_others_are_counted() {
    let seconds = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = {
        let seconds = Arc::clone(&seconds);
        move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst))
    };
    let layer = layer().clock(clock);
    // Clones and services of one layer share the limit, also with other options.
    let services = [
        layer.clone().layer(common::Inner::default()),
        layer
            .clone()
            .expose_acceptance()
            .layer(common::Inner::default()),
        layer.layer(common::Inner::default()),
    ];
    let flood = logged(|| {
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
    let next = logged(|| {
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

/// Statsig's set-up request. Its code, which the answer repeats, stays out of the log.
#[test]
fn an_answered_set_up_request_is_one_event_of_level_info_without_its_body() {
    let clock = Arc::new(AtomicU64::new(0));
    let now = {
        let clock = Arc::clone(&clock);
        move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst))
    };
    let secret = Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").expect("a secret");
    let statsig = provider::by_name("statsig", secret, None).expect("a preset");
    let service = WebhookAuthLayer::new(statsig.answer_setup().expect("a set-up request"))
        .clock(now)
        .layer(common::Inner::default());
    let set_up = || {
        const BODY: &str = r#"{"data":{"event":"url_verification","verification_code":"abc-123"}}"#;
        let request = Request::post("/").body(Full::<Bytes>::from(BODY));
        let response = block_on(service.clone().oneshot(request.expect("a request")));
        assert_eq!(response.expect("infallible").status(), StatusCode::OK);
    };
    let line = |suppressed| {
        format!(
            " INFO tower_webhook_auth: webhook set-up request answered webhook.provider=\"statsig\" \
             webhook.signed=false webhook.suppressed={suppressed}"
        )
    };
    assert_eq!(logged(set_up), [line(0)]);

    let flood = logged(|| (0..100).for_each(|_| set_up()));
    assert_eq!(flood.len(), 31);
    clock.fetch_add(1, Ordering::SeqCst);
    assert_eq!(logged(set_up), [line(69)]);
}

/// A clock is code of the user and may call the layer. A lock held meanwhile would be a deadlock.
#[test]
fn a_clock_may_call_the_layer_that_reads_it() {
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
    let lines = logged(|| {
        deliver(layered, FORGED);
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn the_tenant_is_on_the_span_and_in_the_warning_and_all_tenants_share_one_limit() {
    use tower_webhook_auth::tenants::{Selection, Unverified};

    let source = |delivery: Unverified<'_>| {
        let tenant = delivery.uri().path().trim_start_matches('/').to_owned();
        Selection::LookUp(async move {
            if tenant == "outage" {
                return Err("no route\nto the database".into());
            }
            let keys = Keys::from(Secret::new(SECRET).expect("a secret"));
            Ok(Some(keys.of_tenant(tenant)))
        })
    };
    let service = layer()
        .clock(|| SystemTime::UNIX_EPOCH)
        .keys_from(source)
        .layer(common::Inner::default());
    let deliver = |path: &str, signature: &str| {
        let request = Request::post(path)
            .header("x-hub-signature", format!("sha1={signature}"))
            .body(Full::<Bytes>::from(BODY))
            .expect("a request");
        let response = block_on(service.clone().oneshot(request));
        response.expect("an infallible service").status()
    };
    let lines = logged(|| {
        tracing::info_span!("delivery", webhook.tenant = tracing::field::Empty)
            .in_scope(|| assert_eq!(deliver("/acme", MAC), StatusCode::OK));
        for tenant in 0..100 {
            let path = format!("/tenant-{tenant}");
            assert_eq!(deliver(&path, FORGED), StatusCode::UNAUTHORIZED);
        }
        assert_eq!(deliver("/outage", MAC), StatusCode::SERVICE_UNAVAILABLE);
    });
    assert!(
        lines[0].contains(r#"delivery{webhook.tenant="acme"}"#),
        "{lines:?}"
    );
    let mismatches: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("signature_mismatch"))
        .collect();
    assert_eq!(mismatches.len(), 32);
    assert!(
        mismatches[31].contains(r#"webhook.tenant="tenant-31""#),
        "{mismatches:?}"
    );
    // The error of the source is on one line.
    let outage = lines.last().expect("a line");
    assert!(
        outage.contains(r"webhook.key_error=no route\nto the database"),
        "{outage}"
    );
}

#[test]
fn a_span_receives_the_fields_that_it_declares() {
    let service = layer().layer(common::Inner::default());
    let lines = logged(|| {
        let span = || {
            tracing::info_span!(
                "delivery",
                webhook.provider = tracing::field::Empty,
                webhook.key = tracing::field::Empty,
                webhook.body_is_signed = tracing::field::Empty,
                webhook.reason = tracing::field::Empty,
                webhook.delivery_id = tracing::field::Empty,
            )
        };
        span().in_scope(|| assert_eq!(deliver(&service, MAC), StatusCode::OK));
        span().in_scope(|| assert_eq!(deliver(&service, FORGED), StatusCode::UNAUTHORIZED));
        // A span that declares none of them is not changed.
        tracing::info_span!("bare").in_scope(|| deliver(&service, MAC));
    });
    let spans: Vec<&String> = lines.iter().filter(|line| line.contains("close")).collect();
    assert_eq!(spans.len(), 3, "{lines:?}");
    assert!(spans[0].contains(
        r#"{webhook.provider="optimizely" webhook.key="default" webhook.body_is_signed=true}"#
    ));
    assert!(
        spans[1].contains(r#"{webhook.provider="optimizely" webhook.reason="signature_mismatch"}"#)
    );
    assert!(spans[2].contains("bare: "), "{spans:?}");
}

#[test]
fn a_span_receives_the_way_in_which_a_delivery_was_verified() {
    let ways = [
        (
            "signature",
            SignatureScheme::hmac_sha256("x-signature").build(),
        ),
        ("token", SharedKeyScheme::new("x-token").build()),
    ];
    let ways = ways.map(|(name, scheme)| (name, scheme.expect("a scheme")));
    let scheme = Scheme::any_of(ways).expect("two ways");
    let secret = Secret::new("wJ4mX9").expect("a secret");
    let provider = Provider::new("acme", scheme, secret).expect("a provider");
    let service = WebhookAuthLayer::new(provider).layer(common::Inner::default());
    let request = Request::post("/")
        .header("x-token", "wJ4mX9")
        .body(Full::<Bytes>::from("{}"))
        .expect("a request");
    let lines = logged(|| {
        let span = tracing::info_span!("delivery", webhook.way = tracing::field::Empty);
        let response = span.in_scope(|| block_on(service.oneshot(request)));
        let status = response.expect("an infallible service").status();
        assert_eq!(status, StatusCode::OK);
    });
    assert!(lines[0].contains(r#"{webhook.way="token"}"#), "{lines:?}");
}

/// The clock of an owner may cost more than a look at a counter.
#[test]
fn a_subscriber_for_errors_only_gets_no_rejection_and_reads_no_clock() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let clock = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        SystemTime::UNIX_EPOCH
    };
    let service = layer().clock(clock).layer(common::Inner::default());
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::ERROR)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        assert_eq!(deliver(&service, FORGED), StatusCode::UNAUTHORIZED);
    });
    assert_eq!(lines.0.lock().expect("no test panicked").len(), 0);
    assert_eq!(reads.load(Ordering::SeqCst), 0);
}

#[test]
fn a_delivery_id_is_recorded_only_if_the_signature_covers_it() {
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
        let lines = logged(|| {
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
        assert!(lines[0].contains(expected), "{lines:?}");
    }
}

#[cfg(feature = "axum")]
#[test]
fn a_missing_layer_is_an_error_that_names_the_type() {
    use axum::{extract::FromRequestParts, response::IntoResponse};

    let lines = logged(|| {
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
        line.contains("asks for Verified<tower_webhook_auth::provider::optimizely::Event>"),
        "{line}"
    );
}

#[cfg(feature = "axum")]
#[test]
fn a_handler_that_asks_for_another_event_is_an_error_that_names_both_types() {
    use axum::{Router, routing::post};

    struct StripeEvent;

    async fn handler(_: Verified<StripeEvent>) {}

    let router: Router = Router::new().route("/", post(handler)).route_layer(layer());
    let lines = logged(|| {
        let request = Request::post("/")
            .header("x-hub-signature", format!("sha1={MAC}"))
            .body(axum::body::Body::from(BODY))
            .expect("a request");
        let response = block_on(router.oneshot(request)).expect("an infallible service");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let mismatch = response.extensions().get::<EventTypeMismatch>();
        let mismatch = mismatch.expect("the error is in the extensions");
        assert_eq!(mismatch.provider(), "optimizely");
        assert!(mismatch.provided().ends_with("optimizely::Event"));
        assert!(mismatch.requested().ends_with("StripeEvent"));
        assert!(response.extensions().get::<MissingLayer>().is_some());
    });
    let [_, line] = &lines[..] else {
        panic!("two lines: {lines:?}");
    };
    assert!(line.contains("ERROR tower_webhook_auth: the layer for \"optimizely\" provides "));
    assert!(line.contains("Verified<tower_webhook_auth::provider::optimizely::Event>"));
    assert!(line.contains("::StripeEvent>() to the provider"), "{line}");
}

/// Two versions of a crate have types with equal names.
#[cfg(feature = "axum")]
#[test]
fn two_event_types_with_the_same_name_are_told_apart() {
    use axum::{Router, routing::post};

    let router = {
        #[derive(serde::Deserialize)]
        struct Event {}

        async fn handler(_: Verified<Event>) {}

        Router::new().route("/", post(handler))
    };
    let layer = {
        #[derive(Clone, serde::Deserialize)]
        struct Event {}
        let secret = Secret::new(SECRET).expect("a secret");
        WebhookAuthLayer::new(provider::optimizely(secret).json::<Event>())
    };
    let router: Router = router.route_layer(layer);
    let request = Request::post("/")
        .header("x-hub-signature", format!("sha1={MAC}"))
        .body(axum::body::Body::from(BODY))
        .expect("a request");
    let response = block_on(router.oneshot(request)).expect("an infallible service");
    let mismatch = response.extensions().get::<EventTypeMismatch>();
    let mismatch = mismatch.expect("the error is in the extensions");
    assert_eq!(mismatch.provided(), mismatch.requested());
    let text = mismatch.to_string();
    assert!(
        text.ends_with("they come from two versions of a crate"),
        "{text}"
    );
}

/// Untrusted clients can cause these errors as well.
#[cfg(feature = "axum")]
#[test]
fn errors_about_event_types_are_limited_in_rate() {
    use axum::{Router, routing::post};

    async fn handler(_: Verified<u8>) {}

    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let router: Router = Router::new()
        .route("/", post(handler))
        .route_layer(layer().clock(move || now));
    let lines = logged(|| {
        for _ in 0..100 {
            let request = Request::post("/")
                .header("x-hub-signature", format!("sha1={MAC}"))
                .body(axum::body::Body::from(BODY))
                .expect("a request");
            let response = block_on(router.clone().oneshot(request));
            let status = response.expect("an infallible service").status();
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        }
    });
    let mismatches = lines.iter().filter(|line| line.contains("the layer for"));
    assert_eq!(mismatches.count(), 32);
}

/// An attacker can cause one reason at any rate. The reasons that the owner looks for must still
/// appear.
#[test]
fn a_flood_of_one_reason_does_not_hide_another_reason() {
    let seconds = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = {
        let seconds = Arc::clone(&seconds);
        move || SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::SeqCst))
    };
    let service = layer().clock(clock).layer(common::Inner::default());
    let lines = logged(|| {
        for second in 0..600 {
            for _ in 0..10 {
                assert_eq!(deliver(&service, ""), StatusCode::UNAUTHORIZED);
            }
            // A sender that still has the old secret.
            if second % 10 == 0 {
                assert_eq!(deliver(&service, FORGED), StatusCode::UNAUTHORIZED);
            }
            seconds.fetch_add(1, Ordering::SeqCst);
        }
    });
    let of = |reason| {
        lines
            .iter()
            .filter(|line| line.contains(reason))
            .collect::<Vec<_>>()
    };
    let mismatches = of("signature_mismatch");
    assert_eq!(mismatches.len(), 60);
    // The number of suppressed events is that of the same reason.
    for line in mismatches {
        assert!(line.ends_with("webhook.suppressed=0"), "{line}");
    }
    let malformed = of("header_malformed");
    assert_eq!(malformed.len(), 32 + 599);
    assert!(malformed[600].ends_with("webhook.suppressed=9"));
}

#[test]
fn the_method_and_the_path_are_logged_escaped_and_without_the_query() {
    let service = layer().layer(common::Inner::default());
    let log = |method: &str, uri: &str| {
        let lines = logged(|| {
            let request = Request::builder()
                .method(method)
                .uri(uri)
                .body(Full::<Bytes>::default())
                .expect("a request");
            let response = block_on(service.clone().oneshot(request));
            drop(response.expect("an infallible service"));
        });
        lines.concat()
    };
    let line = log("PUT", "https://example.com/webhooks/a%0Ab?token=hidden");
    assert!(
        line.contains(" webhook.method=PUT webhook.path=/webhooks/a%0Ab webhook.body_bytes=0"),
        "{line}"
    );
    assert!(!line.contains("hidden"), "{line}");

    let line = log(&"M".repeat(100), &format!("/{}", "\u{202e}".repeat(300)));
    let method = "M".repeat(32);
    let path = "\\u{202e}".repeat(255);
    assert!(
        line.contains(&format!(
            " webhook.method={method}... webhook.path=/{path}... "
        )),
        "{line}"
    );
}

/// The lines of the log for a delivery whose body is not the expected event.
fn logged_unparseable<E: Send + Sync + 'static>(
    layer: WebhookAuthLayer<E>,
    body: &'static str,
) -> String {
    let secret = Secret::new(SECRET).expect("a secret");
    let sender = provider::optimizely(secret.clone());
    let signer = Signer::new(&sender, &secret).expect("a signer");
    let lines = logged(|| {
        let service = layer.layer(common::Inner::default());
        let response = block_on(service.oneshot(signer.request(body)));
        let status = response.expect("an infallible service").status();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.concat()
}

#[test]
fn a_parsers_message_is_logged_only_if_the_layer_asks_for_it() {
    const HINT: &str = "; `log_parse_errors` logs the parser's message webhook.";
    let optimizely = || provider::optimizely(Secret::new(SECRET).expect("a secret"));
    let closure = || {
        WebhookAuthLayer::new(optimizely().parse_with(|body| -> Result<(), _> {
            Err(format!("no {body:?}\n\x1b[2J{body:?}").into())
        }))
    };
    let line = logged_unparseable(closure(), BODY);
    let message = "webhook.parse_error=the body is not the expected event";
    assert!(line.contains(&format!(" {message}{HINT}")), "{line}");

    let line = logged_unparseable(closure().log_parse_errors(), BODY);
    assert!(line.contains(r#" webhook.parse_error=no b"{"#), "{line}");
    assert!(line.is_ascii() && !line.contains('\x1b'), "{line:?}");
    assert!(line.contains("... webhook.method=POST "), "{line}");
    assert!(line.len() < 1200, "{line}");

    // Without the option the message of serde is reduced to the position.
    let json =
        || WebhookAuthLayer::new(optimizely().json::<std::collections::BTreeMap<String, u8>>());
    let body = r#"{"a": 1, "b": "quoted"}"#;
    let line = logged_unparseable(json(), body);
    assert!(
        line.contains(&format!(" {message}: see line 1 column 22{HINT}")),
        "{line}"
    );
    assert!(!line.contains("quoted"), "{line}");
    let line = logged_unparseable(json().log_parse_errors(), body);
    assert!(
        line.contains(r#" webhook.parse_error=invalid type: string "quoted", expected u8 "#),
        "{line}"
    );

    // A value that was parsed before has no position.
    let parsed_before = optimizely().parse_with(|body| {
        let value: serde_json::Value = serde_json::from_slice(body)?;
        Ok(serde_json::from_value::<u8>(value)?)
    });
    let line = logged_unparseable(WebhookAuthLayer::new(parsed_before), body);
    assert!(line.contains(&format!(" {message}{HINT}")), "{line}");
}

/// The message of an `EventError` never quotes the body.
#[test]
fn the_wrong_field_of_an_event_of_this_crate_is_logged() {
    let optimizely =
        || WebhookAuthLayer::new(provider::optimizely(Secret::new(SECRET).expect("a secret")));
    let body = r#"{"project_id":42,"timestamp":1,"event":"project.datafile_updated","data":{"revision":7}}"#;
    let message =
        " webhook.parse_error=`data.cdn_url` is missing: expected a text webhook.method=POST ";
    let line = logged_unparseable(optimizely(), body);
    assert!(line.contains(message), "{line}");

    // The position in an element of a list is not the position in the body.
    let secret = || Secret::new(SECRET).expect("a secret");
    let list = WebhookAuthLayer::new(provider::optimizely(secret()).json_batch::<u8>());
    let line = logged_unparseable(list, r#"["quoted"]"#);
    let message =
        " webhook.parse_error=`[0]`: the body is not the expected event; `log_parse_errors` logs";
    assert!(line.contains(message), "{line}");

    let line = logged_unparseable(optimizely(), "quoted");
    let message =
        " webhook.parse_error=the body is not JSON: see line 1 column 1; `log_parse_errors`";
    assert!(line.contains(message), "{line}");
    assert!(!line.contains("quoted"), "{line}");
}

/// The messages of other errors can quote what an untrusted client sent.
#[test]
fn the_cause_of_an_incomplete_body_is_not_logged() {
    let lines = logged(|| {
        let body = StreamBody::new(futures_util::stream::iter([Err::<Frame<Bytes>, _>(
            std::io::Error::other("quoted input"),
        )]));
        let request = Request::post("/")
            .header("x-hub-signature", format!("sha1={MAC}"))
            .body(body)
            .expect("a request");
        let service = layer().log_parse_errors().layer(common::Inner::default());
        let response = block_on(service.oneshot(request));
        let status = response.expect("an infallible service").status();
        assert_eq!(status, StatusCode::BAD_REQUEST);
    });
    assert!(lines[0].contains("body_unreadable"), "{lines:?}");
    assert!(!lines[0].contains("quoted input"), "{lines:?}");
}
