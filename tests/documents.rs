//! What the documents beside the code say is held to the code.

use std::{fs, path::Path};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{BoxError, RejectionKind, Secret, WebhookAuthLayer, provider};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of each row of each table.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[test]
fn the_readme_lists_every_kind_of_refusal_with_its_status() {
    let listed: Vec<(String, String)> = rows(&read("README.md"))
        .into_iter()
        .filter(|row| row[0].parse::<u16>().is_ok())
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    for kind in RejectionKind::ALL {
        let row = (kind.status().as_u16().to_string(), code(kind.as_str()));
        assert!(listed.contains(&row), "{row:?} is not in the README");
    }
    assert_eq!(listed.len(), RejectionKind::ALL.len());
}

#[tokio::test]
async fn the_readmes_curl_line_is_one_that_the_receiver_accepts() {
    let readme = read("README.md");
    let between = |from: &str, to: &str| {
        let (_, rest) = readme.split_once(from).expect("a curl line");
        rest.split_once(to).expect("its end").0.to_owned()
    };
    let request = Request::post("/")
        .header("x-hub-signature", between("X-Hub-Signature: ", "'"))
        .body(Full::<Bytes>::from(between("--data-binary '", "'")))
        .expect("a request");
    // Of the documentation, and of the example when it has no other.
    let secret = Secret::new("yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4").expect("a secret");
    let response = WebhookAuthLayer::new(provider::optimizely(secret))
        .layer(service_fn(async |_| {
            Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
        }))
        .oneshot(request)
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
}

#[test]
fn the_readme_lists_every_option_of_the_layer() {
    let layer = read("src/auth/layer.rs");
    let readme = rows(&read("README.md"));
    let options: Vec<&str> = layer
        .split("    pub fn ")
        .skip(1)
        .filter_map(|function| function.split_once('('))
        .filter(|(_, arguments)| arguments.trim_start().starts_with("self"))
        .map(|(name, _)| name.split('<').next().unwrap_or(name))
        .collect();
    assert!(options.len() >= 6, "only {options:?} were found");
    for option in options {
        assert!(
            readme.iter().any(|row| row[0] == code(option)),
            "the option {option} is not in the README"
        );
    }
}

#[test]
fn the_readme_lists_every_variable_of_the_receiver_with_its_default() {
    let example = read("examples/receiver/src/main.rs").replace("//! ", "");
    let readme = rows(&read("README.md"));
    let variables: Vec<Vec<String>> = rows(&example)
        .into_iter()
        .filter(|row| row[0].starts_with('`'))
        .collect();
    assert_eq!(variables.len(), 6);
    for variable in variables {
        let [name, _, default] = variable.as_slice() else {
            panic!("{variable:?} is not name, meaning, default");
        };
        assert!(
            readme
                .iter()
                .any(|row| row[0] == *name && row[1] == *default),
            "{name} with {default:?} is not in the README"
        );
    }
}

#[test]
fn the_readme_and_the_introduction_list_every_feature() {
    let manifest = read("Cargo.toml");
    let readme = rows(&read("README.md"));
    let introduction = rows(&read("src/lib.rs").replace("//! ", ""));
    let features: Vec<&str> = manifest
        .lines()
        .skip_while(|line| *line != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = ["))
        .map(|(name, _)| name)
        .filter(|name| *name != "default")
        .collect();
    assert!(features.len() >= 6, "only {features:?} were found");
    for feature in features {
        for (document, rows) in [("README", &readme), ("introduction", &introduction)] {
            assert!(
                rows.iter().any(|row| row[0].starts_with(&code(feature))),
                "the feature {feature} is not in the {document}"
            );
        }
    }
}

#[test]
fn the_readme_lists_every_example() {
    let readme = read("README.md");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in fs::read_dir(examples).expect("a folder") {
        let path = entry.expect("an entry").path();
        if !path.join("src/main.rs").exists() {
            continue;
        }
        seen += 1;
        let name = path.file_stem().expect("a name").to_string_lossy();
        assert!(
            readme.contains(&format!("| [`{name}`](examples/")),
            "the example {name} is not in the README"
        );
    }
    assert!(seen >= 1);
}

#[test]
fn every_test_that_security_md_names_exists() {
    let text = read("SECURITY.md");
    let mut named = 0;
    for span in text.split('`').skip(1).step_by(2) {
        let Some((file, test)) = span.split_once("::") else {
            continue;
        };
        // Types have capitals.
        let is_function = span
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b':' | b'/'));
        if !is_function || test == "x" {
            continue;
        }
        named += 1;
        let folder = if file.starts_with("src/") {
            ""
        } else {
            "tests/"
        };
        let tests = read(&format!("{folder}{file}.rs"));
        // Those of `proptest` have arguments, those of `memory` no attribute.
        assert!(
            tests.contains(&format!("fn {test}(")),
            "there is no test {span}"
        );
    }
    assert!(named >= 25, "only {named} tests were found");
}

#[test]
fn the_plan_of_the_house_has_every_room() {
    let plan = rows(&read("CONTRIBUTING.md"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).expect("a folder") {
        let entry = entry.expect("an entry");
        let mut room = entry.file_name().into_string().expect("a name");
        if entry.path().is_dir() {
            room.push('/');
        }
        assert!(
            plan.iter().any(|row| row[0] == code(&room)),
            "{room} is not in the plan"
        );
    }
}
