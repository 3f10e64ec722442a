//! Every preset against the vendors' examples, against its row in the documentation, and there and
//! back.
//!
//! A new preset needs a line in [`presets`], a row in `src/provider/catalogue.md`, and an example in
//! `tests/vectors/providers.json`.
#![cfg(all(feature = "testing", feature = "ed25519", feature = "ecdsa-p256"))]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    Authentication, Claim, ConfigError, Keys, Provider, Rejection, RejectionKind, Secret,
    SignedUrl, Verified, WebhookAuthLayer, provider, testing::Signer,
};

use self::{
    Vectors::{Of, Without},
    common::case,
};

/// A preset, the examples that it has to pass, and how it is made.
struct Preset {
    name: &'static str,
    vectors: Vectors,
    build: fn(Keys, &str) -> Result<Provider<Bytes>, ConfigError>,
}

/// The names under which `providers.json` has a sender's cases, or why it has none.
enum Vectors {
    Of(&'static [&'static str]),
    Without(&'static str),
}

macro_rules! preset {
    ($name:ident(keys), $vectors:expr) => {
        preset!(@ $name, $vectors, |keys, _| Ok(erase(provider::$name(keys))))
    };
    ($name:ident(keys)?, $vectors:expr) => {
        preset!(@ $name, $vectors, |keys, _| provider::$name(keys).map(erase))
    };
    ($name:ident(keys, url), $vectors:expr) => {
        preset!(@ $name, $vectors, |keys, url| {
            Ok(erase(provider::$name(keys, SignedUrl::exact(url))))
        })
    };
    (@ $name:ident, $vectors:expr, $build:expr) => {
        Preset {
            name: stringify!($name),
            vectors: $vectors,
            build: $build,
        }
    };
}

const NO_EXAMPLE: &str = "no example with key and signature was found; only there and back";

