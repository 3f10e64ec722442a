//! The cases of other projects' own test suites, through the real layer.
//!
//! The data belongs to those projects and is not part of this repository. `WEBHOOK_SUITES` names a folder with one
//! JSON file per suite, each a list of cases:
//!
//! ```sh
//! WEBHOOK_SUITES=path/to/suites cargo test --all-features --test suites -- --nocapture
//! ```
//!
//! Without the variable the test says that it ran nothing.
#![cfg(all(feature = "ed25519", feature = "ecdsa-p256"))]

mod common;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use tower_webhook_auth::{
    ConfigError, Encoding, KeyEncoding, Keys, Piece, Provider, Rejection, Scheme, Secret,
    SharedKeyScheme, SignatureScheme, SignedUrl, Timestamp, WebhookAuthLayer, provider,
};

use self::common::case::{character, one_or_many, text};

/// Cases in which a preset differs on purpose since the data was recorded, and why.
const CHANGED_SINCE: [(&str, &str, &str); 2] = [
    (
        "paddle-node-sdk",
        "node: 6 s old",
        "the preset tolerates 300 s: users report that 5 s reject genuine deliveries",
    ),
    (
        "paddle-node-sdk",
        "edge: 6 s old",
        "the preset tolerates 300 s: users report that 5 s reject genuine deliveries",
    ),
];

/// How many cases of a suite had which outcome.
#[derive(Default)]
struct Tally {
    cases: usize,
    run: usize,
    agree: usize,
    /// Cases in which our verdict differs from the suite's, by the class that the data gives.
    differ: BTreeMap<String, usize>,
}

