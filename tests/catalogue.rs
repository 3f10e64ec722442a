//! Every preset of `provider::catalogue()`: verified with the vendors' examples, with deliveries that it
//! signs itself, and compared with the documentation that is generated from the catalogue.
//!
//! A new preset is one row in a file of `src/provider/`. This file finds it in the catalogue.
//! `UPDATE_CATALOGUE=1 cargo test --all-features --test catalogue` writes its documentation.
#![cfg(all(
    feature = "testing",
    feature = "ed25519",
    feature = "ecdsa-p256",
    feature = "rsa"
))]

mod common;
#[path = "common/page.rs"]
mod page;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    Authentication, Claim, ConfigError, Keys, Provider, Rejection, RejectionKind, Secret,
    SignedUrl, Verified, WebhookAuthLayer,
    provider::{self, Field, HeaderRole, Sender, SenderKind, Way, Window},
    testing::Signer,
};

use self::common::case;

/// Presets without a case in `tests/vectors/`, and why.
const WITHOUT_CASE: [(&str, &str); 19] = [
    ("clickup", NO_EXAMPLE),
    ("cloudflare_stream", NO_EXAMPLE),
    (
        "discord",
        "no example was found; a key made in this file signs in its place",
    ),
    ("docusign", NO_EXAMPLE),
    ("elevenlabs", NO_EXAMPLE),
    ("flagsmith_change_tracking", NO_EXAMPLE),
    ("forgejo", NO_EXAMPLE),
    ("ko_fi", "a shared key: there is nothing to compute"),
    ("livechat", "a shared key: there is nothing to compute"),
    ("meta", NO_EXAMPLE),
    ("monday", NO_EXAMPLE),
    (
        "optimizely_cmp",
        "a shared key: there is nothing to compute",
    ),
    (
        "gitlab_migration",
        "the examples of both ways are under gitlab_signing_token and gitlab_token",
    ),
    ("polar", NO_EXAMPLE),
    (
        "replicate",
        "the scheme is Standard Webhooks, which has examples",
    ),
    ("revenuecat", "a shared key: there is nothing to compute"),
    ("sentry", NO_EXAMPLE),
    ("telegram", "a shared key: there is nothing to compute"),
    ("woocommerce", NO_EXAMPLE),
];

const NO_EXAMPLE: &str = "no example with key and signature was found";

/// Senders of which the vectors have cases, and for which there is no preset.
const WITHOUT_PRESET: [&str; 1] = ["solidgate"];

