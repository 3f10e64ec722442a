//! The whole program, as a process on loopback, with a source whose faults each test chooses.

mod fleet;
mod server;
mod source;
mod system;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use support::{
    stand_in::{SDK_KEY, delivery},
    testing::{BODY, FORGED, SIGNATURE},
};
use tempfile::tempdir;

use crate::{
    server::{PROGRAM, Server, VWO_SDK_KEY, eventually, optimizely, optimizely_at},
    source::{Answer, Source},
};

#[test]
fn without_configuration_it_demonstrates_on_loopback() {
    let mut process = Command::new(PROGRAM)
        .env_remove("SYNC_CONFIG")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut text = String::new();
    let output = process.stdout.as_mut().expect("its output");
    while !text.contains("/readyz\n") {
        let mut byte = [0];
        output
            .read_exact(&mut byte)
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        text.push(byte[0].into());
    }
    process.kill().expect("killed");
    process.wait().expect("it ends");
    assert!(
        text.contains("before   Optimizely revision \"12\", VWO version 7\n"),
        "{text}"
    );
    assert!(text.contains("delivery optimizely 200 OK\n"), "{text}");
    assert!(text.contains("delivery vwo 200 OK\n"), "{text}");
    assert!(
        text.contains("after    Optimizely revision \"13\", VWO version 8\n"),
        "{text}"
    );
}

#[test]
fn no_fault_of_the_source_replaces_a_good_datafile_and_it_recovers_by_itself() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let server = Server::start(folder.path(), &optimizely(folder.path(), &source));
    eventually("the first datafile", || server.revision() == Some(13));
    let mut revision = 13;
    for fault in [
        Answer::Status("500 Internal Server Error"),
        Answer::Status("403 Forbidden"),
        Answer::Status("404 Not Found"),
        // It is not followed.
        Answer::Status("301 Moved Permanently\r\nlocation: /datafiles/elsewhere.json"),
        Answer::Bytes(b"\xff\xfe"),
        Answer::Text("<html>"),
        Answer::Text("{}"),
        Answer::Text(""),
        Answer::Truncated,
        Answer::Foreign(1000),
        Answer::Endless,
        Answer::Bomb,
    ] {
        source.answer(fault.clone());
        let before = source.requests().len();
        assert_eq!(server.deliver(revision + 1), 200);
        eventually("a request", || source.requests().len() > before);
        eventually("the failure is counted", || {
            server.metric("sync_failures{key=\"QMVJcUKE\"}") >= Some(1.0)
        });
        assert_eq!(server.revision(), Some(revision), "{fault:?}");
        assert_eq!(server.ready().0, 200, "{fault:?}");
        revision += 1;
        source.answer(Answer::Gzip(revision));
        eventually("the new datafile", || server.revision() == Some(revision));
    }
    let requests = source.requests();
    assert!(!requests.iter().any(|head| head.contains("elsewhere")));
    let asks_for_gzip = |head: &String| head.to_ascii_lowercase().contains("accept-encoding: gzip");
    assert!(requests.iter().all(asks_for_gzip), "{requests:?}");
    // The limit is 16 MiB after the decompression.
    let peak = server.peak_memory();
    assert!(peak < 100_000_000, "{peak} bytes");
    eventually("the failures are in the log", || {
        server.log().contains("download failed")
    });
}

#[test]
fn a_source_that_lags_is_asked_until_it_has_the_revision() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let server = Server::start(folder.path(), &optimizely(folder.path(), &source));
    eventually("the first datafile", || server.revision() == Some(13));
    assert_eq!(server.deliver(14), 200);
    let before = source.requests().len();
    eventually("more than one look", || {
        source.requests().len() >= before + 2
    });
    assert_eq!(
        server.metric("sync_wanted_revision{key=\"QMVJcUKE\"}"),
        Some(14.0)
    );
    assert!(
        source.requests()[before]
            .to_ascii_lowercase()
            .contains("if-none-match: \"13\"")
    );
    source.answer(Answer::Datafile(14));
    let took = eventually("the new datafile", || server.revision() == Some(14));
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn a_source_that_asks_to_wait_is_not_asked_before() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Status("429 Too Many Requests\r\nretry-after: 4"));
    let begin = Instant::now();
    let server = Server::start(folder.path(), &optimizely(folder.path(), &source));
    eventually("a request", || source.requests().len() == 1);
    assert_eq!(server.ready().0, 503);
    let (status, text) = server.get(&server.api, &format!("/datafiles/{SDK_KEY}.json"));
    assert!(status == 503 && text.contains("retry-after: 1"), "{text}");
    source.answer(Answer::Datafile(13));
    assert_eq!(server.deliver(13), 200);
    eventually("the datafile", || server.revision() == Some(13));
    assert!(
        begin.elapsed() >= Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(source.requests().len(), 2);
    assert_eq!(server.ready().0, 200);
}

