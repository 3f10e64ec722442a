//! For the tests of the examples: starts a program, reads its lines, sends requests, and stops it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

// From https://docs.developers.optimizely.com/feature-experimentation/docs/configure-webhooks.
pub const SECRET: &str = "yIRFMTpsBcAKKRjJPCIykNo6EkNxJn_nq01-_r3S8i4";
pub const SIGNATURE: (&str, &str) = (
    "x-hub-signature",
    "sha1=b2493723c6ea6973fbda41573222c8ecb1c82666",
);
pub const FORGED: (&str, &str) = (
    "x-hub-signature",
    "sha1=b2493723c6ea6973fbda41573222c8ecb1c82667",
);
pub const BODY: &str = concat!(
    r#"{"timestamp": 1558138293, "project_id": 11387641093, "data": {"cdn_url": "#,
    r#""https://cdn.optimizely.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "environment": "#,
    r#""Production", "origin_url": "https://optimizely.s3.amazonaws.com/datafiles/QMVJcUKEJZFg8pQ2jhAybK.json", "#,
    r#""revision": 13}, "event": "project.datafile_updated"}"#,
);
// From https://developers.vwo.com/docs/configure-webhooks.
pub const VWO_BODY: &str = r#"{
  "timestamp": 1606482285,
  "event": "settings_changed",
  "action": "campaign_settings_changed",
  "triggered_by": "vwo"
}"#;

/// A program with these variables, and with none of those that configure examples.
pub fn command(executable: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(executable);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let prefixes = ["OPTIMIZELY_", "VWO_", "ACME_"];
        if prefixes.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    for name in ["HOST", "PORT", "MAX_BODY_BYTES", "BODY_DEADLINE_MS"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command
}

/// What a program prints that does not start. It must not print anything but its error.
pub fn start_error(executable: &str, variables: &[(&str, &str)]) -> String {
    let output: Output = command(executable, variables).output().expect("it runs");
    assert!(!output.status.success(), "it started with {variables:?}");
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(error.starts_with("error: "), "{error}");
    error
}

/// Sends a signal to a process. After `STOP` it waits until every thread of the process is stopped: until then, one of
/// them may still respond to a request.
pub fn send_signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    while name == "STOP" && !is_stopped(process) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Whether all threads are stopped. `true` on systems without `/proc`.
fn is_stopped(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return true;
    };
    threads.flatten().all(|thread| {
        let state = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The state is behind the name of the program, which is in parentheses.
        let state = state.rsplit_once(") ").map(|(_, state)| state);
        state.is_none_or(|state| state.starts_with('T'))
    })
}

/// A program that listens on loopback.
pub struct Program {
    process: Child,
    output: BufReader<ChildStdout>,
    pub address: SocketAddr,
}

impl Program {
    /// Starts it on a port that the system chooses, and waits for `listening on http://…`.
    pub fn start(executable: &str, variables: &[(&str, &str)]) -> Self {
        let mut process = command(executable, variables)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut first = String::new();
        output.read_line(&mut first).expect("a first line");
        let address = first.trim_end().strip_prefix("listening on http://");
        let address = address.and_then(|address| address.parse::<SocketAddr>().ok());
        let Some(address) = address else {
            let mut log = String::new();
            let mut stderr = process.stderr.take().expect("its log");
            let _ = stderr.read_to_string(&mut log);
            panic!("the first line is {first:?}, the log is {log:?}");
        };
        assert!(address.ip().is_loopback());
        Self {
            process,
            output,
            address,
        }
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// The lines before this one.
    pub fn lines_until(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "{last:?} was never printed");
            if line == last {
                return lines;
            }
            lines.push(line);
        }
    }

    /// What `curl` would do with a line that was printed.
    pub fn curl(&self, line: &str) -> u16 {
        let quoted = |option: &str| -> Vec<String> {
            line.split(option)
                .skip(1)
                .map(|rest| rest.split('\'').nth(1).expect("a quoted word").to_owned())
                .collect()
        };
        let url = line.split_whitespace().nth(2).expect("a URL");
        let path = url
            .strip_prefix(&format!("http://{}", self.address))
            .expect("a URL of this server");
        let headers = quoted(" -H ");
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|header| header.split_once(": ").expect("a header"))
            .collect();
        self.post(path, &headers, &quoted(" --data-binary ")[0])
    }

    pub fn get(&self, path: &str) -> u16 {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes())
    }

    /// The whole response, as text.
    pub fn get_text(&self, path: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        let mut stream = self.connect(head.as_bytes());
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        text
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        self.raw(request.as_bytes())
    }

    /// The status of the response to these bytes.
    pub fn raw(&self, request: &[u8]) -> u16 {
        let mut stream = self.connect(request);
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("a status line");
        let text = std::str::from_utf8(&status).expect("text");
        text.strip_prefix("HTTP/1.1 ")
            .and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("no status line: {text:?}"))
    }

    /// A connection on which these bytes are sent.
    pub fn connect(&self, sent: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.write_all(sent).expect("the bytes are sent");
        stream
    }

    /// Sends a signal: `INT` is Ctrl-C.
    pub fn signal(&self, name: &str) {
        send_signal(self.process.id(), name);
    }

    /// Stops it as Ctrl-C does, and returns its log.
    pub fn stop(self) -> String {
        self.signal("INT");
        self.ended()
    }

    /// Waits for a graceful end, and returns the log.
    pub fn ended(mut self) -> String {
        let mut stderr = self.process.stderr.take().expect("its log");
        self.wait();
        let mut log = String::new();
        stderr.read_to_string(&mut log).expect("text");
        log
    }

    /// Stops it after [`stalled_log`](Self::stalled_log).
    pub fn stop_without_log(mut self) {
        self.signal("INT");
        self.wait();
    }

    fn wait(&mut self) {
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "it did not stop gracefully: {status}");
    }

    /// Takes the log away without reading it: a reader that has stopped reading.
    pub fn stalled_log(&mut self) -> std::process::ChildStderr {
        self.process.stderr.take().expect("its log")
    }
}

/// A program that was not stopped by its test does not outlive the test.
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A process that does not outlive its test.
pub struct Process(pub Child);

impl Process {
    pub fn signal(&self, name: &str) {
        send_signal(self.0.id(), name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A Redis or Valkey on this port. If neither is installed, it says so and returns `None`.
pub fn redis(port: u16) -> Option<Process> {
    redis_with(port, &["--port", &port.to_string()])
}

/// A Redis or Valkey with these options, one of which is this port.
pub fn redis_with(port: u16, options: &[&str]) -> Option<Process> {
    let always = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let arguments = [&always, options].concat();
    let child = ["valkey-server", "redis-server"]
        .into_iter()
        .find_map(|program| {
            let mut command = Command::new(program);
            command.args(&arguments).stdout(Stdio::null()).spawn().ok()
        });
    let Some(child) = child else {
        println!("left out: neither valkey-server nor redis-server is installed");
        return None;
    };
    let process = Process(child);
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "it never listens"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(process)
}