#[tokio::test]
async fn every_case_of_every_suite_gives_the_recorded_verdict() {
    let Some(folder) = std::env::var_os("WEBHOOK_SUITES").map(PathBuf::from) else {
        println!("left out: WEBHOOK_SUITES does not name a folder with suites");
        return;
    };
    let mut wrong = Vec::new();
    let mut total = Tally::default();
    for path in files(&folder) {
        let cases: Vec<Value> = read(&path);
        let mut tally = Tally::default();
        for case in &cases {
            tally.cases += 1;
            if case["scheme"].is_null() {
                *tally.differ.entry(class(case).into()).or_default() += 1;
                continue;
            }
            tally.run += 1;
            let verdict = verdict(case).await;
            let ours = if verdict.is_ok() { "accept" } else { "reject" };
            let suite = text(&case["expect"]);
            let recorded = case["differs"]["ours"].as_str().unwrap_or(suite);
            if ours == suite {
                tally.agree += 1;
            } else {
                *tally.differ.entry(class(case).into()).or_default() += 1;
            }
            // A difference of class b is a fault of ours that the data records: it has to be repaired by now.
            let expected = if class(case) == "b" { suite } else { recorded };
            // A difference that is recorded may have been repaired since.
            let agrees = ours == expected || ours == suite;
            let (suite_name, test) = (text(&case["suite"]), text(&case["test"]));
            let reason = CHANGED_SINCE
                .iter()
                .find(|(suite, name, _)| (*suite, *name) == (suite_name, test));
            if let Some((_, _, reason)) = reason {
                println!("changed since: {suite_name} / {test}: {reason}");
                continue;
            }
            if !agrees && expected != "other" {
                wrong.push(format!(
                    "{} / {} ({}): expected {expected}, got {verdict:?}",
                    text(&case["suite"]),
                    text(&case["test"]),
                    text(&case["sender"]),
                ));
            }
        }
        let name = path.file_stem().expect("a name").to_string_lossy();
        print_row(&name, &tally);
        total.cases += tally.cases;
        total.run += tally.run;
        total.agree += tally.agree;
        for (class, count) in tally.differ {
            *total.differ.entry(class).or_default() += count;
        }
    }
    print_row("all", &total);
    assert!(total.run > 0, "{} holds no case", folder.display());
    assert!(
        wrong.is_empty(),
        "{} cases differ from what is recorded:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn print_row(name: &str, tally: &Tally) {
    println!(
        "{name:<28} {:>5} cases {:>5} run {:>5} agree  {:?}",
        tally.cases, tally.run, tally.agree, tally.differ
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("WEBHOOK_SUITES={}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Vec<Value> {
    let file =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn class(case: &Value) -> &str {
    case["differs"]["class"].as_str().unwrap_or("none")
}

/// A secret or a scheme that the crate does not build accepts nothing: that counts as a rejection.
async fn verdict(case: &Value) -> Result<(), String> {
    let provider = build(case).map_err(|error| format!("not built: {error}"))?;
    let now = Duration::from_secs_f64(case["now"].as_f64().expect("a time"));
    let clock = move || SystemTime::UNIX_EPOCH + now;
    let service = WebhookAuthLayer::new(provider)
        .max_body_bytes(usize::MAX)
        .clock(clock)
        .layer(common::Inner::default());
    let request = request(case).ok_or("the request cannot be written")?;
    let response = service
        .oneshot(request)
        .await
        .expect("an infallible service");
    match response.extensions().get::<Rejection>() {
        None => Ok(()),
        Some(rejection) => Err(rejection.to_string()),
    }
}

fn request(case: &Value) -> Option<Request<Full<Bytes>>> {
    let body = match &case["body_repeat"] {
        Value::Null => match case["body_base64"].as_str() {
            Some(encoded) => data_encoding::BASE64.decode(encoded.as_bytes()).ok()?,
            None => text(&case["body"]).as_bytes().to_vec(),
        },
        repeat => {
            let count = repeat[1]
                .as_u64()
                .and_then(|count| usize::try_from(count).ok());
            text(&repeat[0]).repeat(count?).into_bytes()
        }
    };
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::from_bytes(text(&case["method"]).as_bytes()).ok()?;
    *request.uri_mut() = text(&case["url"]).parse::<Uri>().ok()?;
    for header in case["headers"].as_array()? {
        let name: HeaderName = text(&header[0]).parse().ok()?;
        let value = HeaderValue::from_bytes(text(&header[1]).as_bytes()).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}

fn build(case: &Value) -> Result<Provider<Bytes>, ConfigError> {
    let secrets = one_or_many(&case["secret"])
        .into_iter()
        .enumerate()
        .map(|(index, secret)| Ok((format!("key-{index}"), Secret::new(secret)?)))
        .collect::<Result<Vec<_>, ConfigError>>()?;
    let keys = Keys::named(secrets)?;
    let url = case["signed_url"].as_str().or(case["url"].as_str());
    match case["scheme"].as_str() {
        Some(preset) => {
            let needs_url = provider::catalogue()
                .iter()
                .any(|sender| sender.name == preset && sender.needs_url);
            let url = url
                .filter(|_| needs_url)
                .map(SignedUrl::exact)
                .transpose()?;
            provider::by_name(preset, keys, url)
        }
        None => Provider::new(text(&case["sender"]), describe(&case["scheme"], url)?, keys),
    }
}

/// A scheme from its description in the data.
fn describe(scheme: &Value, url: Option<&str>) -> Result<Scheme, ConfigError> {
    if text(&scheme["auth"]) == "token" {
        let token = SharedKeyScheme::new(text(&scheme["token"]["header"]));
        return match scheme["token"]["scheme"].as_str() {
            Some("Basic") => token.basic(),
            Some("Bearer") => token.bearer(),
            None => token,
            Some(other) => panic!("unknown authentication scheme {other:?}"),
        }
        .build();
    }
    let signature = &scheme["signature"];
    let header = text(&signature["header"]);
    let mut described = match (text(&scheme["auth"]), scheme["hash"].as_str()) {
        ("hmac", Some("sha1")) => SignatureScheme::hmac_sha1(header),
        ("hmac", Some("sha256")) => SignatureScheme::hmac_sha256(header),
        ("hmac", Some("sha512")) => SignatureScheme::hmac_sha512(header),
        ("digest", Some("sha256")) => {
            SignatureScheme::keyless_sha256_open_to_length_extension(header)
        }
        ("ed25519", _) => SignatureScheme::ed25519(header),
        ("ecdsa_p256", _) => SignatureScheme::ecdsa_p256(header),
        other => panic!("unknown algorithm {other:?}"),
    };
    for alias in one_or_many(&signature["aliases"]) {
        described = described.alias(alias);
    }
    described = described.encoding(match text(&signature["encoding"]) {
        "hex" => Encoding::Hex,
        "base64" => Encoding::Base64,
        "base64url" => Encoding::Base64Url,
        other => panic!("unknown encoding {other:?}"),
    });
    if let Some(separator) = signature["item_sep"].as_str() {
        described = described.item_separator(character(separator));
    }
    if let Some(separator) = signature["tag_sep"].as_str() {
        described = described.tags(character(separator), one_or_many(&signature["tags"]));
    }
    if !scheme["timestamp"].is_null() {
        described = described.timestamp(timestamp(&scheme["timestamp"]));
    }
    for header in one_or_many(&scheme["id_headers"]) {
        described = described.id_header(header);
    }
    let pieces = scheme["signed"].as_array().expect("signed pieces");
    described = described.signed(pieces.iter().map(piece));
    if let Some(url) = url.filter(|_| pieces.iter().any(|piece| piece == "url")) {
        described = described.url(SignedUrl::exact(url)?);
    }
    described = described.key_encoding(match scheme["key"]["encoding"].as_str() {
        None | Some("utf8" | "text") => KeyEncoding::Text,
        Some("base64") => KeyEncoding::Base64,
        Some("hex") => KeyEncoding::Hex,
        Some(other) => panic!("unknown key encoding {other:?}"),
    });
    if let Some(prefix) = scheme["key"]["strip_prefix"].as_str() {
        described = described.key_prefix(prefix);
    }
    // Klaviyo and Scalr sign a header right behind the body.
    described.accept_movable_body_boundary().build()
}

fn timestamp(timestamp: &Value) -> Timestamp {
    let mut described = match timestamp["tag"].as_str() {
        Some(tag) => Timestamp::tag(tag),
        None => {
            let mut names = one_or_many(&timestamp["headers"]).into_iter();
            let first = Timestamp::header(names.next().expect("a timestamp's header"));
            names.fold(first, Timestamp::alias)
        }
    };
    described = match timestamp["unit"].as_str() {
        None | Some("s") => described,
        Some("ms") => described.milliseconds(),
        Some("rfc3339") => described.rfc3339(),
        Some(other) => panic!("unknown unit {other:?}"),
    };
    described = match timestamp["tolerance_s"].as_f64() {
        Some(seconds) => described.tolerance(Duration::from_secs_f64(seconds)),
        None => described.accept_any_age(),
    };
    if timestamp["past_only"].as_bool() == Some(true) {
        described = described.past_only();
    }
    if timestamp["renewable"].as_bool() == Some(true) {
        described = described.accept_renewal();
    }
    described
}

fn piece(piece: &Value) -> Piece {
    match piece.as_str() {
        Some("body") => Piece::Body,
        Some("id") => Piece::Id,
        Some("method") => Piece::Method,
        Some("secret") => Piece::Secret,
        Some("timestamp") => Piece::Timestamp,
        Some("url") => Piece::Url,
        Some(other) => panic!("unknown piece {other:?}"),
        None => match (piece["lit"].as_str(), piece["header"].as_str()) {
            (Some(literal), _) => Piece::Literal(literal.to_owned().into()),
            (_, Some(name)) => Piece::Header(name.to_owned().into()),
            _ => panic!("unknown piece {piece}"),
        },
    }
}
