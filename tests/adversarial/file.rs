//! The format `webhook-auth-adversarial/1`. An unknown field is an error, because a case that is
//! only partly understood proves nothing.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::Value;

use super::receiver::Receiver;

pub const FORMAT: &str = "webhook-auth-adversarial/1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub format: String,
    #[serde(rename = "notes")]
    _notes: Value,
    pub receivers: BTreeMap<String, Receiver>,
    #[serde(default)]
    pub construction_cases: Vec<ConstructionCase>,
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstructionCase {
    pub id: String,
    pub receiver: String,
    pub secret: String,
    pub expect: String,
    pub why: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    pub receiver: String,
    pub level: String,
    pub method: String,
    pub path: String,
    pub http_version: String,
    headers: Vec<(String, String)>,
    body_b64: Option<String>,
    body_gen: Option<BodyGen>,
    raw_http1_b64: Option<String>,
    pub now: u64,
    #[serde(default)]
    pub transport: Transport,
    pub expect: Expect,
    pub strictness: Strictness,
    pub why: String,
    #[serde(rename = "source")]
    _source: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyGen {
    repeat_byte: u8,
    length: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    Must,
    Should,
    Policy,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    #[serde(rename = "verdict")]
    _verdict: String,
    pub status_any_of: Vec<u16>,
    pub inner_called: Option<bool>,
    pub inner_body_sha256: Option<String>,
    #[serde(rename = "reason_code")]
    _reason_code: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    abort: Option<Abort>,
    pub abort_after_body_bytes: Option<usize>,
    pub chunk_size: Option<usize>,
    #[serde(default)]
    pub forbid_interim_100: bool,
    pub framing: Option<Framing>,
    pub h2: Option<H2>,
    #[serde(default)]
    pub half_close_after_send: bool,
    pub max_wait_ms: Option<u64>,
    pub measure: Option<Measure>,
    #[serde(default)]
    pub must_answer_before_body: bool,
    pub needs_config: Option<NeedsConfig>,
    pub pace: Option<Pace>,
    pub responses_expected: Option<usize>,
    #[serde(default)]
    pub send_headers_only: bool,
    #[serde(default)]
    pub stall_after_headers: bool,
    pub statuses: Option<Vec<u16>>,
    pub statuses_any: Option<Vec<Vec<u16>>>,
    #[serde(default)]
    pub write_all_then_read: bool,
}

impl Transport {
    /// Whether all bytes are sent, and without a pause.
    pub fn takes_all(&self) -> bool {
        let cut = self.send_headers_only
            || self.stall_after_headers
            || self.must_answer_before_body
            || self.abort_after_body_bytes.is_some();
        !cut && self.pace.is_none()
    }

    /// How the client leaves in the middle. Where the file does not say, it closes its socket.
    pub fn aborts(&self) -> Option<Abort> {
        let closes = self.abort_after_body_bytes.map(|_| Abort::Fin);
        self.abort.or(closes)
    }
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Abort {
    #[serde(alias = "close")]
    Fin,
    Rst,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    Chunked,
    ContentLength,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    Rss,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeedsConfig {
    pub total_body_timeout_ms: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    pub bytes: usize,
    pub interval_ms: u64,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2 {
    pub empty_data_frames: Option<usize>,
    pub rst_stream_after_bytes: Option<usize>,
    pub repeat: Option<usize>,
}

/// Where a case can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Unit,
    Http1,
    H2,
}

impl Case {
    pub fn levels(&self) -> Vec<Level> {
        self.level
            .split('+')
            .map(|level| match level {
                "unit" => Level::Unit,
                "http1" => Level::Http1,
                "h2" => Level::H2,
                other => panic!("{}: unknown level {other:?}", self.id),
            })
            .collect()
    }

    /// The field lines in their order: each character of the file is one byte.
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let bytes = |text: &str| -> Vec<u8> {
            text.chars()
                .map(|character| u8::try_from(character).expect("ISO-8859-1"))
                .collect()
        };
        self.headers
            .iter()
            .map(|(name, value)| (name.clone(), bytes(value)))
            .collect()
    }

    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        let mut headers = self.headers().into_iter();
        headers
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub fn body(&self) -> Body {
        match (&self.body_b64, self.body_gen) {
            (Some(text), None) => Body::Bytes(decode(text)),
            (
                None,
                Some(BodyGen {
                    repeat_byte,
                    length,
                }),
            ) => Body::Repeat(repeat_byte, length),
            _ => panic!("{}: a body is given in one of two ways", self.id),
        }
    }

    pub fn raw_http1(&self) -> Option<Vec<u8>> {
        self.raw_http1_b64.as_deref().map(decode)
    }
}

fn decode(text: &str) -> Vec<u8> {
    BASE64.decode(text.as_bytes()).expect("base64")
}

/// A body that may be too large to be held whole while memory is measured.
#[derive(Clone)]
pub enum Body {
    Bytes(Vec<u8>),
    Repeat(u8, usize),
}

impl Body {
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Repeat(_, length) => *length,
        }
    }

    /// The part of it that begins at `start` and has up to `length` bytes.
    pub fn part(&self, start: usize, length: usize) -> Vec<u8> {
        let end = start.saturating_add(length).min(self.len());
        match self {
            Self::Bytes(bytes) => bytes[start..end].to_vec(),
            Self::Repeat(byte, _) => vec![*byte; end - start],
        }
    }

    pub fn whole(&self) -> Vec<u8> {
        self.part(0, self.len())
    }
}
