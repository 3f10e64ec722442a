//! What the API says: deliveries, senders and limits as JSON.

use std::borrow::Cow;

use data_encoding::BASE64;
use serde::Serialize;
use tower_webhook_auth::provider::HeaderRole;

use super::{
    MOST_PAGES,
    forms::{self, Form},
    masks,
};
use crate::{
    catalogue::{self, Entry, Proof},
    deliveries::{Delivery, MOST_BYTES, MOST_DELIVERIES, millis},
    export,
    forward::Forward,
    inbox::MOST_BODY_BYTES,
    inspector::{Inspector, State},
    judge::{self, Verdict},
    keys::{DEFAULT_KEY, Keyring, Origin},
    send::{self, Sent},
    settings::secret_variable,
    sign::Fault,
};

/// How many characters of a text are in the list. The detail has all of it.
const MOST_SUMMARY: usize = 200;

/// The limit of the layer for senders that need no more.
const LAYER_BODY_BYTES: usize = 1024 * 1024;

#[derive(Serialize)]
pub struct Hello<'a> {
    inbox: String,
    senders: Vec<SenderView<'a>>,
    deliveries: Vec<Summary<'a>>,
    dropped: u64,
    allow_remote: bool,
    forward: &'a Option<Forward>,
    limits: Limits,
}

#[derive(Serialize)]
struct Limits {
    deliveries: usize,
    bytes: usize,
    body: usize,
    body_ms: u128,
    pages: usize,
    answer: usize,
    answer_ms: u128,
}

impl<'a> Hello<'a> {
    pub fn new(inspector: &Inspector, state: &'a State) -> Self {
        let senders = catalogue::entries()
            .iter()
            .map(|entry| sender(entry, inspector, state));
        Self {
            inbox: inspector.inbox_url(),
            senders: senders.collect(),
            deliveries: state
                .ring
                .iter()
                .map(|delivery| summary(delivery, &state.keyring))
                .collect(),
            dropped: state.ring.dropped(),
            allow_remote: inspector.allow_remote,
            forward: &state.forward,
            limits: Limits {
                deliveries: MOST_DELIVERIES,
                bytes: MOST_BYTES,
                body: MOST_BODY_BYTES,
                body_ms: inspector.body_deadline.as_millis(),
                pages: MOST_PAGES,
                answer: send::MOST_ANSWER_BYTES,
                answer_ms: send::DEADLINE.as_millis(),
            },
        }
    }
}

#[derive(Serialize)]
pub struct SenderView<'a> {
    name: &'static str,
    title: &'static str,
    aliases: &'static [&'static str],
    group: &'static str,
    kind: &'static str,
    algorithm: &'static str,
    signed: &'a str,
    covers_body: bool,
    value: &'a str,
    headers: Vec<&'a str>,
    /// Where the proof is, if it is not in a header.
    places: Vec<String>,
    id_header: Option<&'a str>,
    event_header: Option<&'a str>,
    tolerance: Option<String>,
    event_type: Option<&'static str>,
    setup: Option<&'static str>,
    note: &'static str,
    needs_url: bool,
    url: Option<String>,
    inbox: String,
    variable: String,
    can_sign: bool,
    faults: Vec<&'static str>,
    example: &'a str,
    keys: Vec<KeyView<'a>>,
}

#[derive(Serialize)]
struct KeyView<'a> {
    name: &'a str,
    from: Origin,
    /// The variable of the environment in which it is.
    variable: Option<String>,
}

