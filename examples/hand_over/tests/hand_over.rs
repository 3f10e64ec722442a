//! The program itself, killed and started again, over each kind of queue that is installed.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use tower_webhook_auth::{Secret, provider, testing::Signer};

const SECRET: &str = "wJ4mX9-wJ4mX9";
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with its lines of output. It is killed when dropped.
struct Program {
    child: Child,
    lines: Receiver<String>,
    address: String,
}

impl Program {
    fn start(queue: &str, work_ms: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hand_over"))
            .env("QUEUE", queue)
            .env("PORT", "0")
            .env("OPTIMIZELY_WEBHOOK_SECRET", SECRET)
            .env("HEARTBEAT_MS", "2000")
            .env("WORK_MS", work_ms)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut program = Self {
            child,
            lines,
            address: String::new(),
        };
        let listening = program
            .wait_for("listening on http://")
            .pop()
            .expect("a line");
        let address = listening.split('/').nth(2).expect("an address");
        program.address = address.to_owned();
        program
    }

    /// All lines up to the first one with this text.
    fn wait_for(&self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            lines.push(line.unwrap_or_else(|_| panic!("no {text:?} after {lines:?}")));
            if lines.last().is_some_and(|line| line.contains(text)) {
                return lines;
            }
        }
    }

    /// Sends a delivery over HTTP, and returns the status.
    fn deliver(&self, project: u64) -> u16 {
        let secret = Secret::new(SECRET).expect("a secret");
        let signer = Signer::new(&provider::optimizely(secret.clone()), &secret);
        let body = format!(
            r#"{{"project_id":{project},"timestamp":2,"event":"project.created","data":{{}}}}"#
        );
        let request = signer.expect("a signer").request(body.clone());
        let signature = request.headers()["x-hub-signature"].to_str().expect("text");
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        write!(
            stream,
            "POST /webhooks/optimizely HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             X-Hub-Signature: {signature}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len(),
        )
        .expect("a request");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        response[9..12].parse().expect("a status")
    }

    fn kill(mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("its end");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nothing_is_lost_and_nothing_is_done_twice(queue: &str) {
    // Killed while it works on the first delivery, with another one waiting.
    let program = Program::start(queue, "600000");
    for project in [1, 1, 2, 1] {
        assert_eq!(program.deliver(project), 200);
    }
    program.wait_for("begin");
    program.kill();

    let program = Program::start(queue, "0");
    // A repetition after the restart is no new task, either.
    assert_eq!(program.deliver(1), 200);
    let mut lines = program.wait_for("done");
    lines.extend(program.wait_for("done"));
    assert_eq!(program.deliver(3), 200);
    lines.extend(program.wait_for("project 3: done"));
    for project in [1, 2, 3] {
        let done = format!("project {project}: done");
        let times = lines.iter().filter(|line| **line == done).count();
        assert_eq!(times, 1, "{done}: {lines:?}");
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn sqlite() {
    let file = folder("sqlite").join("deliveries.db");
    nothing_is_lost_and_nothing_is_done_twice(&format!("sqlite://{}?mode=rwc", file.display()));
}

#[test]
fn redis() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = port.expect("a port").port().to_string();
    let server = ["valkey-server", "redis-server"]
        .into_iter()
        .find_map(|program| {
            Command::new(program)
                .args([
                    "--bind",
                    "127.0.0.1",
                    "--port",
                    &port,
                    "--appendonly",
                    "yes",
                    "--dir",
                ])
                .arg(folder("redis"))
                .stdout(Stdio::null())
                .spawn()
                .ok()
        });
    let Some(mut server) = server else {
        println!("left out: neither valkey-server nor redis-server is installed");
        return;
    };
    while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        std::thread::yield_now();
    }
    let url = format!("redis://127.0.0.1:{port}");
    let tested = std::panic::catch_unwind(|| nothing_is_lost_and_nothing_is_done_twice(&url));
    server.kill().expect("a child");
    server.wait().expect("its end");
    tested.expect("no panic");
}

/// Run it with `examples/postgres cargo test`, which starts a server.
#[test]
fn postgres() {
    match std::env::var("TEST_POSTGRES_URL") {
        Ok(url) => nothing_is_lost_and_nothing_is_done_twice(&url),
        Err(_) => println!("left out: TEST_POSTGRES_URL names no empty database"),
    }
}
