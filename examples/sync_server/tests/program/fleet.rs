//! Three replicas that tell each other, over a real Redis that fails and without a broker.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use support::{
    stand_in::{SDK_KEY, delivery},
    testing::{free_port, redis, redis_with},
};
use tempfile::{TempDir, tempdir};

use crate::{
    server::{PROGRAM, Server, VWO_SDK_KEY, eventually, optimizely},
    source::{Answer, Source},
};

/// Three replicas with this section in their configurations. Each has its own folder.
fn replicas(source: &Source, section: impl Fn(usize, String) -> String) -> Vec<(Server, TempDir)> {
    (0..3)
        .map(|number| {
            let folder = tempdir().expect("a folder");
            let config = section(number, optimizely(folder.path(), source));
            (Server::start(folder.path(), &config), folder)
        })
        .collect()
}

fn over_redis(folder: &Path, port: u16) -> String {
    let file = folder.join("redis");
    fs::write(&file, format!("redis://127.0.0.1:{port}\n")).expect("a file");
    format!("[fleet]\nredis = {{ file = {file:?} }}\n")
}

fn all_at(replicas: &[(Server, TempDir)], revision: u64) -> Duration {
    eventually(&format!("all at {revision}"), || {
        replicas
            .iter()
            .all(|(server, _)| server.revision() == Some(revision))
    })
}

fn total(replicas: &[(Server, TempDir)], metric: &str) -> f64 {
    let values = replicas
        .iter()
        .map(|(server, _)| server.metric(metric).expect("the metric"));
    values.sum()
}

#[test]
fn over_redis_one_delivery_changes_what_all_replicas_serve_also_after_redis_failed() {
    let port = free_port();
    let Some(broker) = redis(port) else {
        return;
    };
    let shared = tempdir().expect("a folder");
    let fleet = over_redis(shared.path(), port);
    let (source, vwo) = (
        Source::start(Answer::Datafile(13)),
        Source::start(Answer::Settings(7)),
    );
    let account = format!(
        r#"
        [[vwo.account]]
        id = "1001"
        product = "fme"
        host = "http://{}"
        environment = [{{ sdk_key = "{VWO_SDK_KEY}", keys = [{{ name = "now", env = "VWO_KEY" }}] }}]
        "#,
        vwo.address
    );
    let replicas = replicas(&source, |_, config| format!("{config}{fleet}{account}"));
    let connected = || total(&replicas, "fleet_connected");
    all_at(&replicas, 13);
    eventually("all are connected", || connected() == 3.0);
    assert_eq!(total(&replicas, "fleet_catch_ups_total"), 3.0);
    let (status, lines) = replicas[2].0.ready();
    assert!(
        status == 200 && lines.contains("fleet redis Connected"),
        "{lines}"
    );

    source.answer(Answer::Datafile(14));
    assert_eq!(replicas[0].0.deliver(14), 200);
    println!("all three serve it after {:?}", all_at(&replicas, 14));
    assert_eq!(total(&replicas, "fleet_told_total"), 1.0);
    eventually("two heard it", || {
        total(&replicas, "fleet_heard_total") == 2.0
    });
    // An old revision is not passed on.
    assert_eq!(replicas[1].0.deliver(14), 200);
    assert_eq!(total(&replicas, "fleet_told_total"), 1.0);

    // A delivery that cannot be read, and one of VWO, which names no version.
    source.answer(Answer::Datafile(15));
    assert_eq!(replicas[1].0.deliver_body("[]"), 200);
    all_at(&replicas, 15);
    vwo.answer(Answer::Settings(8));
    assert_eq!(replicas[2].0.deliver_vwo("{}"), 200);
    eventually("the settings of all", || {
        let path = format!("/server-side/v2-settings?i={VWO_SDK_KEY}");
        let has = |server: &Server| server.get(&server.api, &path).1.contains("\"version\":8");
        replicas.iter().all(|(server, _)| has(server))
    });

    // Redis is killed. The replicas stay in service, and the one with the delivery goes on.
    drop(broker);
    eventually("all notice it", || connected() == 0.0);
    assert_eq!(total(&replicas, "fleet_lost_total"), 3.0);
    source.answer(Answer::Datafile(16));
    assert_eq!(replicas[0].0.deliver(16), 200);
    eventually("the replica with the delivery", || {
        replicas[0].0.revision() == Some(16)
    });
    assert_eq!(replicas[1].0.revision(), Some(15));
    assert_eq!(replicas[0].0.metric("fleet_unsent"), Some(1.0));
    let (status, lines) = replicas[0].0.ready();
    assert!(
        status == 200 && lines.contains("fleet redis Away"),
        "{lines}"
    );
    eventually("it is in the log", || {
        replicas[0]
            .0
            .log()
            .contains("does not hear the other replicas")
    });

    // It is back: all catch up without a delivery, and the first delivery after it is not lost.
    let broker = redis(port).expect("it was there before");
    println!("caught up {:?} after Redis is back", all_at(&replicas, 16));
    eventually("all are connected", || connected() == 3.0);
    assert_eq!(total(&replicas, "fleet_catch_ups_total"), 6.0);
    source.answer(Answer::Datafile(17));
    assert_eq!(replicas[1].0.deliver(17), 200);
    println!("all three serve it after {:?}", all_at(&replicas, 17));

    // Half-open: the connections stay, but nothing answers. The ping notices it, and no delivery waits.
    broker.signal("STOP");
    let noticed = eventually("all notice it", || connected() == 0.0);
    println!("a half-open connection is noticed after {noticed:?}");
    source.answer(Answer::Datafile(18));
    assert_eq!(replicas[2].0.deliver(18), 200);
    eventually("the replica with the delivery", || {
        replicas[2].0.revision() == Some(18)
    });
    broker.signal("CONT");
    println!(
        "caught up {:?} after Redis answers again",
        all_at(&replicas, 18)
    );
}