fn presets() -> Vec<Preset> {
    vec![
        preset!(
            adyen(keys)?,
            Of(&["adyen (platforms/banking/management header HMAC)"])
        ),
        preset!(
            amplitude_experiment(keys),
            Of(&["knock (Amplitude Experiment alerts)"])
        ),
        preset!(bigcommerce(keys), Of(&["bigcommerce"])),
        preset!(bitbucket(keys), Of(&["bitbucket/jira", "bitbucket-server"])),
        preset!(box_com(keys), Of(&["box"])),
        preset!(chargebee(keys), Of(&["basic auth"])),
        preset!(circleci(keys), Of(&["circleci"])),
        preset!(clickup(keys), Without(NO_EXAMPLE)),
        preset!(cloudflare_stream(keys), Without(NO_EXAMPLE)),
        preset!(coinbase_commerce(keys), Of(&["coinbase-commerce"])),
        preset!(configcat(keys), Of(&["configcat"])),
        preset!(
            discord(keys)?,
            Without(
                "no example with key and signature was found; a key made here signs in its place"
            )
        ),
        preset!(docusign(keys), Without(NO_EXAMPLE)),
        preset!(elevenlabs(keys), Without(NO_EXAMPLE)),
        preset!(featbit(keys), Of(&["featbit"])),
        preset!(flagsmith(keys), Of(&["flagsmith"])),
        preset!(flagsmith_change_tracking(keys), Without(NO_EXAMPLE)),
        preset!(flipt(keys), Of(&["flipt"])),
        preset!(forgejo(keys), Without(NO_EXAMPLE)),
        preset!(gitea(keys), Of(&["gitea"])),
        preset!(github(keys), Of(&["github"])),
        preset!(
            github_sha1(keys),
            Of(&["github-sha1 (legacy X-Hub-Signature)"])
        ),
        preset!(gitlab_signing_token(keys)?, Of(&["gitlab (signing token)"])),
        preset!(gitlab_token(keys), Of(&["gitlab (secret token)"])),
        preset!(go_feature_flag(keys), Of(&["go-feature-flag"])),
        preset!(gogs(keys), Of(&["gogs"])),
        preset!(
            growthbook_event(keys),
            Of(&["growthbook (event webhook, legacy SDK webhook, proxy update)"])
        ),
        preset!(growthbook_sdk(keys), Of(&["growthbook (SDK webhook)"])),
        preset!(hubspot_v1(keys), Of(&["hubspot v1"])),
        preset!(hubspot_v2(keys, url), Of(&["hubspot v2"])),
        preset!(hubspot_v3(keys, url), Of(&["hubspot v3"])),
        preset!(jira(keys), Of(&["bitbucket/jira"])),
        preset!(knock(keys), Of(&["knock (Amplitude Experiment alerts)"])),
        preset!(launchdarkly(keys), Of(&["launchdarkly"])),
        preset!(line(keys), Of(&["line"])),
        preset!(linear(keys), Of(&["linear"])),
        preset!(meta(keys), Without(NO_EXAMPLE)),
        preset!(mux(keys), Of(&["mux"])),
        preset!(notion(keys), Of(&["notion"])),
        preset!(openai(keys)?, Of(&["openai"])),
        preset!(optimizely(keys), Of(&["optimizely"])),
        preset!(
            optimizely_cmp(keys),
            Without("a shared key: there is nothing to compute")
        ),
        preset!(paddle(keys), Of(&["paddle"])),
        preset!(pagerduty(keys), Of(&["pagerduty"])),
        preset!(paystack(keys), Of(&["paystack"])),
        preset!(razorpay(keys), Of(&["razorpay"])),
        preset!(polar(keys), Without(NO_EXAMPLE)),
        preset!(
            replicate(keys)?,
            Without("the scheme is Standard Webhooks, which has examples")
        ),
        preset!(
            revenuecat(keys),
            Without("a shared key: there is nothing to compute")
        ),
        preset!(sanity(keys), Of(&["sanity"])),
        preset!(segment(keys), Of(&["segment"])),
        preset!(sendgrid(keys)?, Of(&["sendgrid (ECDSA)"])),
        preset!(sentry(keys), Without(NO_EXAMPLE)),
        preset!(shopify(keys), Of(&["shopify"])),
        preset!(slack(keys), Of(&["slack"])),
        preset!(square(keys, url), Of(&["square"])),
        preset!(standard_webhooks(keys)?, Of(&["standard-webhooks"])),
        preset!(
            standard_webhooks_v1a(keys)?,
            Of(&["standard-webhooks v1a (ed25519)"])
        ),
        preset!(statsig(keys), Of(&["statsig"])),
        preset!(
            statsig_pre_commit(keys),
            Of(&["statsig (pre-commit webhook)"])
        ),
        preset!(stripe(keys), Of(&["stripe"])),
        preset!(svix(keys)?, Of(&["svix"])),
        preset!(
            telegram(keys),
            Without("a shared key: there is nothing to compute")
        ),
        preset!(twitch(keys), Of(&["twitch"])),
        preset!(typeform(keys), Of(&["typeform"])),
        preset!(unleash(keys), Of(&["unleash"])),
        preset!(vercel(keys), Of(&["vercel"])),
        preset!(vwo(keys), Of(&["vwo"])),
        preset!(webflow(keys), Of(&["webflow"])),
        preset!(woocommerce(keys), Without(NO_EXAMPLE)),
        preset!(workos(keys), Of(&["workos"])),
        preset!(x(keys), Of(&["x-twitter"])),
        preset!(zendesk(keys), Of(&["zendesk"])),
        preset!(zoom(keys), Of(&["zoom"])),
    ]
}

/// Senders of whom the vectors file has cases, and for whom there is no preset.
const WITHOUT_PRESET: [&str; 5] = [
    "adyen (standard payments, in-body)",
    "eppo (in-body)",
    "hub-signature sha512",
    "twilio",
    "twilio (JSON body)",
];

