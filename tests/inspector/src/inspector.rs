//! One inspector program for each test, on ports that the system chooses.

use std::{
    env,
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::oneshot,
    time::timeout,
};

use crate::{GITHUB, OPTIMIZELY, PATIENCE, Response, STRIPE, VWO, raw};

pub struct Inspector {
    pub inbox: SocketAddr,
    pub console: SocketAddr,
    pub token: String,
    log: Arc<Mutex<String>>,
    program: Child,
}

impl Inspector {
    /// With secrets for GitHub, Stripe, VWO and Optimizely.
    pub async fn start() -> Self {
        Self::with(&[
            ("WEBHOOK_SECRET_GITHUB", GITHUB),
            ("WEBHOOK_SECRET_OPTIMIZELY", OPTIMIZELY),
            ("WEBHOOK_SECRET_STRIPE", STRIPE),
            ("WEBHOOK_SECRET_VWO", VWO),
        ])
        .await
    }

    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let path = env::var_os("INSPECTOR")
            .expect("INSPECTOR: the path of the inspector's binary. `tests/inspector/run` sets it");
        let mut program = Command::new(&path)
            .env("INBOX", "127.0.0.1:0")
            .env("CONSOLE", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let log = Arc::new(Mutex::new(String::new()));
        let (found, addresses) = oneshot::channel();
        let stdout = program.stdout.take().expect("a pipe");
        let stderr = program.stderr.take().expect("a pipe");
        tokio::spawn(read(stdout, log.clone(), Some(found)));
        tokio::spawn(read(stderr, log.clone(), None));
        let Ok(Ok((inbox, console, token))) = timeout(PATIENCE, addresses).await else {
            panic!(
                "the inspector printed no link: {}",
                log.lock().expect("no panic")
            );
        };
        Self {
            inbox,
            console,
            token,
            log,
            program,
        }
    }

    /// The link of the page, with the token.
    pub fn link(&self) -> String {
        format!("http://{}/#{}", self.console, self.token)
    }

    /// All that the program printed until now.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    pub async fn stop(mut self) {
        self.program.kill().await.expect("the program runs");
    }

    /// A request to the API with all that a request of the page has, and its response.
    pub async fn api(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {console}\r\nOrigin: http://{console}\r\nSec-Fetch-Site: same-origin\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
            console = self.console,
            token = self.token,
            length = body.len(),
        );
        raw(self.console, &[head.as_bytes(), body.as_bytes()].concat()).await
    }

    /// The first event of the stream: all that the page knows at its start.
    pub async fn state(&self) -> Value {
        let head = format!(
            "GET /api/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
            self.console, self.token
        );
        let stream = tokio::net::TcpStream::connect(self.console)
            .await
            .expect("the console");
        let (read, mut write) = stream.into_split();
        tokio::io::AsyncWriteExt::write_all(&mut write, head.as_bytes())
            .await
            .expect("the console reads");
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(event) = line.strip_prefix("data:") {
                let event: Value = serde_json::from_str(event).expect("JSON");
                return event["data"].clone();
            }
        }
        panic!("the stream has no event")
    }

    pub async fn set_secret(&self, sender: &str, key: &str, secret: &str) {
        let response = self
            .api(
                "PUT",
                &format!("/api/senders/{sender}/keys/{key}"),
                Some(json!({ "secret": secret })),
            )
            .await;
        assert_eq!(response.status, 200, "{}", response.text());
    }
}

type Addresses = (SocketAddr, SocketAddr, String);

async fn read(
    pipe: impl AsyncRead + Unpin,
    log: Arc<Mutex<String>>,
    mut found: Option<oneshot::Sender<Addresses>>,
) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let text = {
            let mut log = log.lock().expect("no panic");
            log.push_str(&line);
            log.push('\n');
            log.clone()
        };
        if let Some(addresses) = found.is_some().then(|| addresses(&text)).flatten() {
            let _ = found.take().map(|found| found.send(addresses));
        }
    }
}

/// From the two links `http://<inbox>/in/…` and `http://<console>/#<token>`.
fn addresses(text: &str) -> Option<Addresses> {
    let links: Vec<&str> = text
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("http://"))
        .collect();
    let inbox = links.iter().find_map(|link| link.split_once("/in/"))?.0;
    let (console, token) = links.iter().find_map(|link| link.split_once("/#"))?;
    Some((inbox.parse().ok()?, console.parse().ok()?, token.to_owned()))
}