#[test]
fn without_a_broker_one_delivery_changes_what_all_replicas_serve() {
    // The names of the peers are needed before their ports are known.
    let ports = [free_port(), free_port(), free_port()];
    let peers = ports.map(|port| format!("\"127.0.0.1:{port}\"")).join(", ");
    let source = Source::start(Answer::Datafile(13));
    let replicas = replicas(&source, |number, config| {
        let hooks = format!("hooks = \"127.0.0.1:{}\"", ports[number]);
        let config = config.replace("hooks = \"127.0.0.1:0\"", &hooks);
        // A second environment: its news does not replace that of the first.
        let config = config.replace("environment = [", "environment = [{ sdk_key = \"QMV2\" }, ");
        format!("{config}[fleet]\npeers = [{peers}]\n")
    });
    all_at(&replicas, 13);
    source.answer(Answer::Datafile(14));
    assert_eq!(replicas[0].0.deliver(14), 200);
    assert_eq!(replicas[0].0.deliver_body(&delivery("QMV2", 14)), 200);
    println!("all three serve it after {:?}", all_at(&replicas, 14));
    eventually("the second environment of all", || {
        replicas.iter().all(|(server, _)| {
            let (_, text) = server.get(&server.api, "/datafiles/QMV2.json");
            text.contains("\"revision\":\"14\"")
        })
    });
    // Each of the two goes to each replica of the list once, also to the one that sends it.
    eventually("each peer got both", || {
        total(&replicas, "fleet_heard_total") == 6.0
    });
    assert_eq!(total(&replicas, "fleet_told_total"), 6.0);
    assert_eq!(total(&replicas, "fleet_lost_total"), 0.0);

    // A delivery that cannot be read is passed on, too.
    source.answer(Answer::Datafile(15));
    assert_eq!(replicas[1].0.deliver_body("[]"), 200);
    all_at(&replicas, 15);

    // A peer that hangs gets the request again when it answers. The others do not wait for it.
    replicas[2].0.signal("STOP");
    source.answer(Answer::Datafile(16));
    assert_eq!(replicas[0].0.deliver(16), 200);
    all_at(&replicas[..2], 16);
    eventually("it is reported", || {
        replicas[0].0.ready().1.contains("fleet peers Away")
    });
    assert_eq!(replicas[0].0.ready().0, 200);
    assert_eq!(replicas[0].0.metric("fleet_unsent"), Some(1.0));
    assert!(replicas[0].0.metric("fleet_lost_total") >= Some(1.0));
    eventually("it is in the log", || {
        replicas[0]
            .0
            .log()
            .contains("a peer did not accept a request")
    });
    replicas[2].0.signal("CONT");
    println!("the peer that was away: {:?}", all_at(&replicas, 16));
    eventually("all have it", || {
        replicas[0].0.metric("fleet_catch_ups_total") == Some(1.0)
    });
    let (_, lines) = replicas[0].0.ready();
    assert!(lines.contains("fleet peers Connected"), "{lines}");

    // A forged request with the marker of a peer is rejected as any other.
    let head = "POST /webhooks/optimizely HTTP/1.1\r\nx-webhook-relayed: 1\r\n";
    let server = &replicas[0].0;
    let heard = server.metric("fleet_heard_total");
    let body = delivery(SDK_KEY, 99);
    assert_eq!(server.request(&server.hooks, head, &body).0, 401);
    assert_eq!(server.metric("fleet_heard_total"), heard);
}

