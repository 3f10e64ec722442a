//! GitHub: the events of repositories and organisations.
//!
//! ```
//! use tower_webhook_auth::{ConfigError, Secret, Verified, WebhookAuthLayer};
//! use tower_webhook_auth::provider::{self, github};
//!
//! fn layer() -> Result<WebhookAuthLayer<github::Event>, ConfigError> {
//!     let secret = Secret::from_env("GITHUB_WEBHOOK_SECRET")?;
//!     Ok(WebhookAuthLayer::new(provider::github(secret).parse()))
//! }
//!
//! fn handle(webhook: &Verified<github::Event>) {
//!     match webhook.event() {
//!         github::Event::Ping(ping) => println!("the webhook is set up: {:?}", ping.zen),
//!         github::Event::Push(push) => println!("{:?} is now at {}", push.branch(), push.after),
//!         github::Event::PullRequest(pull) => println!("{:?} #{}", pull.action, pull.number),
//!         // Another event: `webhook.body()` has its JSON.
//!         _ => {}
//!     }
//! }
//! # let _ = (layer, handle);
//! ```
//!
//! GitHub does not sign the header `X-GitHub-Event`. So the kind of an event comes from the signed body,
//! and a replayed body cannot appear as another kind.
//!
//! GitHub's form offers two content types. Both are read: `application/json`, and
//! `application/x-www-form-urlencoded`, which has the JSON in the field `payload`.

use crate::event::{self, EventError, Form, FromBody, Object};

/// A delivery of GitHub. Any JSON object is one: no event of GitHub is an error.
///
/// ```
/// use tower_webhook_auth::{FromBody, provider::github};
///
/// # fn main() -> Result<(), tower_webhook_auth::EventError> {
/// let body = br#"{"ref":"refs/heads/main","before":"0d1a","after":"7fd1","commits":[]}"#;
/// let github::Event::Push(push) = github::Event::from_body(body)? else { panic!("not a push") };
/// assert_eq!(push.branch(), Some("main"));
///
/// // The content type `application/x-www-form-urlencoded`.
/// let form = b"payload=%7B%22zen%22%3A%22Keep+it+simple.%22%2C%22hook_id%22%3A1%7D";
/// assert!(matches!(github::Event::from_body(form)?, github::Event::Ping(_)));
/// # Ok(())
/// # }
/// ```
///
/// Source: [Vendor's page](https://docs.github.com/en/webhooks/webhook-events-and-payloads).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Any other event.
    Other(Box<Other>),
    /// `ping`: the webhook was created. The body has `zen` and `hook_id`.
    Ping(Box<Ping>),
    /// `pull_request`: a pull request was opened, changed or closed. The body has `number` and
    /// `pull_request`.
    PullRequest(Box<PullRequest>),
    /// `push`: commits or a tag were pushed, or a branch or tag was deleted. The body has `ref`,
    /// `before` and `after`.
    Push(Box<Push>),
}

/// The first delivery of a new webhook.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// A sentence that GitHub chose.
    pub zen: Option<String>,
    /// The id of the webhook.
    pub hook_id: Option<i64>,
    /// The events to which the webhook is subscribed. `*` means all.
    pub events: Vec<String>,
    /// The repository, if the webhook belongs to one.
    pub repository: Option<Repository>,
    /// Who created the webhook.
    pub sender: Option<User>,
}

/// A push to a branch or tag.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The full name of the branch or tag, such as `refs/heads/main`. The sender calls this field `ref`.
    pub reference: String,
    /// The id of the commit before the push: zeros when the branch or tag is new.
    pub before: String,
    /// The id of the commit after the push: zeros when the branch or tag was deleted.
    pub after: String,
    /// Whether the push created the branch or tag.
    pub created: bool,
    /// Whether the push deleted the branch or tag.
    pub deleted: bool,
    /// Whether the push was forced.
    pub forced: bool,
    /// The URL that compares the two commits.
    pub compare: Option<String>,
    /// The commits, at most 2,048 of them, the oldest first.
    pub commits: Vec<Commit>,
    /// The newest commit. `None` when the branch or tag was deleted.
    pub head_commit: Option<Commit>,
    /// The repository.
    pub repository: Option<Repository>,
    /// The name of the user who pushed.
    pub pusher: Option<String>,
    /// The user who pushed.
    pub sender: Option<User>,
}

impl Push {
    /// The name of the branch, if a branch was pushed.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.reference.strip_prefix("refs/heads/")
    }

    /// The name of the tag, if a tag was pushed.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.reference.strip_prefix("refs/tags/")
    }
}

/// A commit of a [`Push`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The id of the commit.
    pub id: Option<String>,
    /// The message.
    pub message: Option<String>,
    /// When the commit was made, as in RFC 3339.
    pub timestamp: Option<String>,
    /// The URL of the commit.
    pub url: Option<String>,
    /// The name of the author.
    pub author: Option<String>,
    /// The paths of the files that were added.
    pub added: Vec<String>,
    /// The paths of the files that were removed.
    pub removed: Vec<String>,
    /// The paths of the files that were changed.
    pub modified: Vec<String>,
}