#[test]
fn every_preset_has_an_accepted_case_or_a_reason_for_none() {
    let cases = cases();
    let mut wrong = Vec::new();
    let without: BTreeMap<_, _> = WITHOUT_CASE.into();
    for sender in provider::catalogue() {
        let name = sender.name;
        let accepted = cases_of(cases, name).any(|case| case["expect"] == "accept");
        match (accepted, without.contains_key(name)) {
            (false, false) => wrong.push(format!(
                "provider::{name} has no accepted case in tests/vectors/: add one with \
                 \"presets\": [{name:?}], or give the reason in WITHOUT_CASE"
            )),
            (true, true) => wrong.push(format!("provider::{name} has a case: strike its reason")),
            _ => {}
        }
    }
    let names: BTreeSet<_> = provider::catalogue()
        .iter()
        .map(|sender| sender.name)
        .collect();
    for case in cases {
        let presets = case::one_or_many(&case["presets"]);
        let sender = case::text(&case["provider"]);
        if presets.is_empty() && !WITHOUT_PRESET.contains(&sender) {
            wrong.push(format!("a case of {sender:?} names no preset"));
        }
        for preset in presets.into_iter().filter(|preset| !names.contains(preset)) {
            wrong.push(format!(
                "a case of {sender:?} names {preset:?}, which is no preset"
            ));
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rows_of_the_catalogue_are_complete_and_in_order() {
    let mut wrong = Vec::new();
    let mut last: BTreeMap<SenderKind, &str> = BTreeMap::new();
    for sender in provider::catalogue() {
        let name = sender.name;
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("{name}: {what}"));
            }
        };
        let ways = sender.ways();
        must(!ways.is_empty(), "its scheme cannot be built");
        must(
            sender.links.iter().all(|link| link.starts_with("https://")),
            "a link does not begin with https://",
        );
        let date: Vec<_> = sender.checked.split('-').map(str::len).collect();
        must(date == [4, 2, 2], "the date of the check is not YYYY-MM-DD");
        must(
            (sender.event_type.contains("::") || sender.typed.is_some())
                == sender.example.is_some(),
            "an event type needs an example, and only an event type",
        );
        for text in [sender.answer, sender.retries, sender.setup]
            .into_iter()
            .flatten()
        {
            must(
                !text.is_empty() && !text.contains('|'),
                "a text is empty or holds a |",
            );
        }
        if let Some(before) = last.insert(sender.kind, name) {
            must(before < name, "a name comes twice");
        }
        let built = sender.provider(secret_of(sender), Some(url()));
        must(built.is_ok(), "the preset rejects its own sample key");
        must(
            built.is_ok_and(|provider| provider.name() == name),
            "the provider has another name",
        );
        if let Some(example) = sender.example {
            let read = sender.read_event(example.as_bytes());
            must(
                read.is_ok(),
                &format!("its example is not its event: {read:?}"),
            );
            must(sender.read_event(b"[").is_err(), "no JSON is its event");
        }
        // What an infallible function promises: that no key can be malformed.
        let odd = sender.provider(
            Secret::new("no key: \u{1F511}").expect("a secret"),
            Some(url()),
        );
        must(
            odd.is_err() == sender.keys_can_be_malformed(),
            "a key in text must fail exactly where keys are encoded",
        );
        must(
            sender.returns_result || !sender.keys_can_be_malformed(),
            "its function does not return the error of a key",
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(provider::catalogue().len() >= 230);
}

/// In each file of `src/provider/`, so that a row is found where a reader looks for it.
#[test]
fn the_rows_of_each_file_are_in_alphabetical_order() {
    let mut rows = 0;
    for entry in fs::read_dir(root().join("src/provider")).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("a file");
        let names = source.lines().filter_map(|line| {
            let (name, _) = line.strip_prefix("fn ")?.split_once("(keys")?;
            Some(name)
        });
        let names: Vec<_> = names.collect();
        rows += names.len();
        assert!(names.is_sorted(), "{}: {names:?}", path.display());
    }
    assert_eq!(
        rows,
        provider::catalogue().len(),
        "rows that are in no list of mod.rs"
    );
}

#[test]
fn the_documentation_is_generated_from_the_catalogue() {
    let sources = [
        ("src/provider/catalogue.md", page::catalogue(root())),
        ("src/provider/facts.rs", page::facts()),
    ];
    for (file, expected) in sources {
        let path = root().join(file);
        if std::env::var_os("UPDATE_CATALOGUE").is_some() {
            fs::write(&path, &expected).expect("a file");
        }
        let found = fs::read_to_string(&path).expect("a file");
        assert!(
            found == expected,
            "{file} differs from the catalogue: run \
             UPDATE_CATALOGUE=1 cargo test --all-features --test catalogue",
        );
    }
}

#[test]
fn a_preset_is_constructed_by_its_name() {
    let secret = || Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").expect("a secret");
    let error = |name: &str| {
        provider::by_name(name, secret(), None)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        provider::by_name("svix", secret(), None)
            .expect("a preset")
            .name(),
        "svix"
    );
    assert_eq!(
        error("square"),
        "Square signs the URL that it calls: give it as a SignedUrl"
    );
    assert!(provider::by_name("square", secret(), Some(url())).is_ok());
    assert_eq!(
        error("WhatsApp"),
        "no preset has the name \"WhatsApp\": did you mean meta?"
    );
    assert_eq!(
        error("zzz"),
        "no preset of this build has the name \"zzz\": provider::catalogue() lists the names. Some presets need a \
         feature of this crate"
    );
    assert!(error("adyen").contains("secret is not hexadecimal digits"));
}

#[tokio::test]
async fn every_preset_gives_its_vendors_verdicts() {
    let cases = cases();
    let mut wrong = Vec::new();
    let mut count = 0;
    for sender in provider::catalogue() {
        for case in cases_of(cases, sender.name) {
            count += 1;
            let verdict = verdict(sender, case).await;
            // Where a preset is deliberately wider or stricter than its vendor's library.
            let expected = case.get("expect_of_preset").unwrap_or(&case["expect"]);
            if verdict.is_ok() != (case::text(expected) == "accept") {
                wrong.push(format!(
                    "{}: {}: {verdict:?}",
                    sender.name,
                    case::text(&case["reason"])
                ));
            }
        }
    }
    println!("{count} cases through presets");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 950, "only {count} cases were run");
}

async fn verdict(sender: &Sender, case: &Value) -> Result<(), String> {
    let secrets = case::one_or_many(&case["secret"])
        .into_iter()
        .enumerate()
        .map(|(index, secret)| Ok((format!("key-{index}"), case::secret(secret)?)))
        .collect::<Result<Vec<_>, ConfigError>>();
    // Where the sender appends something to the URL that was entered.
    let url = case["signed_url"].as_str().or_else(|| case["url"].as_str());
    let url = SignedUrl::exact(url.unwrap_or(URL)).expect("a URL");
    let provider = secrets
        .and_then(Keys::named)
        .and_then(|keys| sender.provider(keys, Some(url)))
        .map_err(|error| error.to_string())?;
    let now = Duration::from_secs(case["now_unix"].as_u64().unwrap_or_default());
    let request = case::request(case, case::body(case));
    deliver(&provider, request, SystemTime::UNIX_EPOCH + now)
        .await
        .map(drop)
        .map_err(|rejection| rejection.to_string())
}

