//! Exports: lines for a shell, vectors, Rust tests.

mod common;

use std::{fs, path::Path, process::Command};

use common::{Inspector, shell};
use data_encoding::BASE64;
use serde_json::{Value, json};

const GITHUB: &str = "It's a Secret to Everybody";

/// Signs a body as GitHub does.
fn signature(body: &[u8]) -> String {
    use bytes::Bytes;
    use tower_webhook_auth::{Secret, provider, testing::Signer};

    let secret = Secret::new(GITHUB).expect("a secret");
    let signer = Signer::new(&provider::github(secret.clone()), &secret).expect("a signer");
    let request = signer.sign(http::Request::new(Bytes::copy_from_slice(body)));
    request.headers()["x-hub-signature-256"]
        .to_str()
        .expect("text")
        .to_owned()
}

fn curl(inspector: &Inspector, id: u64) -> String {
    let answer = inspector.get(&format!("/deliveries/{id}/curl"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text().to_owned()
}

#[test]
fn the_line_for_a_shell_sends_the_same_bytes_again() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET_GITHUB", GITHUB)]);
    let all_bytes: Vec<u8> = (0..=255).collect();
    let bodies: [&[u8]; 8] = [
        b"{}",
        b"",
        b"@/etc/passwd",
        b"it's \"x\" $HOME `id` \\n !\n\n\r\n",
        "\u{feff}\u{e9}\u{1f511}".as_bytes(),
        b"a\0b",
        &all_bytes,
        &vec![b'x'; 200_000],
    ];
    for body in bodies {
        let signed = format!("x-hub-signature-256: {}", signature(body));
        let headers = [
            &*signed,
            "x-odd: it's \"$HOME\" `id` \\",
            "x-empty:",
            "x-two: one",
            "x-two: two",
        ];
        let path = "/in/github/[a]{b}/%20?q='$x&r=\"";
        assert_eq!(
            inspector
                .deliver(&path.replace('"', "%22"), &headers, body)
                .status,
            200
        );
        let id = inspector.last_id();
        let output = shell(&curl(&inspector, id), &[]);
        assert!(output.starts_with("HTTP/1.1 200"), "{body:?}: {output}");
        let (first, again) = (inspector.detail(id), inspector.detail(id + 1));
        for field in ["method", "path", "query", "body"] {
            assert_eq!(first[field], again[field], "{field}");
        }
        let headers = |detail: &Value| {
            let mut headers = detail["headers"].as_array().expect("a list").clone();
            headers.retain(|header| {
                !["connection", "expect"]
                    .iter()
                    .any(|name| header["name"] == *name)
            });
            headers.sort_by_key(|header| header["name"].to_string());
            headers
        };
        assert_eq!(headers(&first), headers(&again));
    }
}

#[test]
fn the_line_for_a_shared_key_names_the_variable() {
    let key = "the-$hared-\"key";
    let inspector = Inspector::start(&[
        ("WEBHOOK_SECRET_UNLEASH_OLD", key),
        ("WEBHOOK_SECRET_VWO", key),
    ]);
    let id = inspector.test("unleash", "genuine");
    let line = curl(&inspector, id);
    assert!(
        line.contains("\"authorization: ${WEBHOOK_SECRET_UNLEASH_OLD}\""),
        "{line}"
    );
    assert!(!line.contains(key), "{line}");
    let output = shell(&line, &[("WEBHOOK_SECRET_UNLEASH_OLD", key)]);
    assert!(output.starts_with("HTTP/1.1 200"), "{output}");
    let output = shell(&line, &[]);
    assert!(
        output.starts_with("HTTP/1.1 401"),
        "without the variable: {output}"
    );
}

#[test]
fn a_delivery_that_is_not_verified_is_exported_only_after_a_confirmation() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET_GITHUB", GITHUB)]);
    let id = inspector.test("github", "tampered");
    let warnings = inspector.detail(id)["exports"].clone();
    for form in ["curl", "vector", "test"] {
        let path = format!("/deliveries/{id}/{form}");
        let answer = inspector.get(&path);
        assert_eq!(
            (answer.status, &answer.json()["confirm"]),
            (409, &json!(true)),
            "{form}"
        );
        assert_eq!(answer.json()["error"], warnings[form]);
        assert_eq!(inspector.get(&format!("{path}?confirm=0")).status, 409);
        assert_eq!(inspector.get(&format!("{path}?confirm=1")).status, 200);
    }
    let id = inspector.test("github", "genuine");
    assert_eq!(
        inspector.detail(id)["exports"],
        json!({ "curl": null, "vector": null, "test": null })
    );
    inspector.deliver("/in/any", &[], b"{}");
    let id = inspector.last_id();
    let answer = inspector.get(&format!("/deliveries/{id}/vector?confirm=1"));
    assert_eq!(
        (answer.status, &answer.json()["confirm"]),
        (409, &Value::Null),
        "it has no verdict"
    );
}

