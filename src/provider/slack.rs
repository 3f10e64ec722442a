//! Slack: events, slash commands and interactions.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, slack};
//!
//! fn layer() -> Result<WebhookAuthLayer<slack::Event>, ConfigError> {
//!     let secret = Secret::from_env("SLACK_SIGNING_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::slack(secret).parse()))
//! }
//!
//! fn handle(webhook: &Verified<slack::Event>) -> String {
//!     match webhook.event() {
//!         slack::Event::UrlVerification(challenge) => challenge.clone(),
//!         slack::Event::Callback(callback) => {
//!             println!("{:?} in team {:?}", callback.event_type, callback.team_id);
//!             String::new()
//!         }
//!         slack::Event::Command(command) => format!("you typed {:?}", command.text),
//!         _ => String::new(),
//!     }
//! }
//! # let _ = (layer, handle);
//! ```

use std::fmt;

use crate::event::{self, EventError, Form, FromBody, Json, Object};

/// A delivery of Slack: JSON of the Events API, or a form.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::slack};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"type":"event_callback","team_id":"T1","event_id":"Ev1","event":{"type":"app_mention"}}"#;
/// let slack::Event::Callback(callback) = slack::Event::from_body(body)? else { panic!("no callback") };
/// assert_eq!(callback.event_type.as_deref(), Some("app_mention"));
///
/// let form = b"command=%2Fweather&text=94070&team_id=T1&user_id=U1";
/// let slack::Event::Command(command) = slack::Event::from_body(form)? else { panic!("no command") };
/// assert_eq!((command.command.as_str(), command.text.as_deref()), ("/weather", Some("94070")));
/// # Ok(())
/// # }
/// ```
///
/// Sources: [Events API](https://docs.slack.dev/apis/events-api/),
/// [slash commands](https://docs.slack.dev/interactivity/implementing-slash-commands),
/// [interactions](https://docs.slack.dev/interactivity/handling-user-interaction).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something happened in a workspace: `event_callback`.
    Callback(Box<Callback>),
    /// A user typed a slash command.
    Command(Box<Command>),
    /// A user pressed a button, sent a form, or used a shortcut.
    Interaction(Box<Interaction>),
    /// Any other delivery, such as `app_rate_limited`. [`Verified::body`](crate::Verified::body) has the
    /// body.
    Other {
        /// The `type` of the delivery.
        kind: Option<String>,
    },
    /// Slack checks the URL of the Events API: answer 200 with this challenge.
    UrlVerification(String),
}

/// An event of the Events API.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The id of the event. It stays the same when Slack repeats the delivery.
    pub event_id: Option<String>,
    /// When it happened, in seconds since 1970.
    pub event_time: Option<i64>,
    /// The id of the workspace.
    pub team_id: Option<String>,
    /// The id of the app.
    pub api_app_id: Option<String>,
    /// The type of the event, such as `app_mention`. The sender calls this `event.type`.
    pub event_type: Option<String>,
    /// The event.
    pub event: Option<Json>,
}

/// A slash command.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The command, such as `/weather`.
    pub command: String,
    /// The text after the command.
    pub text: Option<String>,
    /// The id of the workspace.
    pub team_id: Option<String>,
    /// The id of the channel.
    pub channel_id: Option<String>,
    /// The id of the user.
    pub user_id: Option<String>,
    /// The URL for later responses. Anyone who has it can post a response, so `Debug` does not print it.
    pub response_url: Option<String>,
    /// An id to open a dialog with, valid for 3 seconds. `Debug` does not print it.
    pub trigger_id: Option<String>,
}

/// An interaction of a user. Slack sends it as the field `payload` of a form.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Interaction {
    /// The type of the interaction, such as `block_actions` or `view_submission`.
    pub kind: String,
    /// The id of the workspace.
    pub team_id: Option<String>,
    /// The id of the user.
    pub user_id: Option<String>,
    /// The id that the app gave to the action, dialog or shortcut.
    pub callback_id: Option<String>,
    /// The whole payload. It has response URLs, so `Debug` does not print it.
    pub payload: Json,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        match Form::of_body(body) {
            Some(form) => Self::of_form(&form),
            None => event::body(body, Self::of_json),
        }
    }
}

impl Event {
    fn of_json(event: &Object<'_>) -> Result<Self, EventError> {
        let kind = event.text("type")?;
        match kind.as_deref() {
            Some("event_callback") => Ok(Self::Callback(Box::new(Callback {
                event_id: event.text("event_id")?,
                event_time: event.integer("event_time")?,
                team_id: event.text("team_id")?,
                api_app_id: event.text("api_app_id")?,
                event_type: event.object("event", |event| event.text("type"))?.flatten(),
                event: event.json("event")?,
            }))),
            Some("url_verification") => {
                Ok(Self::UrlVerification(event.required_text("challenge")?))
            }
            _ => Ok(Self::Other { kind }),
        }
    }

    fn of_form(form: &Form<'_>) -> Result<Self, EventError> {
        if let Some(payload) = form.get("payload") {
            let payload = Json::from_body(payload.as_bytes())?;
            let id = |object: &Object<'_>| object.text("id");
            return Object::within(payload.get(), |interaction| {
                Ok(Self::Interaction(Box::new(Interaction {
                    kind: interaction.required_text("type")?,
                    team_id: interaction.object("team", id)?.flatten(),
                    user_id: interaction.object("user", id)?.flatten(),
                    callback_id: interaction.text("callback_id")?,
                    payload: payload.clone(),
                })))
            });
        }
        Ok(match form.get("command") {
            Some(command) => Self::Command(Box::new(Command {
                command,
                text: form.get("text"),
                team_id: form.get("team_id"),
                channel_id: form.get("channel_id"),
                user_id: form.get("user_id"),
                response_url: form.get("response_url"),
                trigger_id: form.get("trigger_id"),
            })),
            None => Self::Other { kind: None },
        })
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("command", &self.command)
            .field("text", &self.text)
            .field("team_id", &self.team_id)
            .field("channel_id", &self.channel_id)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Interaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interaction")
            .field("kind", &self.kind)
            .field("team_id", &self.team_id)
            .field("user_id", &self.user_id)
            .field("callback_id", &self.callback_id)
            .finish_non_exhaustive()
    }
}