#[test]
fn a_hanging_download_delays_no_delivery_and_is_cut_by_a_newer_one() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let server = Server::start(folder.path(), &optimizely(folder.path(), &source));
    eventually("the first datafile", || server.revision() == Some(13));
    source.answer(Answer::Hang);
    let before = source.requests().len();
    assert_eq!(server.deliver(14), 200);
    eventually("a request", || source.requests().len() > before);
    source.answer(Answer::Datafile(15));
    assert_eq!(server.deliver(15), 200);
    let took = eventually("the new datafile", || server.revision() == Some(15));
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn an_older_revision_is_accepted_only_on_request() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let server = Server::start(folder.path(), &optimizely(folder.path(), &source));
    eventually("the first datafile", || server.revision() == Some(13));
    source.answer(Answer::Datafile(3));
    assert_eq!(server.deliver(14), 200);
    eventually("the older one is seen", || {
        server.log().contains("an older version")
    });
    assert_eq!(server.revision(), Some(13));
    let accept_older = |key: &str| {
        server
            .request(
                &server.admin,
                &format!("POST /older/{key} HTTP/1.1\r\n"),
                "",
            )
            .0
    };
    assert_eq!(accept_older("unknown"), 404);
    assert_eq!(accept_older(SDK_KEY), 202);
    eventually("the older one", || server.revision() == Some(3));
}

#[test]
fn after_a_restart_with_the_source_down_it_serves_the_last_good_datafile() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let config = optimizely(folder.path(), &source);
    let server = Server::start(folder.path(), &config);
    eventually("the first datafile", || server.revision() == Some(13));
    source.answer(Answer::Datafile(14));
    server.deliver(14);
    eventually("the new datafile", || server.revision() == Some(14));
    let took = server.stop();
    assert!(took < Duration::from_secs(3), "{took:?}");

    source.answer(Answer::Status("503 Service Unavailable"));
    let server = Server::start(folder.path(), &config);
    let took = eventually("ready", || server.ready().0 == 200);
    println!("ready {took:?} after a restart with the source down");
    assert!(
        server.ready().1.contains("optimizely QMVJcUKE Stale"),
        "{}",
        server.ready().1
    );
    assert_eq!(server.revision(), Some(14));
    // A revision that is older than the stored one is not accepted.
    source.answer(Answer::Datafile(12));
    eventually("the older one is seen", || {
        server.log().contains("an older version")
    });
    assert_eq!(server.revision(), Some(14));
    source.answer(Answer::Datafile(14));
    server.deliver(15);
    eventually("confirmed", || server.ready().1.contains("QMVJcUKE Ready"));
    drop(server);

    source.answer(Answer::Hang);
    let fresh = config.replace("[sync]", "[sync]\nstart_without = \"fresh\"");
    let server = Server::start(folder.path(), &fresh);
    eventually("the stored one", || server.revision() == Some(14));
    assert_eq!(server.ready().0, 503);
}

#[test]
fn a_process_that_is_killed_while_it_saves_leaves_a_whole_file() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let config = optimizely(folder.path(), &source);
    let mut last = 0;
    for round in 0..8 {
        let server = Server::start(folder.path(), &config);
        eventually("a datafile", || server.revision().is_some());
        let served = server.revision().expect("a revision");
        assert!(served >= last, "round {round}: {served} after {last}");
        // The kill comes at another moment of the save in each round.
        source.answer(Answer::Datafile(served + 1));
        server.deliver(served + 1);
        eventually("the new datafile", || server.revision() == Some(served + 1));
        std::thread::sleep(Duration::from_micros(500 * round));
        assert!(!server.log().contains("digest differs"), "{}", server.log());
        server.kill();
        last = served;
    }
    source.answer(Answer::Status("503 Service Unavailable"));
    let server = Server::start(folder.path(), &config);
    eventually("the stored one", || server.revision() >= Some(last));
}

