//! Checks the facts in the documents against the code.

#[path = "common/log.rs"]
mod common_log;

use std::{fs, path::Path};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_webhook_auth::{
    BoxError, RejectionKind, Secret, WebhookAuthLayer,
    provider::{self, SenderKind},
};

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
fn the_readme_lists_every_kind_of_rejection_with_its_status() {
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

/// What is between two texts of the README.
fn of_the_readme(from: &str, to: &str) -> String {
    let readme = read("README.md");
    let (_, rest) = readme.split_once(from).expect("the first text");
    rest.split_once(to).expect("the second text").0.to_owned()
}

/// Sends the delivery of the README's `curl` line with this signature.
async fn deliver(signature: &str) -> u16 {
    let request = Request::post("/webhooks/optimizely")
        .header("x-hub-signature", signature)
        .body(Full::<Bytes>::from(of_the_readme("--data-binary '", "'")))
        .expect("a request");
    // The secret of the documentation, and of the example without configuration.
    let secret = Secret::new("yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4").expect("a secret");
    WebhookAuthLayer::new(provider::optimizely(secret))
        .layer(service_fn(async |_| {
            Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
        }))
        .oneshot(request)
        .await
        .expect("a response")
        .status()
        .as_u16()
}

#[tokio::test]
async fn the_readmes_curl_line_is_one_that_the_receiver_accepts() {
    assert_eq!(deliver(&of_the_readme("X-Hub-Signature: ", "'")).await, 200);
}

#[tokio::test]
async fn the_readme_shows_the_log_of_a_forged_delivery() {
    common_log::keep_the_events_of_each_thread();
    let file = std::env::temp_dir().join(format!("documents-{}.log", std::process::id()));
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(fs::File::create(&file).expect("a file"))
        .finish();
    let guard = tracing::subscriber::set_default(log);
    let status = deliver("sha1=0000000000000000000000000000000000000000").await;
    drop(guard);
    let line = fs::read_to_string(&file).expect("the log");
    fs::remove_file(&file).expect("the file");
    assert_eq!(status, 401);
    assert!(line.contains("signature_mismatch"), "{line:?}");
    // In the README the line is wrapped.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words(&read("README.md")).contains(&words(&line)),
        "not in the README: {line}"
    );
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
    let readme = rows(&read("README.md"));
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in fs::read_dir(examples).expect("a folder") {
        let path = entry.expect("an entry").path();
        if !path.join("src/main.rs").exists() {
            continue;
        }
        seen += 1;
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(
            readme.iter().any(|row| row[0] == code(&name)),
            "the example {name} is not in the README"
        );
    }
    assert!(seen >= 1);
}

#[test]
fn the_readme_and_the_overview_list_every_guide() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide");
    let (readme, overview) = (read("README.md"), read("src/guide/mod.rs"));
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        seen += 1;
        let name = path.file_stem().expect("a name").to_string_lossy();
        let page = format!(
            "[`{name}`](https://docs.rs/tower-webhook-auth/latest/tower_webhook_auth/guide/{name}/index.html)"
        );
        assert!(readme.contains(&page), "{name} is not in the README");
        let page = format!("//! | [`{name}`] |");
        assert!(overview.contains(&page), "{name} is not in the overview");
    }
    assert!(seen >= 10, "only {seen} guides were found");
    assert!(read("src/lib.rs").contains("[`guide`]"));
}

/// A page of the registry has no files of the repository but those of the package.
#[test]
fn the_readme_links_only_to_the_web_and_to_files_of_the_package() {
    let readme = read("README.md");
    let mut seen = 0;
    for (before, after) in readme
        .match_indices("](")
        .map(|(at, _)| readme.split_at(at))
    {
        let target = after[2..].split(')').next().expect("the end of a link");
        seen += 1;
        assert!(
            target.starts_with("https://") || target.starts_with("pictures/"),
            "the link to {target:?} leads nowhere: …{}",
            &before[before.len().saturating_sub(40)..]
        );
        if target.starts_with("pictures/") {
            read(target);
        }
    }
    assert!(seen >= 10, "only {seen} links were found");
    let manifest = read("Cargo.toml");
    assert!(manifest.contains(r#"include = ["/pictures""#));
}

#[test]
fn the_alternatives_have_the_number_of_presets() {
    let count = provider::catalogue().len();
    let senders = format!("| senders | {count} and your own |");
    let guide = read("src/guide/alternatives.md");
    assert!(guide.contains(&senders), "{senders}");
    let others = provider::catalogue().iter();
    let others = others
        .filter(|sender| sender.kind != SenderKind::Flags)
        .count();
    assert!(read("README.md").contains("presets for more than 270 other senders"));
    assert!(others > 270, "{others}");
}

/// The number of crates that `cargo tree` lists, from the lock file.
fn tree(arguments: &[&str]) -> usize {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--prefix=none",
            "--no-dedupe",
        ])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).expect("text");
    let names: std::collections::BTreeSet<&str> = output.lines().collect();
    names.len()
}

/// The crates that the library needs with a choice of features.
fn crates(features: &str) -> usize {
    tree(&[
        "--edges=normal",
        "--no-default-features",
        "--features",
        features,
    ]) - 1
}

#[test]
fn the_readme_has_the_number_of_crates_that_the_first_build_compiles() {
    let count = tree(&["--package=receiver", "--edges=normal,build"]);
    assert!(
        read("README.md").contains(&format!("compiles {count} crates")),
        "the receiver has {count} crates"
    );
    assert!(count <= 100, "{count} crates for a first look are too many");
}

#[test]
fn the_readme_has_the_number_of_crates_that_each_feature_adds() {
    let readme = read("README.md");
    let with_tokio = crates("tokio");
    assert!(
        readme.contains(&format!("The default build has {with_tokio} crates")),
        "the default build has {with_tokio} crates"
    );
    let mut seen = 0;
    for row in rows(&readme) {
        let Ok(added) = row[1].parse::<usize>() else {
            continue;
        };
        let feature = row[0].split('`').nth(1).expect("a feature");
        let (features, base) = match feature {
            "tokio" => ("tokio".to_owned(), crates("")),
            other => (format!("tokio,{other}"), with_tokio),
        };
        assert_eq!(crates(&features) - base, added, "of the feature {feature}");
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} features were found");
}

#[test]
fn the_chart_shows_the_figures_of_the_benchmarks() {
    let figures = read("benches/README.md");
    let (_, time) = figures
        .split_once("\n## Time\n")
        .expect("the table of times");
    let time = rows(time.split_once("\n## ").map_or(time, |(table, _)| table));
    let chart = read("pictures/time.svg");
    let shown: Vec<&str> = chart
        .split("font-size=\"12\">")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .filter(|text| *text != "floor")
        .collect();
    assert!(shown.len() >= 16, "only {shown:?}");
    for figure in shown {
        assert!(
            time.iter().any(|row| row[2] == figure || row[3] == figure),
            "{figure} is not in benches/README.md: run benches/chart"
        );
    }
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
fn contributing_lists_every_module() {
    let modules = rows(&read("CONTRIBUTING.md"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).expect("a folder") {
        let entry = entry.expect("an entry");
        let mut module = entry.file_name().into_string().expect("a name");
        if entry.path().is_dir() {
            module.push('/');
        }
        assert!(
            modules.iter().any(|row| row[0] == code(&module)),
            "{module} is not in CONTRIBUTING.md"
        );
    }
}