/// Only a round trip: our signer signs. The examples of the vendors are in the test above.
#[tokio::test]
async fn every_preset_accepts_what_it_signs_and_nothing_else() {
    let mut public_key = Vec::new();
    for sender in provider::catalogue() {
        let name = sender.name;
        let ways = sender.ways();
        let secret = secret_of(sender);
        let provider = sender
            .provider(secret.clone(), Some(url()))
            .expect("a preset");
        let Ok(signer) = Signer::new(&provider, &secret) else {
            public_key.push(name);
            continue;
        };
        let signed = || {
            signer
                .clone()
                .at(now())
                .sign(unsigned(sender))
                .map(Full::new)
        };

        let verified = deliver(&provider, signed(), now()).await;
        let verified = verified.unwrap_or_else(|rejection| panic!("{name}: {rejection}"));
        let in_body = is_in_body(&ways[0]);
        assert_eq!(verified.body() == BODY, !in_body, "{name}");
        let authentication = verified.authentication();
        let signs_nothing = matches!(
            authentication,
            Authentication::BodyKey | Authentication::SharedKey
        );
        assert_eq!(signs_nothing, ways[0].signed.is_empty(), "{name}");
        // If the row says that the body is not signed, `Verified` does not say that it is.
        assert!(
            ways[0].body_is_covered || !verified.body_is_signed(),
            "{name}"
        );
        let form = ways[0].signed.contains("{sorted form}");
        assert_eq!(
            matches!(
                authentication,
                Authentication::PartialSignature | Authentication::Token
            ),
            !ways[0].body_is_covered && !signs_nothing,
            "{name}"
        );

        let (mut head, _) = signed().into_parts();
        let tampered = Request::from_parts(head.clone(), Full::from("{\"a\":2}"));
        let verdict = deliver(&provider, tampered, now()).await;
        let any_body = !ways[0].body_is_covered && !form && !in_body;
        assert_eq!(verdict.is_ok(), any_body, "{name}: another body");

        for (role, header) in ways.iter().flat_map(|way| &way.headers) {
            if matches!(role, HeaderRole::Signature | HeaderRole::Key) {
                head.headers.remove(header);
            }
        }
        head.uri = "/".parse().expect("a path");
        let bare = Request::from_parts(head, Full::from(BODY));
        let kind = deliver(&provider, bare, now()).await.map_err(|r| r.kind());
        let missing = match ways[0].fields.first() {
            _ if in_body => RejectionKind::BodyMalformed,
            Some((HeaderRole::Signature, Field::Query(_))) => RejectionKind::ParameterMissing,
            _ => RejectionKind::HeaderMissing,
        };
        assert_eq!(kind.err(), Some(missing), "{name}");

        let other = Secret::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3").expect("a secret");
        if let Ok(other) = sender.provider(other, Some(url())) {
            let verdict = deliver(&other, signed(), now()).await;
            assert!(verdict.is_err(), "{name}: another key");
        }
    }
    assert_eq!(
        public_key,
        [
            "adobe_io",
            "bridge_xyz",
            "circle",
            "discord",
            "fal_ai",
            "fireblocks_v1",
            "freshchat",
            "gong",
            "hanko",
            "highlevel",
            "kick",
            "kinde",
            "plaid",
            "postal",
            "sendgrid",
            "shipengine",
            "standard_webhooks_v1a",
            "telnyx",
            "token_io",
            "wechat_pay",
            "wise",
            "wix",
            "zero_hash_rsa",
        ]
    );
}

/// The catalogue is derived from the scheme. What the scheme does is observed here.
#[tokio::test]
async fn a_preset_does_what_its_row_says() {
    for sender in provider::catalogue() {
        let name = sender.name;
        let ways = sender.ways();
        let way = &ways[0];
        let secret = secret_of(sender);
        let provider = sender
            .provider(secret.clone(), Some(url()))
            .expect("a preset");
        let Ok(signer) = Signer::new(&provider, &secret) else {
            continue;
        };
        let signed = || {
            signer
                .clone()
                .at(now())
                .sign(unsigned(sender))
                .map(Full::new)
        };
        let verified = deliver(&provider, signed(), now()).await;
        let verified = verified.unwrap_or_else(|rejection| panic!("{name}: {rejection}"));

        let has = |wanted| way.headers.iter().any(|(role, _)| *role == wanted);
        let mut fields = way.fields.iter();
        if fields.any(|(role, _)| *role == HeaderRole::Id) {
            let id = verified.delivery_id().expect("an id");
            assert_eq!(id.signed().is_some(), way.id_is_signed, "{name}: the id");
        } else {
            let id = has(HeaderRole::Id).then_some(match way.id_is_signed {
                true => Claim::Signed("d-1"),
                false => Claim::Unsigned("d-1"),
            });
            match verified.delivery_id() {
                // The id is a claim of the token, and the signer makes a new one.
                Some(Claim::Signed(id)) if way.id_is_signed && !has(HeaderRole::Id) => {
                    assert!(id.starts_with("msg_"), "{name}: the id");
                }
                found => assert_eq!(found, id, "{name}: the id"),
            }
        }
        let event = has(HeaderRole::Event).then_some(Claim::Unsigned("e-1"));
        assert_eq!(verified.event_name(), event, "{name}: the event's name");
        // If nothing separates the id from the time, both are signed or neither is.
        let listed = way.signed.contains("each listed header");
        let proven = (way.signed.contains("{timestamp}") || listed)
            && (!way.signed.contains("{id}{timestamp}") || way.id_is_signed);
        assert_eq!(
            verified.signed_at().is_some(),
            way.window != Window::NoTime && proven,
            "{name}: the signed time"
        );

        let at = |now| deliver(&provider, signed(), now);
        let (old, ahead) = match way.window {
            Window::Both(tolerance) => (Some(tolerance), Some(tolerance)),
            Window::Past(tolerance) => (Some(tolerance), None),
            // The signer makes tokens that are valid for five minutes, and from the time of signing on.
            Window::Expiry => {
                let five_minutes = Duration::from_secs(300);
                let late = at(now() + five_minutes).await.map_err(|r| r.kind());
                assert_eq!(late.err(), Some(RejectionKind::TimestampTooOld), "{name}");
                let last_second = five_minutes - Duration::from_secs(1);
                assert!(
                    at(now() + last_second).await.is_ok(),
                    "{name}: just in time"
                );
                let early = at(now() - Duration::from_secs(61))
                    .await
                    .map_err(|r| r.kind());
                assert_eq!(
                    early.err(),
                    Some(RejectionKind::TimestampInFuture),
                    "{name}"
                );
                continue;
            }
            _ => (None, None),
        };
        let second = Duration::from_secs(1);
        let year = Duration::from_secs(365 * 24 * 3600);
        match old {
            Some(tolerance) => {
                assert!(at(now() + tolerance).await.is_ok(), "{name}: just in time");
                let late = at(now() + tolerance + second).await.map_err(|r| r.kind());
                assert_eq!(late.err(), Some(RejectionKind::TimestampTooOld), "{name}");
            }
            None => assert!(at(now() + year).await.is_ok(), "{name}: a year late"),
        }
        match ahead {
            Some(tolerance) => {
                assert!(at(now() - tolerance).await.is_ok(), "{name}: just in time");
                let early = at(now() - tolerance - second).await.map_err(|r| r.kind());
                assert_eq!(
                    early.err(),
                    Some(RejectionKind::TimestampInFuture),
                    "{name}"
                );
            }
            None => assert!(at(now() - year).await.is_ok(), "{name}: a year early"),
        }
    }
}