#[test]
fn every_preset_has_a_row_in_the_table_and_an_example() {
    let functions = public_functions();
    let rows = rows();
    let presets = presets();
    let cases = cases();

    let named = |names: &mut dyn Iterator<Item = String>| names.collect::<BTreeSet<_>>();
    let with_row = named(&mut rows.keys().cloned());
    let with_line = named(&mut presets.iter().map(|preset| preset.name.to_owned()));
    let senders = named(
        &mut cases
            .iter()
            .map(|case| case::text(&case["provider"]).into()),
    );
    let mut missing = Vec::new();
    for name in functions.difference(&with_row) {
        missing.push(format!(
            "provider::{name} has no row in src/provider/catalogue.md"
        ));
    }
    for name in functions.difference(&with_line) {
        missing.push(format!(
            "provider::{name} has no line in presets() of tests/catalogue.rs"
        ));
    }
    for name in with_row.difference(&functions) {
        missing.push(format!(
            "src/provider/catalogue.md has a row for {name}, which is no function of provider"
        ));
    }
    let mut covered: BTreeSet<String> = WITHOUT_PRESET.map(str::to_owned).into();
    for preset in &presets {
        let name = preset.name;
        match preset.vectors {
            Of([]) => missing.push(format!("provider::{name} names no cases, and not why")),
            Of(names) => {
                for sender in names {
                    covered.insert((*sender).to_owned());
                    let accepted = cases.iter().any(|case| {
                        case["provider"] == *sender && case::text(&case["expect"]) == "accept"
                    });
                    if !accepted {
                        missing.push(format!(
                            "tests/vectors/providers.json has no accepted case of {sender:?}, \
                             which provider::{name} names"
                        ));
                    }
                }
            }
            Without(reason) => assert!(!reason.is_empty(), "{name}: why has it no example?"),
        }
    }
    for sender in senders.difference(&covered) {
        missing.push(format!(
            "tests/vectors/providers.json has cases of {sender:?}, which no preset names"
        ));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(functions.len() >= 60, "the presets were not found");
}

#[tokio::test]
async fn every_preset_gives_its_vendors_verdicts() {
    let cases = cases();
    let mut wrong = Vec::new();
    let mut count = 0;
    for preset in presets() {
        let Of(senders) = preset.vectors else {
            continue;
        };
        let of_sender = |case: &&Value| senders.contains(&case::text(&case["provider"]));
        for case in cases.iter().filter(of_sender) {
            count += 1;
            let verdict = verdict(&preset, case).await;
            if verdict.is_ok() != (case::text(&case["expect"]) == "accept") {
                wrong.push(format!(
                    "{}: {}: {verdict:?}",
                    preset.name,
                    case::text(&case["reason"])
                ));
            }
        }
    }
    println!("{count} cases through presets");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 350, "only {count} cases were run");
}

async fn verdict(preset: &Preset, case: &Value) -> Result<(), String> {
    let secrets = case::one_or_many(&case["secret"])
        .into_iter()
        .enumerate()
        .map(|(index, secret)| Ok((format!("key-{index}"), Secret::new(secret)?)))
        .collect::<Result<Vec<_>, ConfigError>>();
    let provider = secrets
        .and_then(Keys::named)
        .and_then(|keys| (preset.build)(keys, case["url"].as_str().unwrap_or(URL)))
        .map_err(|error| error.to_string())?;
    let now = Duration::from_secs(case["now_unix"].as_u64().unwrap_or_default());
    let request = case::request(case, case::body(case));
    deliver(&provider, request, SystemTime::UNIX_EPOCH + now)
        .await
        .map(drop)
        .map_err(|rejection| rejection.to_string())
}

#[tokio::test]
async fn every_preset_accepts_what_it_signs_and_nothing_else() {
    let rows = rows();
    let mut public_key = Vec::new();
    for preset in presets() {
        let name = preset.name;
        let row = &rows[name];
        let secret = Secret::new(sample_secret(&preset)).expect("a secret");
        let provider = (preset.build)(secret.clone().into(), URL).expect("a preset that builds");
        let Ok(signer) = Signer::new(&provider, &secret) else {
            public_key.push(name);
            continue;
        };
        let signed = || signer.clone().at(now()).sign(unsigned(row)).map(Full::new);

        let verified = deliver(&provider, signed(), now()).await;
        let verified = verified.unwrap_or_else(|rejection| panic!("{name}: {rejection}"));
        assert_eq!(verified.body(), BODY, "{name}");
        let shared_key = verified.authentication() == Authentication::SharedKey;
        assert_eq!(shared_key, row.algorithm == "shared key", "{name}");

        let (mut head, _) = signed().into_parts();
        let tampered = Request::from_parts(head.clone(), Full::from("{\"a\":2}"));
        let verdict = deliver(&provider, tampered, now()).await;
        assert_eq!(verdict.is_ok(), shared_key, "{name}: another body");

        for header in &row.headers {
            head.headers.remove(header.to_ascii_lowercase());
        }
        let bare = Request::from_parts(head, Full::from(BODY));
        let kind = deliver(&provider, bare, now()).await.map_err(|r| r.kind());
        assert_eq!(kind.err(), Some(RejectionKind::HeaderMissing), "{name}");

        let other = Secret::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3").expect("a secret");
        if let Ok(other) = (preset.build)(other.into(), URL) {
            let verdict = deliver(&other, signed(), now()).await;
            assert!(verdict.is_err(), "{name}: another key");
        }
    }
    assert_eq!(public_key, ["discord", "sendgrid", "standard_webhooks_v1a"]);
}