#[test]
fn official_sdks_get_conditional_responses() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let server = Server::start(folder.path(), &optimizely(folder.path(), &source));
    eventually("the first datafile", || server.revision() == Some(13));
    let path = format!("/datafiles/{SDK_KEY}.json");
    let (_, text) = server.get(&server.api, &path);
    let etag = text
        .lines()
        .find(|line| line.starts_with("etag: "))
        .expect("an ETag");
    let etag = etag.trim_end().trim_start_matches("etag: ");
    for (value, status) in [(etag, 304), ("*", 304), ("\"other\"", 200)] {
        let head = format!("GET {path} HTTP/1.1\r\nif-none-match: {value}\r\n");
        assert_eq!(server.request(&server.api, &head, "").0, status, "{value}");
    }
    let (status, text) = server.request(&server.api, &format!("HEAD {path} HTTP/1.1\r\n"), "");
    assert!(status == 200 && text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!(server.get(&server.api, "/datafiles/unknown.json").0, 404);
    // Each port has its own routes only.
    assert_eq!(server.get(&server.hooks, &path).0, 404);
    assert_eq!(server.get(&server.api, "/metrics").0, 404);
    assert_eq!(server.get(&server.hooks, "/webhooks/optimizely").0, 405);
    assert_eq!(server.get(&server.admin, "/healthz").0, 200);
}

#[test]
fn every_rejected_and_every_ignored_delivery_is_logged_and_counted_with_its_reason() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let server = Server::start(folder.path(), &optimizely(folder.path(), &source));
    eventually("the first datafile", || server.revision() == Some(13));
    let before = source.requests().len();

    let forged = "POST /webhooks/optimizely HTTP/1.1\r\nx-hub-signature: sha1=0000000000000000000000000000000000000000\r\n";
    assert_eq!(server.request(&server.hooks, forged, "{}").0, 401);
    assert_eq!(server.deliver(13), 200);
    let other = delivery("another", 14).replace("Production", "Staging");
    assert_eq!(server.deliver_body(&other), 200);
    let foreign = delivery(SDK_KEY, 14).replace("11387641093", "5");
    assert_eq!(server.deliver_body(&foreign), 403);
    let event = delivery(SDK_KEY, 14).replace("datafile_updated", "flag_updated");
    assert_eq!(server.deliver_body(&event), 200);
    for reason in [
        "not_newer",
        "no_such_environment",
        "other_project",
        "other_event",
        "signature_mismatch",
    ] {
        let line = format!("webhook_deliveries_total{{result=\"{reason}\",vendor=\"optimizely\"}}");
        assert_eq!(
            server.metric(&line),
            Some(1.0),
            "{reason}: {}",
            server.log()
        );
        eventually(reason, || server.log().contains(reason));
    }
    eventually("both names are in the log", || {
        server.log().contains("Staging") && server.log().contains("Production")
    });
    assert_eq!(
        source.requests().len(),
        before,
        "an ignored delivery caused a download"
    );

    // The name counts if the SDK key is not known, and an authentic body that cannot be read causes a look.
    source.answer(Answer::Datafile(14));
    assert_eq!(server.deliver_body(&delivery("another", 14)), 200);
    eventually("by its name", || server.revision() == Some(14));
    source.answer(Answer::Datafile(15));
    assert_eq!(server.deliver_body("[]"), 200);
    eventually("by a look", || server.revision() == Some(15));
    // No secret and no whole SDK key is in the log.
    let log = server.log();
    assert!(
        !log.contains(support::stand_in::SECRET) && !log.contains(SDK_KEY),
        "{log}"
    );
}