/// Inputs: polarsource/polar 14102. A secret made since 2026-09-08 is decoded; the text of an older one is the
/// key, also if it begins with `whsec_`.
#[tokio::test]
async fn polar_derives_its_key_in_two_ways() {
    // The key is the bytes 1 to 32. The signatures are computed with Python's hmac over
    // `msg_1.1700000000.{"type":"order.paid"}`.
    let new = concat!("whsec", "_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=");
    let decoded = "v1,J54Dt1EHCOV0C/hV2ygtcfh4GKkCF/Kql6IzTaS6zdA=";
    let text = "v1,F3m8tl46LZmWjZgml+aYZctp9bPTTuFjyvwWjmLH5aU=";
    let old_signature = "v1,APtYhK55B8r8tD9ehJDBcHpxY6pLN2SZrqooqDNuVn4=";
    let old = concat!("polar", "_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK");
    for (secret, signature, way) in [
        (new, decoded, Some("decoded key")),
        (new, text, Some("text key")),
        (old, old_signature, Some("text key")),
        (old, decoded, None),
    ] {
        let polar = provider::polar(Secret::new(secret).expect("a secret"));
        let request = Request::post("/")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", "1700000000")
            .header("webhook-signature", signature)
            .body(Full::from(r#"{"type":"order.paid"}"#))
            .expect("a request");
        let verified = deliver(&polar, request, now()).await.ok();
        assert_eq!(
            verified.as_ref().and_then(Verified::way),
            way,
            "{secret} {signature}"
        );
    }
}

/// Inputs: Shopify/shopify-app-js 3028; getsentry/integration-platform-example 39.
#[tokio::test]
async fn a_delivery_is_read_under_either_family_of_headers() {
    let signature_base64 = "vx5lAbf6ko7COR/qndkK88mtG3se9v8xnCWUDOx0a/g=";
    let signature_hex = "bf1e6501b7fa928ec2391fea9dd90af3c9ad1b7b1ef6ff319c25940cec746bf8";
    let secret = Secret::new("topsecret").expect("a secret");
    let shopify = provider::shopify(secret.clone());
    let sentry = provider::sentry(secret);
    for (provider, headers, id, event) in [
        (
            &shopify,
            [
                ("shopify-hmac-sha256", signature_base64),
                ("shopify-webhook-id", "d-1"),
                ("shopify-topic", "orders/paid"),
            ],
            Some("d-1"),
            Some("orders/paid"),
        ),
        (
            &shopify,
            [
                ("x-shopify-hmac-sha256", signature_base64),
                ("x-shopify-webhook-id", "d-2"),
                ("x-shopify-topic", "orders/create"),
            ],
            Some("d-2"),
            Some("orders/create"),
        ),
        (
            &sentry,
            [
                ("sentry-app-signature", signature_hex),
                ("request-id", "d-3"),
                ("x-other", ""),
            ],
            Some("d-3"),
            None,
        ),
    ] {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(BODY)).expect("a request");
        let verified = deliver(provider, request, now()).await.expect("a delivery");
        assert_eq!(verified.delivery_id(), id.map(Claim::Unsigned));
        assert_eq!(verified.event_name(), event.map(Claim::Unsigned));
    }
}

/// The example of iktakahiro/revcatgo, which follows RevenueCat's page.
#[tokio::test]
async fn revenuecat_signs_as_well() {
    let secret = Secret::new(concat!("whsec", "_test")).expect("a secret");
    let signed = provider::revenuecat_signed(secret);
    let request = Request::post("/")
        .header(
            "X-RevenueCat-Webhook-Signature",
            "t=1700000000,v1=450a93f016917ae1cb87a06c780abccb13f8ee581865151b824759080a87da91",
        )
        .body(Full::from(
            r#"{"api_version":"1.0","event":{"id":"evt_123"}}"#,
        ))
        .expect("a request");
    assert!(deliver(&signed, request, now()).await.is_ok());
}

#[tokio::test]
async fn gitlab_accepts_a_signature_or_a_token_while_it_is_replaced() {
    let secret = |text: &str| Secret::new(text).expect("a secret");
    let keys = Keys::named([
        ("signing", secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")),
        ("token", secret("no base64!")),
    ]);
    let gitlab = provider::gitlab_migration(keys.expect("two keys"));
    let signing = secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    let signer = Signer::new(
        &provider::gitlab_signing_token(signing.clone()).expect("base64"),
        &signing,
    );
    let mut delivery = Request::new(Bytes::from(BODY));
    delivery
        .headers_mut()
        .insert("webhook-id", HeaderValue::from_static("d-1"));
    let signed = signer
        .expect("a signer")
        .at(now())
        .sign(delivery)
        .map(Full::new);
    let verified = deliver(&gitlab, signed, now()).await.expect("a delivery");
    assert_eq!(
        (verified.way(), verified.key_name()),
        (Some("signature"), "signing")
    );
    assert_eq!(verified.authentication(), Authentication::Signature);

    let token = |token: &'static str| {
        let request = Request::post("/").header("x-gitlab-token", token);
        request.body(Full::from(BODY)).expect("a request")
    };
    let verified = deliver(&gitlab, token("no base64!"), now())
        .await
        .expect("a delivery");
    assert_eq!(
        (verified.way(), verified.key_name()),
        (Some("token"), "token")
    );
    assert_eq!(verified.authentication(), Authentication::SharedKey);
    assert!(deliver(&gitlab, token("another"), now()).await.is_err());
}

#[tokio::test]
async fn discord_is_verified_with_a_key_made_here() {
    use data_encoding::HEXLOWER;
    use ed25519_dalek::{Signer as _, SigningKey};

    let key = SigningKey::from_bytes(&[7; 32]);
    let public = Secret::new(HEXLOWER.encode(key.verifying_key().as_bytes())).expect("a secret");
    let discord = provider::discord(public).expect("a public key");
    let signature = key.sign(b"1700000000{\"type\":1}");
    let ping = |body: &'static str| {
        Request::post("/")
            .header("X-Signature-Timestamp", "1700000000")
            .header(
                "X-Signature-Ed25519",
                HEXLOWER.encode(&signature.to_bytes()),
            )
            .body(Full::from(body))
            .expect("a request")
    };
    assert!(deliver(&discord, ping("{\"type\":1}"), now()).await.is_ok());
    let forged = deliver(&discord, ping("{\"type\":2}"), now()).await;
    assert_eq!(
        forged.map_err(|r| r.kind()).err(),
        Some(RejectionKind::SignatureMismatch)
    );
}