#[tokio::test]
async fn what_the_table_says_is_what_the_presets_do() {
    let rows = rows();
    for preset in presets() {
        let name = preset.name;
        let row = &rows[name];
        let secret = Secret::new(sample_secret(&preset)).expect("a secret");
        let provider = (preset.build)(secret.clone().into(), URL).expect("a preset that builds");

        let described = format!("{provider:?}");
        for header in &row.headers {
            let header = format!("\"{}\"", header.to_ascii_lowercase());
            assert!(described.contains(&header), "{name}: {header}");
        }
        let algorithm = match row.algorithm.as_str() {
            "shared key" => "SharedKey(",
            "HMAC-SHA1, hex" => "HmacSha1",
            "HMAC-SHA256, hex" | "HMAC-SHA256, base64" | "HMAC-SHA256, base64url" => "HmacSha256",
            "HMAC-SHA512, hex" => "HmacSha512",
            "SHA-256, no MAC, hex" => "KeylessSha256",
            "Ed25519, hex" | "Ed25519, base64" => "Ed25519",
            "ECDSA P-256, base64" => "EcdsaP256",
            other => panic!("{name}: unknown algorithm {other}"),
        };
        assert!(described.contains(algorithm), "{name}: {algorithm}");
        let mut content = described.split_once("before_body: [").unwrap_or_default().1;
        for piece in signed_pieces(&row.signed) {
            let behind = content.split_once(&piece);
            content = behind.unwrap_or_else(|| panic!("{name}: {piece}")).1;
        }
        if let Some((_, encoding)) = row.algorithm.rsplit_once(", ") {
            let encoding = match encoding {
                "base64" => "encoding: Base64 }",
                "base64url" => "encoding: Base64Url }",
                "hex" => "encoding: Hex }",
                other => panic!("{name}: unknown encoding {other}"),
            };
            assert!(described.contains(encoding), "{name}: {encoding}");
        }

        let Ok(signer) = Signer::new(&provider, &secret) else {
            continue;
        };
        let signed = || signer.clone().at(now()).sign(unsigned(row)).map(Full::new);
        let verified = deliver(&provider, signed(), now()).await;
        let verified = verified.unwrap_or_else(|rejection| panic!("{name}: {rejection}"));
        let claim = |text, column: &Option<(String, bool)>| {
            column.as_ref().map(|(_, signed)| match signed {
                true => Claim::Signed(text),
                false => Claim::Unsigned(text),
            })
        };
        assert_eq!(
            verified.delivery_id(),
            claim("d-1", &row.delivery_id),
            "{name}"
        );
        assert_eq!(
            verified.event_name(),
            claim("e-1", &row.event_name),
            "{name}"
        );
        // Where the id runs on into the time, both are proven or neither.
        let runs_on = row.signed.contains("{id}{timestamp}");
        let proven = !runs_on || matches!(row.delivery_id, Some((_, true)));
        assert_eq!(
            verified.signed_at().is_some(),
            row.tolerance != "–" && proven,
            "{name}: the signed time"
        );

        let at = |now| deliver(&provider, signed(), now);
        let (old, ahead) = match row.tolerance.strip_suffix(" s, past only") {
            Some(seconds) => (Some(seconds), None),
            None => {
                let seconds = row.tolerance.strip_suffix(" s");
                (seconds, seconds)
            }
        };
        let second = Duration::from_secs(1);
        let year = Duration::from_secs(365 * 24 * 3600);
        match old.map(|seconds| Duration::from_secs(seconds.parse().expect("seconds"))) {
            Some(tolerance) => {
                assert!(at(now() + tolerance).await.is_ok(), "{name}: just in time");
                let late = at(now() + tolerance + second).await.map_err(|r| r.kind());
                assert_eq!(late.err(), Some(RejectionKind::TimestampTooOld), "{name}");
            }
            None => assert!(at(now() + year).await.is_ok(), "{name}: a year late"),
        }
        match ahead.map(|seconds| Duration::from_secs(seconds.parse().expect("seconds"))) {
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
        (SignedUrl::origin("https://example.com"), true),
        (
            SignedUrl::exact("https://example.com/hook?to=a%40b.c%2fd%3ae%20f%26g&x=%3D"),
            true,
        ),
        (SignedUrl::exact("https://example.com/hook"), false),
        (SignedUrl::origin("http://example.com"), false),
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

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn unsigned(row: &Row) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(BODY));
    *request.method_mut() = Method::POST;
    for (column, value) in [(&row.delivery_id, "d-1"), (&row.event_name, "e-1")] {
        if let Some((header, _)) = column {
            let name: HeaderName = header.parse().expect("a header's name");
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
    }
    request
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
            Err(rejection.expect("a refusal carries its reason").clone())
        }
    }
}

