//! Exports a delivery, after a confirmation if it is not verified.

use axum::{
    extract::{Path, RawQuery, State},
    http::header,
    response::{IntoResponse, Response},
};

use super::{Answer, ApiError, conflict, held, kept};
use crate::{catalogue, export, inspector::Shared};

pub async fn curl(
    State(inspector): State<Shared>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Answer {
    let delivery = kept(&inspector, id)?;
    confirm(export::warning_for_curl(&delivery), query.as_deref())?;
    let entry = delivery.sender.and_then(catalogue::find);
    let held = entry.and_then(|entry| held(&inspector, entry).ok());
    let line = export::curl(&delivery, entry, held.as_ref(), &inspector.inbox_url());
    Ok(text("text/plain; charset=utf-8", None, line))
}

pub async fn vector(
    State(inspector): State<Shared>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Answer {
    let export = exportable(&inspector, id, query.as_deref())?;
    let name = format!("{}-{id}.json", export.sender_name());
    Ok(text("application/json", Some(&name), export.vector()))
}

pub async fn rust_test(
    State(inspector): State<Shared>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Answer {
    let export = exportable(&inspector, id, query.as_deref())?;
    let name = format!("{}_{id}.rs", export.sender_name());
    Ok(text(
        "text/plain; charset=utf-8",
        Some(&name),
        export.rust_test(),
    ))
}

fn exportable(inspector: &Shared, id: u64, query: Option<&str>) -> Answer<export::Export> {
    let delivery = kept(inspector, id)?;
    confirm(export::warning(&delivery), query)?;
    let entry = delivery.sender.and_then(catalogue::find);
    let entry =
        entry.ok_or_else(|| conflict("the sender of this delivery is not known: enter its key"))?;
    let held = inspector.state().keyring.get(entry.sender.name).cloned();
    let url = held.map_or_else(|| inspector.inbox_of(entry), |held| held.url);
    export::Export::new(&delivery, entry, &url).map_err(conflict)
}

fn confirm(warning: Option<&str>, query: Option<&str>) -> Answer<()> {
    match warning {
        Some(warning) if query != Some("confirm=1") => Err(ApiError {
            confirm: true,
            ..conflict(warning)
        }),
        _ => Ok(()),
    }
}

fn text(kind: &'static str, file_name: Option<&str>, text: String) -> Response {
    let disposition = match file_name {
        Some(name) => format!("attachment; filename=\"{name}\""),
        None => "inline".to_owned(),
    };
    (
        [
            (header::CONTENT_TYPE, kind.to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        text,
    )
        .into_response()
}
