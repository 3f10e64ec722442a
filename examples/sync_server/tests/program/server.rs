//! The program, as a process, and requests to it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use support::{
    stand_in::{SDK_KEY, SECRET, delivery},
    testing,
};
use tower_webhook_auth::{Provider, Secret, provider, testing::Signer};

use crate::source::Source;

pub const VWO_KEY: &str = "xK2mN8qR4tV7wZ1aB5cD9eF3gH6jL0pS";
pub const VWO_SDK_KEY: &str = "0123456789abcdef0123456789abcdef";
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_sync_server");

/// A configuration with one environment of Optimizely whose secret is in a file.
pub fn optimizely(folder: &Path, source: &Source) -> String {
    optimizely_at(folder, &format!("http://{}", source.address))
}

pub fn optimizely_at(folder: &Path, source: &str) -> String {
    let folder = folder.display();
    fs::write(format!("{folder}/secret"), format!("{SECRET}\n")).expect("a file");
    format!(
        r#"
        [listen]
        hooks = "127.0.0.1:0"
        api = "127.0.0.1:0"
        admin = "127.0.0.1:0"
        [store]
        folder = "{folder}/store"
        [sync]
        drain = "5s"
        [[optimizely.project]]
        id = 11387641093
        secrets = [{{ name = "now", file = "{folder}/secret" }}]
        url = "{source}/datafiles/{{sdk_key}}.json"
        environment = [{{ sdk_key = "{SDK_KEY}", name = "Production" }}]
        "#
    )
}

pub struct Server {
    process: Child,
    pub hooks: String,
    pub api: String,
    pub admin: String,
    log: PathBuf,
    config: PathBuf,
}

impl Server {
    pub fn start(folder: &Path, config: &str) -> Self {
        Self::start_with(folder, config, Command::new(PROGRAM))
    }

    /// As [`start`](Self::start), with another command that runs the program.
    pub fn start_with(folder: &Path, config: &str, mut command: Command) -> Self {
        let path = folder.join("sync.toml");
        fs::write(&path, config).expect("a file");
        let log = folder.join("log");
        let mut process = command
            .arg(&path)
            .env("VWO_KEY", VWO_KEY)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a file"))
            .spawn()
            .expect("it runs");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut port = |name: &str| {
            let mut line = String::new();
            output.read_line(&mut line).expect("a line");
            let begin = format!("{name} on http://");
            line.trim_end()
                .strip_prefix(&begin)
                .unwrap_or_else(|| panic!("{line:?}: {}", fs::read_to_string(&log).expect("text")))
                .to_owned()
        };
        let (hooks, api, admin) = (port("hooks"), port("api"), port("admin"));
        Self {
            process,
            hooks,
            api,
            admin,
            log,
            config: path,
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The largest resident memory so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("Linux");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("the peak");
        let kilobytes: u64 = line
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number");
        kilobytes * 1000
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("text")
    }

    pub fn signal(&self, name: &str) {
        testing::send_signal(self.process.id(), name);
    }

    /// Replaces the configuration, and sends SIGHUP.
    pub fn reload(&self, config: &str) {
        fs::write(&self.config, config).expect("a file");
        self.signal("HUP");
    }

    /// Stops with SIGTERM. Returns how long it took.
    pub fn stop(self) -> Duration {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for a graceful end. Returns how long it took.
    pub fn ended(mut self) -> Duration {
        let begin = Instant::now();
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "{status}: {}", self.log());
        begin.elapsed()
    }

    pub fn kill(mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("it ends");
    }

    pub fn get(&self, address: &str, path: &str) -> (u16, String) {
        self.request(address, &format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// Sends the first lines of a head, and a body.
    pub fn request(&self, address: &str, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).expect("a connection");
        let length = body.len();
        write!(
            stream,
            "{head}host: test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        let status = text.get(9..12).and_then(|code| code.parse().ok());
        (
            status.unwrap_or_else(|| panic!("no status: {text:?}")),
            text,
        )
    }

    pub fn ready(&self) -> (u16, String) {
        self.get(&self.admin, "/readyz")
    }

    pub fn metric(&self, line: &str) -> Option<f64> {
        let (_, text) = self.get(&self.admin, "/metrics");
        text.lines()
            .find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
    }

    /// The revision that is served.
    pub fn revision(&self) -> Option<u64> {
        let (status, text) = self.get(&self.api, &format!("/datafiles/{SDK_KEY}.json"));
        let (_, body) = text.split_once("\r\n\r\n")?;
        let body: serde_json::Value =
            (status == 200).then(|| serde_json::from_str(body).expect("JSON"))?;
        body["revision"].as_str()?.parse().ok()
    }

    pub fn deliver(&self, revision: u64) -> u16 {
        self.deliver_body(&delivery(SDK_KEY, revision))
    }

    pub fn deliver_body(&self, body: &str) -> u16 {
        let secret = Secret::new(SECRET).expect("a secret");
        self.signed(
            "/webhooks/optimizely",
            body,
            &provider::optimizely(secret.clone()),
            &secret,
        )
    }

    pub fn deliver_vwo(&self, body: &str) -> u16 {
        let secret = Secret::new(VWO_KEY).expect("a secret");
        self.signed(
            "/webhooks/vwo",
            body,
            &provider::vwo(secret.clone()),
            &secret,
        )
    }

    fn signed<E>(&self, path: &str, body: &str, provider: &Provider<E>, secret: &Secret) -> u16 {
        let request = Request::post(path)
            .body(Bytes::from(body.to_owned()))
            .expect("a request");
        let signed = Signer::new(provider, secret)
            .expect("a signer")
            .sign(request);
        let mut head = format!("POST {path} HTTP/1.1\r\n");
        for (name, value) in signed.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("text")));
        }
        self.request(&self.hooks, &head, body).0
    }
}

/// A program that was not stopped by its test does not outlive the test.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the condition holds. The limit is for a hang: the machine of a test can be busy.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
    begin.elapsed()
}
