//! Starts the program and talks to it over sockets, as a browser and as a sender.
// Each test binary uses a part of it.
#![allow(dead_code)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

const INSPECTOR: &str = env!("CARGO_BIN_EXE_inspector");

/// Longer than any answer takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Inspector {
    process: Child,
    pub inbox: SocketAddr,
    pub console: SocketAddr,
    pub token: String,
    pub test_line: String,
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (other, value) = line.split_once(": ")?;
            other.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(INSPECTOR);
    for (name, _) in std::env::vars() {
        if name.starts_with("WEBHOOK_") {
            command.env_remove(name);
        }
    }
    command
        .env("INBOX", "127.0.0.1:0")
        .env("CONSOLE", "127.0.0.1:0");
    command.envs(variables.iter().copied());
    command
}

/// What the program prints if it does not start.
pub fn start_error(variables: &[(&str, &str)]) -> String {
    let Output { status, stderr, .. } = command(variables).output().expect("it runs");
    assert!(!status.success(), "it started with {variables:?}");
    String::from_utf8(stderr).expect("text")
}

impl Inspector {
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let mut process = command(variables)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut line = |name: &str| {
            let mut line = String::new();
            output.read_line(&mut line).expect("a line");
            let value = line.trim_end().strip_prefix(name).map(str::trim_start);
            value
                .unwrap_or_else(|| panic!("{line:?} does not begin with {name:?}"))
                .to_owned()
        };
        let (inbox, page, test_line) = (line("inbox"), line("page"), line("test"));
        let inbox = inbox
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/in/<sender>"));
        let (console, token) = page.split_once("/#").expect("a token");
        Self {
            process,
            inbox: inbox.expect("an address").parse().expect("an address"),
            console: console
                .strip_prefix("http://")
                .expect("a URL")
                .parse()
                .expect("an address"),
            token: token.to_owned(),
            test_line,
        }
    }

    /// A request to the API, as the page sends it.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let authorization = format!("authorization: Bearer {}", self.token);
        let headers = [format!("host: {}", self.console), authorization];
        let body = body.map(Value::to_string).unwrap_or_default();
        request(
            self.console,
            method,
            &format!("/api{path}"),
            &headers,
            body.as_bytes(),
        )
    }

    pub fn get(&self, path: &str) -> Answer {
        self.api("GET", path, None)
    }

    /// A request that succeeds, and its JSON.
    pub fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.api(method, path, Some(&body));
        assert!(
            matches!(answer.status, 200 | 204),
            "{method} {path} {body}: {answer:?}"
        );
        match answer.status {
            204 => Value::Null,
            _ => answer.json(),
        }
    }

    pub fn detail(&self, id: u64) -> Value {
        let answer = self.get(&format!("/deliveries/{id}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The delivery, when the search for its cause has ended.
    pub fn explained(&self, id: u64) -> Value {
        let mut events = self.events();
        loop {
            let detail = self.detail(id);
            if detail["verdict"]["cause"]["state"] != "pending" {
                return detail;
            }
            events.next();
        }
    }

    /// Sends a test delivery, and returns its id.
    pub fn test(&self, sender: &str, fault: &str) -> u64 {
        let answer = self.ok("POST", "/test", json!({ "sender": sender, "fault": fault }));
        answer["id"]
            .as_u64()
            .unwrap_or_else(|| panic!("{sender}, {fault}: {answer}"))
    }

    pub fn set_key(&self, sender: &str, key: &str, secret: &str) {
        self.ok(
            "PUT",
            &format!("/senders/{sender}/keys/{key}"),
            json!({ "secret": secret }),
        );
    }

    /// A delivery to the inbox.
    pub fn deliver(&self, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut all = vec![format!("host: {}", self.inbox)];
        all.extend(headers.iter().map(|&header| header.to_owned()));
        request(self.inbox, "POST", path, &all, body)
    }

    pub fn events(&self) -> Events {
        let events = self.try_events();
        events.unwrap_or_else(|status| panic!("the stream of events has status {status}"))
    }

    pub fn try_events(&self) -> Result<Events, u16> {
        // With HTTP/1.0 the stream has no chunks.
        let head = format!(
            "GET /api/events HTTP/1.0\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            self.console, self.token
        );
        let mut stream = BufReader::new(connect(self.console));
        stream.get_mut().write_all(head.as_bytes()).expect("sent");
        let mut line = String::new();
        stream.read_line(&mut line).expect("a status line");
        match status(&line) {
            200 => Ok(Events(stream)),
            status => Err(status),
        }
    }

    /// The first event, with the whole state.
    pub fn hello(&self) -> Value {
        self.events().next_of("hello")
    }

    pub fn last_id(&self) -> u64 {
        let hello = self.hello();
        let last = hello["deliveries"]
            .as_array()
            .and_then(|list| list.last().cloned());
        last.expect("a delivery")["id"].as_u64().expect("an id")
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.process.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the end of the program. It must end without an error.
    pub fn ended(mut self) {
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

/// A program that was not stopped by its test does not outlive the test.
impl Drop for Inspector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub struct Events(BufReader<TcpStream>);

impl Events {
    /// The next event, or `None` at the end of the stream.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).expect("a line") == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).expect("JSON"));
            }
        }
    }

    /// The data of the next event of this kind.
    pub fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next().expect("an event");
            if event["kind"] == kind {
                return event["data"].clone();
            }
        }
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends exactly these headers, with the length of the body.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[String],
    body: &[u8],
) -> Answer {
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = connect(address);
    stream.write_all(head.as_bytes()).expect("the head is sent");
    // A server that does not want the body closes the connection.
    let _ = stream.write_all(body);
    answer(stream)
}

/// Reads a response until the end of the connection.
pub fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut part = [0; 65536];
    while let Ok(read @ 1..) = stream.read(&mut part) {
        bytes.extend_from_slice(&part[..read]);
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no response: {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
    Answer {
        status: status(&head),
        head,
        body: bytes[end + 4..].to_vec(),
    }
}

fn status(head: &str) -> u16 {
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status line: {head:?}"))
}

/// What a POSIX shell prints for a script, which it reads from its standard input as from a terminal.
pub fn shell(script: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new("sh");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut shell = command
        .envs(variables.iter().copied())
        .spawn()
        .expect("a shell");
    let mut input = shell.stdin.take().expect("its input");
    input
        .write_all(script.as_bytes())
        .expect("the script is read");
    drop(input);
    let output = shell.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