/// The preset without its event type: what is tested here is the scheme.
fn erase<E: 'static>(provider: Provider<E>) -> Provider<Bytes> {
    provider.parse_with(|body| Ok(body.clone()))
}

/// A secret in the form that the sender gives it: that of its first accepted case.
fn sample_secret(preset: &Preset) -> String {
    let from_cases = match preset.vectors {
        Of(senders) => cases()
            .iter()
            .find(|case| {
                senders.contains(&case::text(&case["provider"]))
                    && case::text(&case["expect"]) == "accept"
            })
            .map(|case| case::one_or_many(&case["secret"])[0].to_owned()),
        Without(_) => None,
    };
    match preset.name {
        // The public key of RFC 8032, section 7.1, test 1.
        "discord" => "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".into(),
        _ => from_cases.unwrap_or_else(|| "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".into()),
    }
}

fn cases() -> Vec<Value> {
    let file = fs::read_to_string(root().join("tests/vectors/providers.json")).expect("a file");
    serde_json::from_str(&file).expect("a list of cases")
}

/// The functions that `src/provider/` offers, read from its source.
fn public_functions() -> BTreeSet<String> {
    let folder = fs::read_dir(root().join("src/provider")).expect("a folder");
    folder
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .flat_map(|path| {
            let source = fs::read_to_string(path).expect("a file");
            let names = source.lines().filter_map(|line| {
                let (name, _) = line.strip_prefix("pub fn ")?.split_once('(')?;
                Some(name.to_owned())
            });
            names.collect::<Vec<_>>()
        })
        .collect()
}

/// A row of the table in the documentation.
struct Row {
    headers: Vec<String>,
    algorithm: String,
    signed: String,
    tolerance: String,
    /// The header, and whether it is signed.
    delivery_id: Option<(String, bool)>,
    event_name: Option<(String, bool)>,
}

fn rows() -> BTreeMap<String, Row> {
    let file = fs::read_to_string(root().join("src/provider/catalogue.md")).expect("a file");
    let mut rows = BTreeMap::new();
    for line in file.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [
            _,
            function,
            header,
            algorithm,
            signed,
            tolerance,
            id,
            event,
            source,
        ] = cells[..]
        else {
            panic!("a row of nine cells: {line}");
        };
        if function == "Function" || function == "---" {
            continue;
        }
        assert!(signed == "nothing" || !code(signed).is_empty(), "{line}");
        assert!(!source.is_empty(), "{line}");
        let claim = |cell: &str| Some((code(cell).into_iter().next()?, cell.ends_with("(signed)")));
        let row = Row {
            headers: code(header),
            algorithm: algorithm.to_owned(),
            signed: code(signed).concat(),
            tolerance: tolerance.to_owned(),
            delivery_id: claim(id),
            event_name: claim(event),
        };
        let name = code(function).swap_remove(0);
        assert!(rows.insert(name, row).is_none(), "two rows: {line}");
    }
    rows
}

/// The pieces of a cell such as `v0:{timestamp}:{body}`, as a provider prints them.
fn signed_pieces(cell: &str) -> Vec<String> {
    let words = cell.split_inclusive('}').flat_map(|part| {
        let (literal, placeholder) = part.split_at(part.find('{').unwrap_or(part.len()));
        [literal, placeholder]
    });
    words
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "{body}" => "after_body: [".to_owned(),
            "{id}" => "Id(".to_owned(),
            "{method}" => "Method(".to_owned(),
            "{secret}" => "Secret".to_owned(),
            "{t}" | "{time}" | "{timestamp}" | "{ts}" => "Timestamp {".to_owned(),
            "{url}" => "Url(".to_owned(),
            literal => {
                assert!(!literal.contains('{'), "{literal} is no piece");
                format!("Literal({literal:?})")
            }
        })
        .collect()
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<String> {
    let pieces = cell.split('`').skip(1).step_by(2);
    pieces.map(str::to_owned).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
