//! The example `receiver`, as the people and scripts meet it that rely on its surface.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

const VARIABLES: [&str; 6] = [
    "HOST",
    "PORT",
    "MAX_BODY_BYTES",
    "BODY_DEADLINE_MS",
    "OPTIMIZELY_WEBHOOK_SECRET",
    "VWO_WEBHOOK_KEY",
];

#[test]
fn without_secrets_it_demonstrates_itself_and_says_so() {
    let mut receiver = Receiver::start(&[]);
    let banner = receiver.lines_until("it accepts:");
    assert!(banner.iter().any(|line| line.contains("DEMONSTRATION")));
    let accepted = receiver.line();
    assert_eq!(receiver.line(), "it refuses:");
    let refused = receiver.line();

    assert_eq!(receiver.get("/"), 200);
    assert_eq!(receiver.curl(&accepted), 200);
    let printed = receiver.line();
    assert!(printed.starts_with("accepted optimizely"), "{printed}");
    assert!(printed.contains("project.datafile_updated"), "{printed}");
    assert_eq!(receiver.curl(&refused), 401);
    assert_eq!(receiver.post("/webhooks/vwo", &[], "{}"), 404);
    let log = receiver.stop();
    assert!(log.contains("refused optimizely with 401"), "{log}");
    assert!(log.contains("signature_mismatch"), "{log}");
}

/// Whoever reads it in a log could send it for ever: Optimizely signs no time.
#[test]
fn a_signature_that_a_real_secret_makes_is_not_printed() {
    let mut receiver = Receiver::start(&[("OPTIMIZELY_WEBHOOK_SECRET", "the-secret")]);
    receiver.lines_until("it accepts:");
    let line = receiver.line();
    assert!(
        line.contains(r#"sha1=$(printf %s '{"timestamp""#)
            && line.contains(r#"openssl dgst -sha1 -hmac "$OPTIMIZELY_WEBHOOK_SECRET" -r"#)
            && !line.contains("the-secret"),
        "{line}"
    );
}

#[test]
fn a_route_is_open_where_its_secret_is_set() {
    let mut receiver = Receiver::start(&[("VWO_WEBHOOK_KEY", "the-key")]);
    let lines = receiver.lines_until("it refuses:");
    assert!(
        !lines.iter().any(|line| line.contains("the-key")),
        "{lines:?}"
    );
    assert!(!lines.iter().any(|line| line.contains("DEMONSTRATION")));
    receiver.line();

    let body = r#"{"timestamp": 1606482285, "event": "settings_changed", "action": "feature_flag_updated", "triggered_by": "vwo", "new": 1}"#;
    let authentic = [("x-vwo-auth", "the-key")];
    assert_eq!(receiver.post("/webhooks/vwo", &authentic, body), 200);
    let printed = receiver.line();
    assert!(printed.starts_with("accepted vwo"), "{printed}");
    assert_eq!(receiver.post("/webhooks/vwo", &authentic, "{"), 422);
    assert_eq!(
        receiver.post("/webhooks/vwo", &[("x-vwo-auth", "other")], body),
        401
    );
    assert_eq!(receiver.post("/webhooks/vwo", &[], body), 401);
    assert_eq!(receiver.post("/webhooks/optimizely", &[], body), 404);
    let log = receiver.stop();
    assert!(
        log.contains("key_mismatch") && log.contains("header_missing"),
        "{log}"
    );
    assert!(!log.contains("the-key"), "{log}");
}

#[test]
fn the_largest_body_is_a_setting() {
    let mut receiver = Receiver::start(&[("VWO_WEBHOOK_KEY", "the-key"), ("MAX_BODY_BYTES", "10")]);
    receiver.lines_until("it refuses:");
    let authentic = [("x-vwo-auth", "the-key")];
    assert_eq!(
        receiver.post("/webhooks/vwo", &authentic, "0123456789"),
        422
    );
    assert_eq!(
        receiver.post("/webhooks/vwo", &authentic, "0123456789a"),
        413
    );
    receiver.stop();
}

#[test]
fn the_deadline_of_a_body_is_a_setting() {
    let mut receiver = Receiver::start(&[("VWO_WEBHOOK_KEY", "k"), ("BODY_DEADLINE_MS", "50")]);
    receiver.lines_until("it refuses:");
    let head =
        "POST /webhooks/vwo HTTP/1.1\r\nhost: test\r\nx-vwo-auth: k\r\ncontent-length: 2\r\n\r\n{";
    assert_eq!(receiver.raw(head.as_bytes()), 408);
    receiver.stop();
}

#[test]
fn a_secret_that_is_set_but_blank_stops_the_start() {
    for (name, secret) in [
        ("OPTIMIZELY_WEBHOOK_SECRET", ""),
        ("OPTIMIZELY_WEBHOOK_SECRET", "  "),
        ("VWO_WEBHOOK_KEY", ""),
        ("VWO_WEBHOOK_KEY", "key\n"),
    ] {
        let output = command(&[("PORT", "0"), (name, secret)])
            .output()
            .expect("the example runs");
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).expect("text");
        assert!(error.contains(name) && error.contains("secret"), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_setting_that_is_no_number_stops_the_start() {
    let output = command(&[("PORT", "http")])
        .output()
        .expect("the example runs");
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(error.contains("PORT") && error.contains("http"), "{error}");
}

struct Receiver {
    process: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Receiver {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut process = command(variables)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example runs");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut first = String::new();
        output.read_line(&mut first).expect("a first line");
        let address = first
            .trim_end()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("the first line is {first:?}"))
            .to_owned();
        assert!(address.starts_with("127.0.0.1:"));
        Self {
            process,
            output,
            address,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn lines_until(&mut self, last: &str) -> Vec<String> {
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
    fn curl(&self, line: &str) -> u16 {
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

    fn get(&self, path: &str) -> u16 {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes())
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        self.raw(
            format!(
                "POST {path} HTTP/1.1\r\nhost: test\r\n{headers}content-length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        )
    }

    fn raw(&self, request: &[u8]) -> u16 {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.write_all(request).expect("the request is written");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("a status line");
        let text = std::str::from_utf8(&status).expect("text");
        text.strip_prefix("HTTP/1.1 ")
            .and_then(|code| code.parse().ok())
            .unwrap_or_else(|| panic!("no status line: {text:?}"))
    }

    /// Stops it as Ctrl-C does, and hands back what it logged.
    fn stop(mut self) -> String {
        let pid = self.process.id().to_string();
        let killed = Command::new("kill").args(["-INT", &pid]).status();
        assert!(killed.expect("kill runs").success());
        let status = self.process.wait().expect("it stops");
        assert!(
            status.success(),
            "it did not shut down gracefully: {status}"
        );
        self.lines_until("stopped");
        let mut log = String::new();
        let mut stderr = self.process.stderr.take().expect("its log");
        stderr.read_to_string(&mut log).expect("text");
        log
    }
}

/// A receiver that was not stopped by its test does not outlive it.
impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_receiver"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command
}