#[test]
fn an_export_of_a_verified_delivery_has_no_signature_that_a_real_receiver_accepts() {
    let inspector = Inspector::start(&[("WEBHOOK_SECRET_GITHUB", GITHUB)]);
    let signed = signature(b"{}");
    let old = "sha1=0123456789abcdef0123456789abcdef01234567";
    let headers = [
        &*format!("x-hub-signature-256: {signed}"),
        &*format!("x-hub-signature: {old}"),
        "authorization: Bearer abcdef",
        "cookie: session=abcdef",
        "x-github-event: push",
    ];
    assert_eq!(inspector.deliver("/in/github", &headers, b"{}").status, 200);
    let vector = inspector.get("/deliveries/1/vector");
    let test = inspector.get("/deliveries/1/test");
    assert_eq!(
        (
            vector.header("content-disposition"),
            test.header("content-disposition")
        ),
        (
            Some("attachment; filename=\"github-1.json\""),
            Some("attachment; filename=\"github_1.rs\"")
        )
    );
    for text in [vector.text(), test.text()] {
        for part in [&signed[7..], &old[5..], "abcdef\"", "cookie", GITHUB] {
            assert!(!text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("x-github-event"), "{text}");
    }
}

/// By the library itself, as its tests of vectors do.
#[test]
fn a_vector_of_each_sender_has_the_verdict_that_it_expects() {
    use tower_webhook_auth::{Secret, SignedUrl, provider};

    let inspector = Inspector::start(&[]);
    let hello = inspector.hello();
    let mut vectors = 0;
    for sender in hello["senders"].as_array().expect("a list") {
        if sender["can_sign"] != true {
            continue;
        }
        let name = sender["name"].as_str().expect("a name");
        inspector.ok(
            "PUT",
            &format!("/senders/{name}/keys/default"),
            json!({ "generate": true }),
        );
        for (fault, expect) in [("genuine", "accept"), ("unsigned", "reject")] {
            let id = inspector.test(name, fault);
            let answer = inspector.get(&format!("/deliveries/{id}/vector?confirm=1"));
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
            let case = answer.json()[0].clone();
            assert_eq!(
                (&case["expect"], &case["presets"]),
                (&json!(expect), &json!([name]))
            );
            let text = |field: &str| case[field].as_str().expect(field).to_owned();
            let url = SignedUrl::exact(text("url")).expect("a URL");
            let secret = Secret::new(text("secret")).expect("a secret");
            let provider = provider::by_name(name, secret, Some(url)).expect("a preset");
            let url: http::Uri = text("url").parse().expect("a URL");
            let path = match sender["needs_url"] == true {
                true => format!("/in/{name}"),
                false => url.path_and_query().expect("a path").to_string(),
            };
            let mut request = http::Request::builder().method(&*text("method")).uri(path);
            for (name, value) in case["headers"].as_object().expect("headers") {
                let values = value
                    .as_array()
                    .cloned()
                    .unwrap_or_else(|| vec![value.clone()]);
                for value in values {
                    request = request.header(name, value.as_str().expect("text"));
                }
            }
            let (head, ()) = request.body(()).expect("a request").into_parts();
            let body = BASE64
                .decode(text("body_base64").as_bytes())
                .expect("base64");
            let now = std::time::Duration::from_secs(case["now_unix"].as_u64().expect("a time"));
            let verdict =
                provider.verify(&head, body.into(), std::time::SystemTime::UNIX_EPOCH + now);
            assert_eq!(
                verdict.is_ok(),
                expect == "accept",
                "{name}: {:?}",
                verdict.err()
            );
            vectors += 1;
        }
    }
    assert!(vectors >= 440, "{vectors}");
}

/// Compiles a package with all exported tests, which takes minutes. `.ci/run` runs it.
#[test]
#[ignore = "it builds a package of its own"]
fn the_exported_tests_of_all_senders_compile_and_pass() {
    let inspector = Inspector::start(&[]);
    let hello = inspector.hello();
    let mut source = String::new();
    let (mut exported, mut features) = (0, Vec::new());
    for sender in hello["senders"].as_array().expect("a list") {
        if sender["can_sign"] != true {
            continue;
        }
        let name = sender["name"].as_str().expect("a name");
        inspector.ok(
            "PUT",
            &format!("/senders/{name}/keys/default"),
            json!({ "generate": true }),
        );
        for fault in ["genuine", "wrong_secret"] {
            let id = inspector.test(name, fault);
            let answer = inspector.get(&format!("/deliveries/{id}/test?confirm=1"));
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
            let feature = answer
                .text()
                .split("features = [\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            features.extend(feature.map(str::to_owned));
            source += &format!("mod {name}_{fault} {{\n{}}}\n", answer.text());
            exported += 1;
        }
    }
    features.sort();
    features.dedup();

    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let library = library.canonicalize().expect("the library");
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exported");
    fs::create_dir_all(package.join("tests")).expect("a folder");
    fs::create_dir_all(package.join("src")).expect("a folder");
    let manifest = format!(
        "[workspace]\n[package]\nname = \"exported\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\nbytes = \"1\"\nhttp = \"1\"\ntower-webhook-auth = {{ path = {library:?}, features = {features:?} }}\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).expect("written");
    fs::write(package.join("src/lib.rs"), "").expect("written");
    fs::write(package.join("tests/exported.rs"), source).expect("written");
    fs::copy(library.join("Cargo.lock"), package.join("Cargo.lock")).expect("copied");
    let output = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--test", "exported"])
        .current_dir(&package)
        .output();
    let output = output.expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains(&format!("test result: ok. {exported} passed; 0 failed")),
        "{text}"
    );
    println!("{exported} exported tests compiled and passed");
}