#[tokio::test]
async fn github_may_send_more_than_the_default_limit() {
    let secret = Secret::new("It's a Secret to Everybody").expect("a secret");
    let github = provider::github(secret.clone());
    let signer = Signer::new(&github, &secret).expect("a signer");
    let service = WebhookAuthLayer::new(github).layer(common::Inner::default());
    let large = signer.request(vec![b' '; 2 << 20]);
    let too_large = Request::post("/")
        .header("x-hub-signature-256", format!("sha256={}", "0".repeat(64)))
        .body(Full::from(vec![b' '; (25 << 20) + 1]))
        .expect("a request");
    let mut statuses = Vec::new();
    for request in [large, too_large] {
        let response = service.clone().oneshot(request).await.expect("infallible");
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 413]);
}

#[tokio::test]
async fn a_gitlab_token_is_no_second_chance_for_a_bad_signature() {
    let token = Secret::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3").expect("a secret");
    let signed = provider::gitlab_signing_token(token.clone()).expect("base64");
    let request = Request::post("/")
        .header("x-gitlab-token", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")
        .header("webhook-id", "d-1")
        .header("webhook-timestamp", "1700000000")
        .header("webhook-signature", format!("v1,{}=", "A".repeat(43)))
        .body(Full::from(BODY))
        .expect("a request");
    let verdict = deliver(&signed, request, now()).await;
    assert_eq!(
        verdict.map_err(|r| r.kind()).err(),
        Some(RejectionKind::SignatureMismatch)
    );
}

#[tokio::test]
async fn hubspot_signs_the_url_with_its_escapes_decoded() {
    // Computed with Python's hmac over `POST`, the URL with `@`, `/` and `:` decoded and everything
    // else as it was sent, the body, and the timestamp.
    let request = || {
        Request::post("/hook?to=a%40b.c%2Fd%3Ae%20f%26g&x=%3D")
            .header("X-HubSpot-Request-Timestamp", "1700000000000")
            .header(
                "X-HubSpot-Signature-v3",
                "7XccMIwOMZFi9M/vHgU7PK5167vV3Cnqsfas4ilB+ug=",
            )
            .body(Full::from(BODY))
            .expect("a request")
    };
    let secret = Secret::new("cfc68c0b-4b4e-4ef8-b764-95350e4ea479").expect("a secret");
    for (url, accepted) in [
        (
            SignedUrl::origin("https://example.com").expect("a URL"),
            true,
        ),
        (
            SignedUrl::exact("https://example.com/hook?to=a%40b.c%2fd%3ae%20f%26g&x=%3D")
                .expect("a URL"),
            true,
        ),
        (
            SignedUrl::exact("https://example.com/hook").expect("a URL"),
            false,
        ),
        (
            SignedUrl::origin("http://example.com").expect("a URL"),
            false,
        ),
    ] {
        let hubspot = provider::hubspot_v3(secret.clone(), url.clone());
        let verdict = deliver(&hubspot, request(), now()).await;
        assert_eq!(verdict.is_ok(), accepted, "{url:?}");
    }
}

#[tokio::test]
async fn the_headers_of_two_svix_families_never_mix() {
    // Computed with Python's hmac over `d-1.1700000000.{"a":1}`.
    let signature = "v1,eyxLhonueODQ4OgeI28Xrk32BVg6gHtueQRxCAMIoBg=";
    let forged = format!("v1,{}=", "A".repeat(43));
    let svix = provider::svix(Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").expect("a secret"))
        .expect("base64");
    for (family, id, timestamp, signature, other, accepted) in [
        ("svix", "svix-id", "svix-timestamp", signature, None, true),
        (
            "webhook",
            "webhook-id",
            "webhook-timestamp",
            signature,
            None,
            true,
        ),
        (
            "svix",
            "webhook-id",
            "svix-timestamp",
            signature,
            None,
            false,
        ),
        (
            "webhook",
            "webhook-id",
            "svix-timestamp",
            signature,
            None,
            false,
        ),
        (
            "svix",
            "svix-id",
            "svix-timestamp",
            signature,
            Some("webhook-signature"),
            true,
        ),
        (
            "webhook",
            "webhook-id",
            "webhook-timestamp",
            signature,
            Some("svix-signature"),
            false,
        ),
    ] {
        let mut request = Request::post("/")
            .header(id, "d-1")
            .header(timestamp, "1700000000")
            .header(format!("{family}-signature"), signature);
        if let Some(other) = other {
            request = request.header(other, &forged);
        }
        let request = request.body(Full::from(BODY)).expect("a request");
        let verdict = deliver(&svix, request, now()).await;
        assert_eq!(
            verdict.is_ok(),
            accepted,
            "{family}, {id}, {timestamp}, {other:?}"
        );
    }
}

#[tokio::test]
async fn either_signature_of_box_may_match_either_key() {
    // Computed with Python's hmac over `{"a":1}2023-11-14T22:13:20Z`.
    let primary = "bvDC875XYd4qeTVgKK4g3DpLF0xumhLs60noJ+THaLQ=";
    let secondary = "J5yEUlBDC0ohDvbLNmbghiZYCatHsdd4lllZnE+x5Sc=";
    let other = format!("{}=", "A".repeat(43));
    let delivery = |first: &str, second: &str, version: &str| {
        Request::post("/")
            .header("BOX-DELIVERY-ID", "d-1")
            .header("BOX-DELIVERY-TIMESTAMP", "2023-11-14T22:13:20Z")
            .header("BOX-SIGNATURE-ALGORITHM", "HmacSHA256")
            .header("BOX-SIGNATURE-VERSION", version)
            .header("BOX-SIGNATURE-PRIMARY", first)
            .header("BOX-SIGNATURE-SECONDARY", second)
            .body(Full::from(BODY))
            .expect("a request")
    };
    let key = |text: &str| Secret::new(text).expect("a secret");
    let both = Keys::named([("primary", key("primary")), ("secondary", key("secondary"))]);
    let both = provider::box_com(both.expect("two keys"));
    let one = provider::box_com(key("secondary"));

    for (first, second, by_both, by_one) in [
        (primary, secondary, Some("primary"), Some("default")),
        (secondary, primary, Some("primary"), Some("default")),
        (
            other.as_str(),
            secondary,
            Some("secondary"),
            Some("default"),
        ),
        (primary, other.as_str(), Some("primary"), None),
        (other.as_str(), other.as_str(), None, None),
    ] {
        for (provider, expected) in [(&both, by_both), (&one, by_one)] {
            let verified = deliver(provider, delivery(first, second, "1"), now()).await;
            let name = verified.ok().map(|verified| verified.key_name().to_owned());
            assert_eq!(name.as_deref(), expected, "{first} {second}");
        }
    }
    let version_2 = deliver(&both, delivery(primary, secondary, "2"), now()).await;
    assert_eq!(
        version_2.map_err(|r| r.kind()).err(),
        Some(RejectionKind::HeaderMalformed)
    );
    let verified = deliver(&both, delivery(primary, secondary, "1"), now()).await;
    let verified = verified.expect("a delivery");
    assert_eq!(verified.delivery_id(), Some(Claim::Unsigned("d-1")));
}

const URL: &str = "https://example.com/hook";
const BODY: &str = "{\"a\":1}";

fn url() -> SignedUrl {
    SignedUrl::exact(URL).expect("a URL")
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// A delivery with an id and an event's name, in the first header that the preset reads for each.
fn unsigned(sender: &Sender) -> Request<Bytes> {
    let ways = sender.ways();
    let body = match is_in_body(&ways[0]) {
        true => body_of(sender),
        false => BODY.into(),
    };
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    for (wanted, value) in [(HeaderRole::Id, "d-1"), (HeaderRole::Event, "e-1")] {
        let mut headers = ways[0].headers.iter();
        if let Some((_, name)) = headers.find(|(role, _)| *role == wanted) {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
    }
    for (role, name) in &ways[0].headers {
        if *role == HeaderRole::Signed {
            let value = HeaderValue::from_static("n-1");
            request.headers_mut().entry(name).or_insert(value);
        }
    }
    request
}

fn is_in_body(way: &Way) -> bool {
    let mut fields = way.fields.iter();
    fields.any(|(_, field)| !matches!(field, Field::Query(_)))
}

/// A body that a preset with a signature or key inside the body can sign: that of its first accepted case. The
/// time is that of the test.
fn body_of(sender: &Sender) -> Bytes {
    match sender.name {
        "ko_fi" => return r#"{"verification_token":"","type":"Donation"}"#.into(),
        "livechat" => return r#"{"action":"chat_started"}"#.into(),
        _ => {}
    }
    let mut cases = cases_of(cases(), sender.name);
    let case = cases.find(|case| case["expect"] == "accept");
    case::body(case.expect("an accepted case"))
}

async fn deliver(
    provider: &Provider<Bytes>,
    request: Request<Full<Bytes>>,
    now: SystemTime,
) -> Result<Verified<Bytes>, Rejection> {
    let inner = common::Inner::default();
    let response = WebhookAuthLayer::new(provider.clone())
        .max_body_bytes(usize::MAX)
        .clock(move || now)
        .layer(inner.clone())
        .oneshot(request)
        .await
        .expect("an infallible service");
    match response.extensions().get::<Verified<Bytes>>() {
        Some(verified) => {
            assert_eq!(inner.calls(), 1);
            Ok(verified.clone())
        }
        None => {
            assert_eq!(inner.calls(), 0, "the inner service was called");
            assert_eq!(response.status(), 401);
            let rejection = response.extensions().get::<Rejection>();
            Err(rejection.expect("a rejection carries its reason").clone())
        }
    }
}

/// A client that has seen a delivery changes everything that it can change. The copy is rejected, or it is the same delivery.
#[tokio::test]
async fn a_changed_copy_of_a_delivery_is_rejected_or_has_the_same_identity() {
    // All signed parts.
    fn proven(verified: &Verified<Bytes>) -> impl PartialEq + std::fmt::Debug + use<> {
        let text = |claim: Option<Claim<'_>>| claim.and_then(Claim::signed).map(str::to_owned);
        let body = verified.body_is_signed().then(|| verified.body().clone());
        (
            verified.identity(),
            text(verified.delivery_id()),
            text(verified.event_name()),
            verified.signed_at(),
            body,
        )
    }

    let presets = provider::catalogue().iter().map(|sender| {
        let secret = secret_of(sender);
        let provider = sender.provider(secret.clone(), Some(url()));
        (provider.expect("a preset"), secret, unsigned(sender))
    });
    let (mut identified, mut accepted) = (0, 0);
    for (provider, secret, request) in presets.chain(schemes_with_headers()) {
        let name = provider.name().to_owned();
        let Ok(signer) = Signer::new(&provider, &secret) else {
            continue;
        };
        let signed = signer.at(now()).sign(request);
        let verified = deliver(&provider, signed.clone().map(Full::new), now()).await;
        let verified = verified.unwrap_or_else(|rejection| panic!("{name}: {rejection}"));
        if verified.identity().is_none() {
            continue;
        }
        identified += 1;
        let expected = proven(&verified);
        for copy in copies(&signed) {
            let (target, headers) = (copy.uri().clone(), copy.headers().clone());
            if let Ok(verified) = deliver(&provider, copy.map(Full::new), now()).await {
                accepted += 1;
                let found = proven(&verified);
                assert_eq!(found, expected, "{name}: {target} {headers:?}");
            }
        }
    }
    // Enough copies were accepted and have an identity.
    assert!(
        identified > 200 && accepted > 5000,
        "{identified}, {accepted}"
    );
}

/// Schemes with an id in a header. Each signs the id in a way that no preset uses.
fn schemes_with_headers() -> Vec<(Provider<Bytes>, Secret, Request<Bytes>)> {
    use tower_webhook_auth::{JwtScheme, Piece, Scheme, SignatureScheme, SignedHeaders};

    let secret = || Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").expect("a secret");
    let signed = |pieces: Vec<Piece>| SignatureScheme::hmac_sha256("x-signature").signed(pieces);
    let listed = SignedHeaders::in_header("x-list", ',')
        .with_names(";")
        .must_contain(["x-list", "x-id"]);
    let break_after = |piece| vec![piece, Piece::literal("\n"), Piece::Body];
    let token = JwtScheme::hs256("x-token")
        .body_hash("hash", tower_webhook_auth::BodyDigest::Sha256Hex)
        .id_claim("jti")
        .max_age(Duration::from_secs(300));
    let mut schemes: Vec<(&str, Result<Scheme, _>)> = vec![
        (
            "a list",
            signed(break_after(Piece::SignedHeaders(listed))).build(),
        ),
        (
            "a header",
            signed(break_after(Piece::header("x-id"))).build(),
        ),
        ("a token", token.build()),
    ];
    #[cfg(feature = "http-signatures")]
    for has_nonce in [false, true] {
        let scheme = tower_webhook_auth::HttpSignatureScheme::hmac_sha256()
            .require(["content-digest", "x-id"]);
        let scheme = if has_nonce {
            scheme.nonce_is_id()
        } else {
            scheme
        };
        schemes.push(("a message signature", scheme.build()));
    }
    let request = Request::post("/hook").header("x-id", "id-1");
    let request = request.body(Bytes::from_static(b"{}")).expect("a request");
    let with_all = |(name, scheme): (&str, Result<Scheme, _>)| {
        let provider = Provider::new(name, scheme.expect("a scheme"), secret());
        let provider = provider.expect("a provider");
        let provider = provider.delivery_id_header(http::HeaderName::from_static("x-id"));
        (provider, secret(), request.clone())
    };
    schemes.into_iter().map(with_all).collect()
}

/// Copies of the request with one change each. A careless reader would read the same values from them.
fn copies(signed: &Request<Bytes>) -> Vec<Request<Bytes>> {
    let mut copies = Vec::new();
    let names: Vec<_> = signed.headers().keys().cloned().collect();
    for name in &names {
        let value = signed.headers()[name].as_bytes();
        let around =
            |before: &str, after: &str| [before.as_bytes(), value, after.as_bytes()].concat();
        let text = String::from_utf8_lossy(value).into_owned();
        let mut values = vec![
            around(" ", ""),
            around("", " "),
            around("\t", "\t"),
            around("0", ""),
            around("+", ""),
            around("", ".0"),
            around("", "="),
            around("", ","),
            around("", ",x"),
            around(",", ""),
            around("", ";"),
            around("", "; a=b"),
            around("", "#"),
            around("x,", ""),
            value.to_ascii_uppercase(),
            value.to_ascii_lowercase(),
            b"other".to_vec(),
            b"1".to_vec(),
            Vec::new(),
        ];
        for separator in [",", ", ", " ", ";", "=", "v1=", "t="] {
            values.push(
                text.replace(separator, &format!("{separator} "))
                    .into_bytes(),
            );
            values.push(
                text.replace(separator, &format!(" {separator}"))
                    .into_bytes(),
            );
            values.push(text.replace(separator, "").into_bytes());
            let mut items: Vec<_> = text.split(separator).collect();
            items.reverse();
            values.push(items.join(separator).into_bytes());
            values.push([text.as_str(), text.as_str()].join(separator).into_bytes());
        }
        for value in values {
            let Ok(value) = HeaderValue::from_bytes(&value) else {
                continue;
            };
            let mut copy = signed.clone();
            copy.headers_mut().insert(name, value.clone());
            copies.push(copy);
            let mut copy = signed.clone();
            copy.headers_mut().append(name, value.clone());
            copies.push(copy);
            for alias in ["webhook-id", "svix-id", "x-request-id", "idempotency-key"] {
                let mut copy = signed.clone();
                copy.headers_mut().insert(alias, value.clone());
                copies.push(copy);
            }
        }
        let mut copy = signed.clone();
        copy.headers_mut().remove(name);
        copies.push(copy);
    }
    for target in [
        "/hook?",
        "/hook?a=b",
        "/%68ook",
        "/other",
        "//hook",
        "/hook/",
        "/hook?a=1&a=2",
    ] {
        let mut copy = signed.clone();
        *copy.uri_mut() = target.parse().expect("a target");
        copies.push(copy);
    }
    if let Some(query) = signed.uri().query() {
        for query in [
            format!("{query}&"),
            format!("&{query}"),
            format!("{query}&a=b"),
            query.replace('=', "=%20"),
        ] {
            let mut copy = signed.clone();
            *copy.uri_mut() = format!("{}?{query}", signed.uri().path())
                .parse()
                .expect("a target");
            copies.push(copy);
        }
    }
    let body = signed.body();
    for changed in [
        [body, &b" "[..]].concat(),
        [body, &b"\n"[..]].concat(),
        [&b" "[..], body].concat(),
        [body, &b"&a=b"[..]].concat(),
        [&b"\xef\xbb\xbf"[..], body].concat(),
    ] {
        copies.push(signed.clone().map(|_| changed.into()));
    }
    copies
}

/// A secret in the form that the sender gives it: that of its first accepted case.
fn secret_of(sender: &Sender) -> Secret {
    let cases = cases();
    let accepted = cases_of(cases, sender.name).find(|case| case["expect"] == "accept");
    let secret = match accepted {
        Some(case) => case::one_or_many(&case["secret"])[0].to_owned(),
        // The public key of RFC 8032, section 7.1, test 1.
        None if sender.name == "discord" => {
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".into()
        }
        None => "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".into(),
    };
    case::secret(&secret).expect("a secret")
}

fn cases_of<'a>(cases: &'a [Value], preset: &str) -> impl Iterator<Item = &'a Value> {
    cases
        .iter()
        .filter(move |case| case::one_or_many(&case["presets"]).contains(&preset))
}

/// The cases of all files in `tests/vectors/` whose name begins with `providers`.
fn cases() -> &'static [Value] {
    static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let folder = fs::read_dir(root().join("tests/vectors")).expect("a folder");
        let mut files: Vec<_> = folder.map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        let is_ours = |path: &&PathBuf| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("providers"))
        };
        let mut cases = Vec::new();
        for path in files.iter().filter(is_ours) {
            let file = fs::read_to_string(path).expect("a file");
            let more: Vec<Value> = serde_json::from_str(&file).expect("a list of cases");
            cases.extend(more);
        }
        cases
    });
    &CASES
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