pub fn sender<'a>(entry: &'a Entry, inspector: &Inspector, state: &'a State) -> SenderView<'a> {
    let sender = entry.sender;
    let first = |role| entry.headers(role).next().map(http::HeaderName::as_str);
    let mut headers: Vec<&str> = Vec::new();
    for name in entry.proof_headers().map(http::HeaderName::as_str) {
        if !headers.contains(&name) {
            headers.push(name);
        }
    }
    let held = state.keyring.get(sender.name);
    let keys = held.iter().flat_map(|held| &held.keys);
    let inbox = inspector.inbox_of(entry);
    SenderView {
        name: sender.name,
        title: sender.title,
        aliases: sender.aliases,
        group: sender.kind.title(),
        kind: entry.proof().as_str(),
        algorithm: entry.first().algorithm,
        signed: &entry.first().signed,
        covers_body: entry.first().body_is_covered,
        value: &entry.first().value,
        headers,
        places: entry.proof_fields().map(ToString::to_string).collect(),
        id_header: first(HeaderRole::Id),
        event_header: first(HeaderRole::Event),
        tolerance: entry.tolerance().map(|_| entry.first().window.to_string()),
        event_type: entry.event_type(),
        setup: sender.setup,
        note: sender.confirmed_by.title(),
        needs_url: sender.needs_url,
        url: sender.needs_url.then(|| {
            state
                .keyring
                .url(sender.name)
                .cloned()
                .unwrap_or_else(|| inbox.clone())
        }),
        inbox,
        variable: secret_variable(sender.name, DEFAULT_KEY),
        can_sign: entry.can_sign,
        faults: Fault::of(entry).into_iter().map(Fault::as_str).collect(),
        example: &entry.example,
        keys: keys
            .map(|key| KeyView {
                name: &key.name,
                from: key.origin,
                variable: (key.origin == Origin::Environment)
                    .then(|| secret_variable(sender.name, &key.name)),
            })
            .collect(),
    }
}

#[derive(Serialize)]
pub struct Summary<'a> {
    id: u64,
    received: u64,
    method: Cow<'a, str>,
    path: Cow<'a, str>,
    size: usize,
    addressed: &'a str,
    sender: &'a str,
    title: &'static str,
    state: &'static str,
    code: &'static str,
    about: Option<Cow<'a, str>>,
    answered: u16,
    test: bool,
    sends: usize,
    sent: Option<u16>,
}

pub fn summary<'a>(delivery: &'a Delivery, keyring: &Keyring) -> Summary<'a> {
    let received = &delivery.received;
    let about = match &delivery.verdict {
        Verdict::Verified(accepted) => {
            let name = accepted.event_name.as_ref();
            name.map(|name| short(masks::without_secrets(&name.value, keyring)))
        }
        Verdict::Rejected(rejected) => rejected.cause_in_short().map(Cow::Borrowed),
        Verdict::Unkeyed { .. } | Verdict::Handshake { .. } => None,
    };
    Summary {
        id: delivery.id,
        received: millis(received.at),
        method: short(received.method.as_str().into()),
        path: short(masks::without_secrets(received.uri.path(), keyring)),
        size: received.body.len(),
        addressed: &received.addressed,
        sender: delivery.sender.unwrap_or("any"),
        title: masks::entry_of(delivery.sender).map_or("Any sender", |entry| entry.sender.title),
        state: delivery.verdict.state(),
        code: delivery.verdict.code(),
        about,
        answered: delivery.reply.status.as_u16(),
        test: received.is_test,
        sends: delivery.sent_to.len(),
        sent: delivery.sent_to.last().and_then(|sent| sent.status),
    }
}

/// The beginning of a text.
fn short(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_SUMMARY) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text,
    }
}

#[derive(Serialize)]
pub struct Detail<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    path_masked: bool,
    query: Option<String>,
    query_masked: bool,
    version: String,
    micros: u128,
    verdict: VerdictView<'a>,
    headers: Vec<HeaderView<'a>>,
    body: Option<String>,
    form: Option<Form>,
    notes: Vec<String>,
    sent_to: &'a [Sent],
    exports: Exports,
    answer: String,
}

#[derive(Serialize)]
struct HeaderView<'a> {
    name: &'a str,
    role: &'static str,
    masked: bool,
    value: String,
}

#[derive(Serialize)]
struct Exports {
    curl: Option<&'static str>,
    vector: Option<&'static str>,
    test: Option<&'static str>,
}

/// A verdict, with the event of a verified delivery.
#[derive(Serialize)]
pub struct VerdictView<'a> {
    #[serde(flatten)]
    verdict: Cow<'a, Verdict>,
    #[serde(flatten)]
    event: Option<EventView>,
}