#[test]
fn sighup_connects_a_replica_to_redis_and_a_stop_waits_for_a_silent_redis_only_briefly() {
    let port = free_port();
    let Some(broker) = redis(port) else {
        return;
    };
    let shared = tempdir().expect("a folder");
    let fleet = over_redis(shared.path(), port);
    let source = Source::start(Answer::Datafile(13));
    let folders = [(); 2].map(|()| tempdir().expect("a folder"));
    let config = |folder: &TempDir| optimizely(folder.path(), &source);
    let [first, second] =
        [&folders[0], &folders[1]].map(|folder| Server::start(folder.path(), &config(folder)));
    for server in [&first, &second] {
        eventually("the first datafile", || server.revision() == Some(13));
        assert_eq!(server.metric("fleet_connected"), None);
    }
    for (server, folder) in [(&first, &folders[0]), (&second, &folders[1])] {
        server.reload(&format!("{}{fleet}", config(folder)));
        eventually("it is connected", || {
            server.metric("fleet_connected") == Some(1.0)
        });
    }
    source.answer(Answer::Datafile(14));
    first.deliver(14);
    eventually("told", || second.revision() == Some(14));

    // A change that is not passed on before the stop: the other replicas find it with their next poll.
    broker.signal("STOP");
    source.answer(Answer::Datafile(15));
    first.deliver(15);
    eventually("the replica with the delivery", || {
        first.revision() == Some(15)
    });
    let took = first.stop();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn over_redis_with_tls_and_a_password_which_is_in_no_log() {
    let folder = tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (key, certificate) = (path("key"), path("certificate"));
    // The certificate is its own certificate authority.
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
        ])
        .args([
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", &key, "-out", &certificate])
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        println!("left out: openssl is not installed");
        return;
    }
    let port = free_port();
    let port_text = port.to_string();
    let options = [
        "--port",
        "0",
        "--tls-port",
        &port_text,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "a-password",
    ];
    let Some(_broker) = redis_with(port, &options) else {
        return;
    };
    let source = Source::start(Answer::Datafile(13));
    for (password, expected) in [
        ("a-password", "hears the other replicas"),
        ("not-the-password", "does not hear the other replicas"),
    ] {
        let url = format!("rediss://:{password}@127.0.0.1:{port}");
        fs::write(path("redis"), url).expect("a file");
        let config = optimizely(folder.path(), &source);
        let config = format!(
            "{config}[fleet]\nredis = {{ file = {:?} }}\n",
            path("redis")
        );
        let mut command = Command::new(PROGRAM);
        command.env("SSL_CERT_FILE", &certificate);
        let server = Server::start_with(folder.path(), &config, command);
        eventually(expected, || server.log().contains(&format!(" {expected}")));
        assert_eq!(
            server.metric("fleet_connected"),
            Some(f64::from(u8::from(password == "a-password")))
        );
        assert!(!server.log().contains(password), "{}", server.log());
    }
}

/// `cargo bench -p sync_server --bench measure -- minute` does it for a minute at 500 per second.
#[test]
fn a_stream_of_deliveries_over_three_replicas_loses_none_and_costs_few_downloads() {
    let port = free_port();
    let Some(_broker) = redis(port) else {
        return;
    };
    let shared = tempdir().expect("a folder");
    let fleet = over_redis(shared.path(), port);
    let source = Source::start(Answer::Datafile(13));
    let replicas = replicas(&source, |_, config| format!("{config}{fleet}"));
    all_at(&replicas, 13);
    eventually("all are connected", || {
        total(&replicas, "fleet_connected") == 3.0
    });
    let (before, begin) = (source.requests().len(), Instant::now());
    // Each delivery has a revision of its own, and the source moves with them.
    thread::scope(|scope| {
        for (number, (server, _)) in replicas.iter().enumerate() {
            let source = &source;
            scope.spawn(move || {
                for revision in (14..1514_u64).skip(number).step_by(3) {
                    source.answer(Answer::Datafile(revision));
                    assert_eq!(server.deliver(revision), 200, "{revision}");
                }
            });
        }
    });
    let sent = begin.elapsed();
    source.answer(Answer::Datafile(1513));
    let served = all_at(&replicas, 1513);
    let downloads = source.requests().len() - before;
    println!(
        "1,500 deliveries in {sent:?}, all serve the last one {served:?} later, {downloads} requests to the source"
    );
    // At most one per second and replica, at any rate of deliveries.
    let seconds = begin.elapsed().as_secs() as usize;
    assert!(downloads <= 3 * (seconds + 2), "{downloads} in {seconds} s");
    let counted = ["accepted", "not_newer"].map(|result| {
        let line = format!("webhook_deliveries_total{{result=\"{result}\",vendor=\"optimizely\"}}");
        let each = replicas
            .iter()
            .filter_map(|(server, _)| server.metric(&line));
        each.sum::<f64>()
    });
    assert_eq!(counted[0] + counted[1], 1500.0, "{counted:?}");
}