#[test]
fn vwo_is_looked_at_again_when_its_server_is_behind_its_webhook() {
    for (product, path) in [
        ("fme", "/server-side/v2-pull?"),
        ("fullstack", "/server-side/pull?"),
    ] {
        let folder = tempdir().expect("a folder");
        let source = Source::start(Answer::Settings(7));
        let config = format!(
            r#"
            [listen]
            hooks = "127.0.0.1:0"
            api = "127.0.0.1:0"
            admin = "127.0.0.1:0"
            [[vwo.account]]
            id = "1001"
            product = "{product}"
            host = "http://{}"
            environment = [{{ sdk_key = "{VWO_SDK_KEY}", keys = [{{ name = "now", env = "VWO_KEY" }}] }}]
            "#,
            source.address
        );
        let server = Server::start(folder.path(), &config);
        let settings = || {
            server
                .get(
                    &server.api,
                    &format!("/server-side/v2-settings?i={VWO_SDK_KEY}"),
                )
                .1
        };
        eventually("the first settings", || {
            settings().contains("\"version\":7")
        });
        assert!(
            source.requests()[0].contains(path),
            "{:?}",
            source.requests()
        );
        let before = source.requests().len();
        // Any authentic body counts, and the response is 200, or VWO repeats it.
        assert_eq!(server.deliver_vwo("not the event of today"), 200);
        eventually("a first look", || source.requests().len() > before);
        source.answer(Answer::Settings(8));
        eventually("a second look", || settings().contains("\"version\":8"));
        assert_eq!(
            server
                .get(&server.api, "/server-side/v2-settings?i=unknown")
                .0,
            404
        );
        let wrong = "POST /webhooks/vwo HTTP/1.1\r\nx-vwo-auth: wrong\r\n";
        assert_eq!(server.request(&server.hooks, wrong, "{}").0, 401);
        let line = "webhook_deliveries_total{result=\"key_mismatch\",vendor=\"vwo\"}";
        let (_, metrics) = server.get(&server.admin, "/metrics");
        assert_eq!(server.metric(line), Some(1.0), "{metrics}");
    }
}

#[test]
fn a_secure_environment_sends_its_token_and_asks_for_it() {
    let folder = tempdir().expect("a folder");
    fs::write(folder.path().join("token"), "a-token-of-optimizely\n").expect("a file");
    let source = Source::start(Answer::Datafile(13));
    let address = source.address;
    let config = optimizely(folder.path(), &source)
        .replace(
            "name = \"Production\"",
            &format!("token = {{ file = \"{}/token\" }}", folder.path().display()),
        )
        .replace(
            "environment =",
            &format!("secure_url = \"http://{address}/auth/{{sdk_key}}.json\"\nenvironment ="),
        );
    let server = Server::start(folder.path(), &config);
    eventually("ready", || server.ready().0 == 200);
    let request = source.requests()[0].to_ascii_lowercase();
    assert!(
        request.contains("authorization: bearer a-token-of-optimizely"),
        "{request}"
    );
    assert!(request.starts_with("get /auth/qmv"), "{request}");
    let asked = |token: &str| {
        let head = format!(
            "GET /datafiles/auth/{SDK_KEY}.json HTTP/1.1\r\nauthorization: Bearer {token}\r\n"
        );
        server.request(&server.api, &head, "").0
    };
    assert_eq!(
        (asked("a-token-of-optimizely"), asked("another"), asked("")),
        (200, 403, 403)
    );
    assert_eq!(
        server
            .get(&server.api, &format!("/datafiles/{SDK_KEY}.json"))
            .0,
        404
    );
}

#[test]
fn sighup_changes_keys_and_environments_and_an_unusable_file_changes_nothing() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let config = optimizely(folder.path(), &source);
    let server = Server::start(folder.path(), &config);
    eventually("the first datafile", || server.revision() == Some(13));
    let before = source.requests().len();

    server.reload("[listen]\nunknown = 1\n");
    eventually("the error is logged", || {
        server.log().contains("nothing changed")
    });
    assert_eq!((server.deliver(13), server.revision()), (200, Some(13)));

    // Another environment: the first one keeps its document without a download.
    let more = config.replace("environment = [", "environment = [{ sdk_key = \"QMV2\" }, ");
    server.reload(&more);
    eventually("the second environment", || {
        server.get(&server.api, "/datafiles/QMV2.json").0 == 200
    });
    assert_eq!(source.requests().len(), before + 1);
    assert_eq!(server.revision(), Some(13));

    // Another secret: the old one is not accepted any more.
    let other = folder.path().join("other");
    fs::write(&other, "another secret that is long enough").expect("a file");
    let rotated = config.replace(
        &format!("{}/secret", folder.path().display()),
        &other.display().to_string(),
    );
    server.reload(&rotated);
    eventually("the old secret is rejected", || server.deliver(14) == 401);
    assert_eq!(server.get(&server.api, "/datafiles/QMV2.json").0, 404);
}