#[derive(Serialize)]
struct EventView {
    event_type: Option<&'static str>,
    event_by_choice: bool,
    event: Option<String>,
    event_truncated: bool,
}

pub fn verdict<'a>(
    verdict: &'a Verdict,
    sender: Option<&str>,
    body: &[u8],
    keyring: &Keyring,
) -> VerdictView<'a> {
    let entry = masks::entry_of(sender).filter(|_| verdict.is_verified());
    let event = entry.map(|entry| {
        let text = judge::event_text(entry, body);
        let (event, event_truncated) = match text {
            Some((text, is_cut)) => (Some(text), is_cut),
            None => (None, false),
        };
        EventView {
            event_type: entry.event_type().or(entry.sender.typed),
            event_by_choice: entry.event_type().is_none() && entry.sender.typed.is_some(),
            event,
            event_truncated,
        }
    });
    let mut verdict = Cow::Borrowed(verdict);
    if let Verdict::Verified(accepted) = &*verdict
        && accepted
            .claims()
            .any(|claim| masks::mask_secrets(&claim.value, keyring).is_some())
        && let Verdict::Verified(accepted) = verdict.to_mut()
    {
        for claim in accepted.claims_mut() {
            claim.value = masks::without_secrets(&claim.value, keyring).into_owned();
        }
    }
    VerdictView { verdict, event }
}

/// Everything about a delivery. A page that has the body already does not need it again.
pub fn detail<'a>(delivery: &'a Delivery, state: &State, with_body: bool) -> Detail<'a> {
    let (received, keyring) = (&delivery.received, &state.keyring);
    let entry = masks::entry_of(delivery.sender);
    let headers = received.headers.iter().map(|(name, value)| {
        let role = masks::role(name, entry);
        let masked = masks::mask(role, value, keyring);
        HeaderView {
            name: name.as_str(),
            role,
            masked: masked.is_some(),
            value: masked.unwrap_or_else(|| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        }
    });
    let query = received.uri.query();
    let masked_query = query.and_then(|query| masks::mask_query(query, entry, keyring));
    let path = masks::without_secrets(received.uri.path(), keyring);
    Detail {
        path_masked: matches!(path, Cow::Owned(_)),
        summary: Summary {
            path,
            ..summary(delivery, keyring)
        },
        query_masked: masked_query.is_some(),
        query: masked_query.or_else(|| query.map(str::to_owned)),
        version: format!("{:?}", received.version),
        micros: delivery.took.as_micros(),
        verdict: verdict(&delivery.verdict, delivery.sender, &received.body, keyring),
        headers: headers.collect(),
        body: with_body.then(|| BASE64.encode(&received.body)),
        form: forms::form(&received.headers, &received.body).filter(|_| with_body),
        notes: notes(delivery, entry),
        sent_to: &delivery.sent_to,
        exports: Exports {
            curl: export::warning_for_curl(delivery),
            vector: export::warning(delivery),
            test: export::warning(delivery),
        },
        answer: String::from_utf8_lossy(&delivery.reply.body).into_owned(),
    }
}

fn notes(delivery: &Delivery, entry: Option<&Entry>) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(entry) = entry else {
        return notes;
    };
    let limit = entry.sender.max_body_bytes().unwrap_or(LAYER_BODY_BYTES);
    if delivery.received.body.len() > limit {
        notes.push(format!(
            "The body is larger than {limit} bytes, which is the limit of the layer for this sender: the layer rejects it with 413, unless you set max_body_bytes."
        ));
    }
    if entry.proof() == Proof::SharedKey && delivery.verdict.is_verified() {
        notes.push(
            "A shared key proves that the caller knows the key. It proves nothing about the body."
                .to_owned(),
        );
    }
    if entry.proves_in_body() {
        notes.push(
            "The body contains the proof, a key or a signature. It is shown as it was sent."
                .to_owned(),
        );
    }
    if entry.sender.needs_url {
        notes.push(
            "The signature covers the URL. It must be the one that is entered at the sender."
                .to_owned(),
        );
    }
    notes
}