/// An event about a pull request.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// What happened, such as `opened`, `synchronize` or `closed`.
    pub action: Option<String>,
    /// The number of the pull request in its repository.
    pub number: i64,
    /// The title.
    pub title: Option<String>,
    /// `open` or `closed`.
    pub state: Option<String>,
    /// Whether it is a draft.
    pub draft: Option<bool>,
    /// Whether it was merged.
    pub merged: Option<bool>,
    /// The URL of its page.
    pub html_url: Option<String>,
    /// Who opened it.
    pub user: Option<User>,
    /// The branch that has the changes.
    pub head: Option<Branch>,
    /// The branch into which the changes are to be merged.
    pub base: Option<Branch>,
    /// The repository.
    pub repository: Option<Repository>,
    /// Who caused the event.
    pub sender: Option<User>,
}

/// A branch of a [`PullRequest`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The name of the branch. The sender calls this field `ref`.
    pub reference: Option<String>,
    /// The id of the commit.
    pub sha: Option<String>,
    /// The repository. `None` when it was deleted.
    pub repository: Option<Repository>,
}

/// An event without a type of its own: [`Verified::body`](crate::Verified::body) has its JSON.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// What happened, such as `created`, for events that have several actions.
    pub action: Option<String>,
    /// The repository, if the event belongs to one.
    pub repository: Option<Repository>,
    /// Who caused the event.
    pub sender: Option<User>,
}

/// A repository.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The id.
    pub id: Option<i64>,
    /// The owner and the name, such as `octocat/hello-world`.
    pub full_name: Option<String>,
    /// The name of the default branch.
    pub default_branch: Option<String>,
    /// Whether the repository is private.
    pub private: Option<bool>,
    /// The URL of its page.
    pub html_url: Option<String>,
}

/// A user, organisation or bot.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: Option<i64>,
    /// The name of the account.
    pub login: Option<String>,
}

impl FromBody for Event {
    fn from_body(body: &[u8]) -> Result<Self, EventError> {
        match Form::of_body(body) {
            Some(form) => Object::within(&form.required("payload")?, Self::read),
            None => event::body(body, Self::read),
        }
    }
}

impl Event {
    fn read(event: &Object<'_>) -> Result<Self, EventError> {
        let action = event.text("action")?;
        let repository = event.object("repository", Repository::read)?;
        let sender = event.object("sender", User::read)?;
        let commits = (
            event.text("ref")?,
            event.text("before")?,
            event.text("after")?,
        );
        if let (Some(reference), Some(before), Some(after)) = commits {
            return Ok(Self::Push(Box::new(Push {
                reference,
                before,
                after,
                created: event.boolean("created")?.unwrap_or_default(),
                deleted: event.boolean("deleted")?.unwrap_or_default(),
                forced: event.boolean("forced")?.unwrap_or_default(),
                compare: event.text("compare")?,
                commits: event.objects("commits", Commit::read)?,
                head_commit: event.object("head_commit", Commit::read)?,
                repository,
                pusher: event
                    .object("pusher", |pusher| pusher.text("name"))?
                    .flatten(),
                sender,
            })));
        }
        // Reviews and comments have `pull_request` too, but no `number`.
        if let Some(number) = event.integer("number")? {
            let request = event.object("pull_request", |pull| {
                Ok(Box::new(PullRequest {
                    action: action.clone(),
                    number,
                    title: pull.text("title")?,
                    state: pull.text("state")?,
                    draft: pull.boolean("draft")?,
                    merged: pull.boolean("merged")?,
                    html_url: pull.text("html_url")?,
                    user: pull.object("user", User::read)?,
                    head: pull.object("head", Branch::read)?,
                    base: pull.object("base", Branch::read)?,
                    repository: repository.clone(),
                    sender: sender.clone(),
                }))
            })?;
            if let Some(request) = request {
                return Ok(Self::PullRequest(request));
            }
        }
        if event.has("zen") && event.has("hook_id") {
            return Ok(Self::Ping(Box::new(Ping {
                zen: event.text("zen")?,
                hook_id: event.integer("hook_id")?,
                events: event
                    .object("hook", |hook| hook.texts("events"))?
                    .unwrap_or_default(),
                repository,
                sender,
            })));
        }
        Ok(Self::Other(Box::new(Other {
            action,
            repository,
            sender,
        })))
    }
}

impl Commit {
    fn read(commit: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: commit.text("id")?,
            message: commit.text("message")?,
            timestamp: commit.text("timestamp")?,
            url: commit.text("url")?,
            author: commit
                .object("author", |author| author.text("name"))?
                .flatten(),
            added: commit.texts("added")?,
            removed: commit.texts("removed")?,
            modified: commit.texts("modified")?,
        })
    }
}

impl Branch {
    fn read(branch: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            reference: branch.text("ref")?,
            sha: branch.text("sha")?,
            repository: branch.object("repo", Repository::read)?,
        })
    }
}

impl Repository {
    fn read(repository: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: repository.integer("id")?,
            full_name: repository.text("full_name")?,
            default_branch: repository.text("default_branch")?,
            private: repository.boolean("private")?,
            html_url: repository.text("html_url")?,
        })
    }
}

impl User {
    fn read(user: &Object<'_>) -> Result<Self, EventError> {
        Ok(Self {
            id: user.integer("id")?,
            login: user.text("login")?,
        })
    }
}