#[test]
fn the_stop_is_bounded_although_a_download_hangs_and_a_client_is_silent() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let config = optimizely(folder.path(), &source).replace("drain = \"5s\"", "drain = \"2s\"");
    let server = Server::start(folder.path(), &config);
    eventually("the first datafile", || server.revision() == Some(13));
    source.answer(Answer::Hang);
    server.deliver(14);
    eventually("a hanging request", || source.requests().len() > 1);
    let mut silent = TcpStream::connect(&server.hooks).expect("a connection");
    silent.write_all(b"POST /webhooks").expect("sent");
    server.signal("TERM");
    // Until the end, the operator sees that the replica takes no more requests.
    eventually("it is not ready any more", || server.ready().0 == 503);
    let took = server.ended();
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn check_prints_the_configuration_without_secrets_and_names_each_mistake() {
    let folder = tempdir().expect("a folder");
    let check = |config: &str| {
        let path = folder.path().join("checked.toml");
        fs::write(&path, config).expect("a file");
        let output = Command::new(PROGRAM)
            .arg("--check")
            .arg(&path)
            .envs([
                ("OPTIMIZELY_SECRET", "a secret of optimizely"),
                ("OPTIMIZELY_TOKEN", "a token"),
                ("VWO_KEY", server::VWO_KEY),
                ("REDIS_URL", "redis://user:a-password@redis:6379"),
            ])
            .output()
            .expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (
            output.status.success(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    // The file that shows all fields.
    let (good, text, error) = check(include_str!("../../sync.toml"));
    assert!(good, "{error}");
    assert!(
        text.contains("optimizely QMVJcUKE… from cdn.optimizely.com\n"),
        "{text}"
    );
    assert!(
        text.contains("optimizely KVpGWnzP… from config.optimizely.com, secure\n"),
        "{text}"
    );
    assert!(text.contains("key 1001/01234567/now\n"), "{text}");
    assert!(
        text.contains("fleet over Redis at redis:6379, channel sync_server\n"),
        "{text}"
    );
    assert!(
        !text.contains("a-password")
            && !text.contains("a secret")
            && !text.contains("a token")
            && !text.contains(SDK_KEY),
        "{text}"
    );

    let line = |line: &&str| !line.starts_with("channel");
    let lines: Vec<_> = include_str!("../../sync.toml")
        .lines()
        .filter(line)
        .collect();
    let peers = lines.join("\n").replace(
        "redis = { env = \"REDIS_URL\" }",
        "peers = [\"sync-headless:8080\"]",
    );
    let (good, text, error) = check(&peers);
    assert!(good, "{error}");
    assert!(
        text.contains("fleet of peers: sync-headless:8080\n")
            && text.contains("warning: deliveries of VWO are not passed on to peers"),
        "{text}"
    );

    let config = optimizely_at(folder.path(), "http://127.0.0.1:1");
    let with_token = config.replace(SDK_KEY, &format!("{SDK_KEY}:text"));
    let (good, text, error) = check(&with_token);
    assert!(good, "{error}");
    assert!(
        text.contains("warning: the token of QMVJcUKE… is in the configuration file")
            && !text.contains(":text"),
        "{text}"
    );
    for (from, to, part) in [
        ("hooks =", "hook =", "unknown field `hook`"),
        ("\"5s\"", "\"soon\"", "\"soon\" is no time"),
        (
            "now\", file",
            "now\", env = \"X\", file",
            "needs either `env` or `file`",
        ),
        ("/secret\"", "/missing\"", "cannot read"),
        (
            "QMVJcUKEJZFg8pQ2jhAybK",
            "the whole key",
            "the SDK key the whol… has the character ' '",
        ),
        ("{sdk_key}.json", "all.json", "has no {sdk_key}"),
        (
            "http://127",
            "ftp://127",
            "does not begin with http:// or https://",
        ),
        (
            "environment = [",
            "environment = [{ sdk_key = \"QMVJcUKEJZFg8pQ2jhAybK\" }, ",
            "appears twice",
        ),
        (
            "secrets = [",
            "secrets = [{ name = \"old\", file = \"SECRET\" }, ",
            "another key has the same secret",
        ),
        (
            "QMVJcUKEJZFg8pQ2jhAybK\"",
            "QMVJcUKEJZFg8pQ2jhAybK:\"",
            "the token of QMVJcUKE… is empty",
        ),
        (
            "QMVJcUKEJZFg8pQ2jhAybK\"",
            "QMVJcUKEJZFg8pQ2jhAybK:text\", token = { file = \"SECRET\" }",
            "has two tokens",
        ),
        (
            "sdk_key = \"QMVJcUKEJZFg8pQ2jhAybK\"",
            "sdk_key = { env = \"X\", path = \"y\" }",
            "unknown field `path`",
        ),
        (
            "[sync]",
            "[fleet]\n[sync]",
            "needs either `redis` or `peers`",
        ),
        (
            "[sync]",
            "[fleet]\npeer = []\n[sync]",
            "unknown field `peer`",
        ),
        ("[sync]", "[fleet]\npeers = []\n[sync]", "there is no peer"),
        (
            "[sync]",
            "[fleet]\npeers = [\"sync-headless\"]\n[sync]",
            "the peer \"sync-headless\" is not \"host:port\"",
        ),
        (
            "[sync]",
            "[fleet]\npeers = [\"a:1\"]\nchannel = \"c\"\n[sync]",
            "`channel` is for `redis`",
        ),
        (
            "[sync]",
            "[fleet]\nredis = { file = \"SECRET\" }\n[sync]",
            "fleet.redis is not a URL",
        ),
        (
            "[listen]",
            "log = \"xml\"\n[listen]",
            "unknown variant `xml`",
        ),
    ] {
        let secret = folder.path().join("secret").display().to_string();
        let changed = config.replace(from, to).replace("SECRET", &secret);
        assert_ne!(changed, config);
        let (good, _, error) = check(&changed);
        assert!(
            !good
                && error.starts_with("error: ")
                && error.contains(part)
                && !error.contains(support::stand_in::SECRET),
            "{part}: {error}"
        );
    }
}

#[test]
fn a_reload_that_adds_an_environment_without_a_document_keeps_the_replica_in_service() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let config = optimizely(folder.path(), &source);
    let server = Server::start(folder.path(), &config);
    eventually("ready", || server.ready().0 == 200);
    source.answer(Answer::Status("404 Not Found"));
    server.reload(&config.replace("environment = [", "environment = [{ sdk_key = \"QMV2\" }, "));
    eventually("the second environment", || {
        server.ready().1.contains("QMV2 Failed")
    });
    assert_eq!(server.ready().0, 200);
    assert_eq!(server.revision(), Some(13));
}

#[test]
fn a_secure_environment_is_also_configured_as_optimizely_agent_writes_it() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("key");
    fs::write(&file, format!("{SDK_KEY}:a+token/of=optimizely\n")).expect("a file");
    let source = Source::start(Answer::Datafile(13));
    let address = source.address;
    let config = optimizely(folder.path(), &source)
        .replace(
            &format!("sdk_key = \"{SDK_KEY}\", name = \"Production\""),
            &format!("sdk_key = {{ file = {file:?} }}"),
        )
        .replace(
            "environment =",
            &format!("secure_url = \"http://{address}/auth/{{sdk_key}}.json\"\nenvironment ="),
        );
    let server = Server::start(folder.path(), &config);
    eventually("ready", || server.ready().0 == 200);
    let request = source.requests()[0].clone();
    assert!(
        request.contains("authorization: Bearer a+token/of=optimizely"),
        "{request}"
    );
    // A delivery names the SDK key alone.
    source.answer(Answer::Datafile(14));
    assert_eq!(server.deliver(14), 200);
    let served = || {
        let head = format!(
            "GET /datafiles/auth/{SDK_KEY}.json HTTP/1.1\r\nauthorization: Bearer a+token/of=optimizely\r\n"
        );
        server.request(&server.api, &head, "").1
    };
    eventually("the new datafile", || {
        served().contains("\"revision\":\"14\"")
    });
    assert!(!server.log().contains("a+token"), "{}", server.log());
}

#[test]
fn sdk_keys_in_base64_are_asked_for_and_served() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let config = optimizely(folder.path(), &source).replace(SDK_KEY, "QMV+a/b==");
    let server = Server::start(folder.path(), &config);
    eventually("a request", || !source.requests().is_empty());
    let request = source.requests()[0].clone();
    assert!(
        request.starts_with("GET /datafiles/QMV%2Ba%2Fb%3D%3D.json "),
        "{request}"
    );
    source.answer(Answer::Text("{\"revision\":\"13\"}"));
    assert_eq!(server.deliver_body(&delivery("another", 13)), 200);
    eventually("it is served", || {
        let path = "/datafiles/QMV%2Ba%2Fb%3D%3D.json";
        server.get(&server.api, path).0 == 200
    });
}

