//! Three replicas as processes, a source that counts, and a real Redis that fails.

use std::{
    future::pending,
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use support::{
    stand_in::{SDK_KEY, SECRET, StandIn, delivery},
    testing::{Process, Program, free_port, redis},
};
use tower_webhook_auth::{Secret, provider, server::Server, testing::Signer};

const REPLICA: &str = env!("CARGO_BIN_EXE_fleet");

/// A source on its own thread, and its URL.
fn source() -> (StandIn, String) {
    let source = StandIn::default();
    source.publish(12, false);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = source.clone().router();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            Server::new().serve_until(listener, router, pending()).await;
        });
    });
    (source, url)
}

fn replica(source: &str, more: (&str, &str)) -> Program {
    let variables = [
        ("OPTIMIZELY_WEBHOOK_SECRET", SECRET),
        ("OPTIMIZELY_SDK_KEY", SDK_KEY),
        ("OPTIMIZELY_CDN", source),
        more,
    ];
    Program::start(REPLICA, &variables)
}

fn signature(body: &str) -> String {
    let secret = Secret::new(SECRET).expect("a secret");
    let signer = Signer::new(&provider::optimizely(secret.clone()), &secret).expect("a signer");
    let request = Request::post("/")
        .body(Bytes::from(body.to_owned()))
        .expect("a request");
    let signed = signer.sign(request);
    signed.headers()["x-hub-signature"]
        .to_str()
        .expect("text")
        .to_owned()
}

fn deliver(replica: &Program, revision: u64) {
    let body = delivery(SDK_KEY, revision);
    let headers = [("x-hub-signature", &*signature(&body))];
    assert_eq!(replica.post("/webhooks/optimizely", &headers, &body), 200);
}

fn status(replica: &Program, field: &str) -> String {
    let text = replica.get_text("/status");
    let value = text
        .split_whitespace()
        .find_map(|part| part.strip_prefix(field)?.strip_prefix('='));
    value
        .unwrap_or_else(|| panic!("no {field}: {text}"))
        .to_owned()
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    begin.elapsed()
}

fn all_at(replicas: &[Program], revision: u64) -> Duration {
    let revision = revision.to_string();
    eventually(&revision, || {
        replicas
            .iter()
            .all(|replica| status(replica, "revision") == revision)
    })
}

#[test]
fn over_redis_all_replicas_learn_of_a_delivery_and_catch_up_after_redis_failed() {
    let port = free_port();
    let Some(server) = redis(port) else {
        return;
    };
    let (source, cdn) = source();
    let url = format!("redis://127.0.0.1:{port}");
    let replicas = [(); 3].map(|()| replica(&cdn, ("FLEET_REDIS", &url)));
    let connected = |yes: &str| {
        replicas
            .iter()
            .all(|replica| status(replica, "connected") == yes)
    };
    all_at(&replicas, 12);
    eventually("all are connected", || connected("true"));

    source.publish(13, true);
    deliver(&replicas[0], 13);
    println!("all three after {:?}", all_at(&replicas, 13));

    // Redis is killed. The replica with the delivery continues, and the others do not get the change.
    drop(server);
    eventually("all notice it", || connected("false"));
    source.publish(14, false);
    deliver(&replicas[0], 14);
    all_at(&replicas[..1], 14);
    assert_eq!(status(&replicas[1], "revision"), "13");

    // It is back: all catch up without a delivery, and the first delivery after it is not lost.
    let server = redis(port).expect("it was there before");
    println!("caught up {:?} after Redis is back", all_at(&replicas, 14));
    eventually("all are connected", || connected("true"));
    source.publish(15, true);
    deliver(&replicas[1], 15);
    println!("all three after {:?}", all_at(&replicas, 15));

    // Half-open: the connections stay, but nothing answers. The ping notices it.
    server.signal("STOP");
    let noticed = eventually("all notice it", || connected("false"));
    println!("a half-open connection is noticed after {noticed:?}");
    source.publish(16, false);
    deliver(&replicas[2], 16);
    all_at(&replicas[2..], 16);
    server.signal("CONT");
    println!(
        "caught up {:?} after Redis answers again",
        all_at(&replicas, 16)
    );
}

#[test]
fn without_a_broker_the_signed_request_is_passed_on_but_not_without_end() {
    let (source, cdn) = source();
    // The names of the peers are needed before their ports are known.
    let ports = [free_port(), free_port(), free_port()];
    let peers = ports.map(|port| format!("127.0.0.1:{port}")).join(",");
    let start = |port: u16| {
        let port = port.to_string();
        let mut command = support::testing::command(
            REPLICA,
            &[
                ("OPTIMIZELY_WEBHOOK_SECRET", SECRET),
                ("OPTIMIZELY_SDK_KEY", SDK_KEY),
                ("OPTIMIZELY_CDN", &cdn),
                ("FLEET_PEERS", &peers),
                ("PORT", &port),
            ],
        );
        Process(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it runs"),
        )
    };
    let processes = ports.map(start);
    let get = |port: u16, field: &str| -> String {
        use std::io::{Read, Write};
        let mut text = String::new();
        if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) {
            let _ = stream
                .write_all(b"GET /status HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
            let _ = stream.read_to_string(&mut text);
        }
        let value = text
            .split_whitespace()
            .find_map(|part| part.strip_prefix(field)?.strip_prefix('='));
        value.unwrap_or_default().to_owned()
    };
    let post = |port: u16, revision: u64, more: &str| {
        use std::io::{Read, Write};
        let body = delivery(SDK_KEY, revision);
        let (length, signature) = (body.len(), signature(&body));
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        write!(stream, "POST /webhooks/optimizely HTTP/1.1\r\nhost: test\r\nx-hub-signature: {signature}\r\n{more}content-length: {length}\r\n\r\n{body}").expect("sent");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("a status");
        assert_eq!(&status, b"HTTP/1.1 200");
    };
    let all_at = |revision: u64| {
        let revision = revision.to_string();
        eventually(&revision, || {
            ports.iter().all(|port| get(*port, "revision") == revision)
        })
    };
    all_at(12);
    source.publish(13, true);
    post(ports[2], 13, "");
    println!("all three after {:?}", all_at(13));
    // The sender's request, and one to each replica of the list. None is passed on again.
    let deliveries = || {
        ports
            .iter()
            .map(|port| get(*port, "deliveries").parse::<u64>().unwrap_or(0))
            .sum::<u64>()
    };
    eventually("four requests", || deliveries() == 4);

    // A request that was passed on, and lost its marker, is passed on once more. Then every replica has the revision.
    source.publish(14, false);
    post(ports[0], 14, "x-webhook-relayed: 1\r\n");
    post(ports[1], 14, "");
    println!("all three after {:?}", all_at(14));
    eventually("no more than five more", || deliveries() == 9);
    post(ports[2], 14, "");
    assert_eq!(deliveries(), 10, "an old revision was passed on");

    // A replica that does not answer gets it again when it does.
    processes[1].signal("STOP");
    source.publish(15, true);
    post(ports[0], 15, "");
    eventually("the others", || {
        [ports[0], ports[2]]
            .iter()
            .all(|port| get(*port, "revision") == "15")
    });
    processes[1].signal("CONT");
    println!("the one that was away: {:?}", all_at(15));
}