#[test]
fn log_lines_are_json_if_the_configuration_says_so() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let config = format!("log = \"json\"\n{}", optimizely(folder.path(), &source));
    let server = Server::start(folder.path(), &config);
    eventually("the first datafile", || server.revision() == Some(13));
    let forged = "POST /webhooks/optimizely HTTP/1.1\r\nx-hub-signature: sha1=0000000000000000000000000000000000000000\r\n";
    assert_eq!(server.request(&server.hooks, forged, "{}").0, 401);
    assert_eq!(server.deliver(13), 200);
    eventually("all lines", || {
        ["not_newer", "signature_mismatch", "new document"]
            .iter()
            .all(|text| server.log().contains(text))
    });
    let lines: Vec<serde_json::Value> = server
        .log()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let ignored = lines.iter().find(|line| line["reason"] == "not_newer");
    let ignored = ignored.expect("a line for the ignored delivery");
    assert_eq!(ignored["level"], "INFO");
    assert_eq!(ignored["vendor"], "optimizely");
    assert!(ignored["timestamp"].is_string(), "{ignored}");
    let first = lines.iter().find(|line| line["message"] == "new document");
    assert_eq!(
        first.expect("a line for the first datafile")["key"],
        "QMVJcUKE"
    );
}

/// The vector of Optimizely's documentation, and what the requests of Optimizely look like.
#[test]
fn the_published_delivery_is_accepted_and_each_change_of_it_gets_the_same_401() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let server = Server::start(folder.path(), &optimizely(folder.path(), &source));
    eventually("the first datafile", || server.revision() == Some(13));
    let send = |headers: &str, body: &str| {
        let head = format!("POST /webhooks/optimizely HTTP/1.1\r\n{headers}");
        server.request(&server.hooks, &head, body)
    };
    let good = format!("X-Hub-Signature: {}\r\n", SIGNATURE.1);
    for content_type in ["application/json", "text/plain"] {
        let headers = format!(
            "{good}Content-Type: {content_type}\r\nUser-Agent: AppEngine-Google; (+http://code.google.com/appengine)\r\n"
        );
        assert_eq!(send(&headers, BODY).0, 200, "{content_type}");
    }
    // The payload of the time before environments.
    let old = delivery(SDK_KEY, 13).replace("\"environment\":\"Production\",", "");
    assert!(!old.contains("Production"));
    assert_eq!(server.deliver_body(&old), 200);

    let hex = SIGNATURE.1.trim_start_matches("sha1=");
    let forged = FORGED.1;
    let responses = [
        (String::new(), BODY),
        ("X-Hub-Signature: \r\n".into(), BODY),
        (format!("X-Hub-Signature: {hex}\r\n"), BODY),
        (format!("X-Hub-Signature: {forged}\r\n"), BODY),
        ("X-Hub-Signature: sha1=b249\r\n".into(), BODY),
        (good.clone(), "{}"),
        (good, &BODY[1..]),
    ]
    .map(|(headers, body)| {
        let (status, text) = send(&headers, body);
        assert_eq!(status, 401, "{headers}");
        assert!(
            text.contains("content-type: application/problem+json"),
            "{text}"
        );
        text.split_once("\r\n\r\n").expect("a body").1.to_owned()
    });
    assert!(
        responses.iter().all(|body| *body == responses[0]),
        "{responses:?}"
    );
    assert_eq!(server.get(&server.hooks, "/webhooks/unknown").0, 404);
}

#[test]
fn a_reload_that_starts_an_environment_again_keeps_its_document() {
    let folder = tempdir().expect("a folder");
    let source = Source::start(Answer::Datafile(13));
    let store = format!(
        "[store]\n        folder = \"{}/store\"",
        folder.path().display()
    );
    let config = optimizely(folder.path(), &source);
    let without = config.replace(&store, "");
    assert_ne!(without, config);
    let server = Server::start(folder.path(), &without);
    eventually("the first datafile", || server.revision() == Some(13));
    // The source is down, and the new options concern all environments.
    source.answer(Answer::Status("503 Service Unavailable"));
    server.reload(&config.replace("[sync]", "[sync]\npoll = \"1s\""));
    eventually("it is started again", || {
        server.ready().1.contains("QMVJcUKE Stale")
    });
    assert_eq!(server.revision(), Some(13));
    // The document is in the new folder, too.
    server.kill();
    let server = Server::start(folder.path(), &config);
    eventually("the stored one", || server.revision() == Some(13));
}
