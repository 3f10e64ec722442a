//! Signs: puts the key or the signature into the body, as the sender does.

use bytes::Bytes;

use super::{
    InBody,
    document::{Document, Format, Found, Place, Value},
    json::{self, Step, elements, members},
    key::BodyKey,
    signature::BodySigned,
};
use crate::{
    error::ConfigError,
    event::pairs,
    rejection::FoundShape,
    scheme::{
        custom::CustomRejection,
        mac::Candidates,
        sign::{Fresh, SigningKey},
    },
    secret::Secret,
};

impl InBody {
    /// Checks that this secret can sign.
    pub(crate) fn check_signing_key(&self, secret: &Secret) -> Result<(), ConfigError> {
        match self {
            Self::Key(_) => text_of(secret).map(drop),
            Self::Signature(signed) => signed.verifier(secret).map(drop),
        }
    }

    /// How many keys can sign one delivery.
    pub(crate) fn most_signatures(&self) -> usize {
        match self {
            Self::Key(_) => 1,
            Self::Signature(signed) => signed.most_signatures(),
        }
    }

    pub(crate) fn sign(
        &self,
        keys: &[SigningKey],
        body: &mut Bytes,
        fresh: &Fresh<'_>,
    ) -> Result<(), ConfigError> {
        match self {
            Self::Key(scheme) => keys.iter().try_for_each(|key| scheme.sign(key, body)),
            Self::Signature(scheme) => scheme.sign(keys, body, fresh),
        }
    }
}

impl BodyKey {
    fn sign(&self, key: &SigningKey, body: &mut Bytes) -> Result<(), ConfigError> {
        let key = text_of(key.secret())?;
        let put = |_: Option<&str>| Ok(key.to_owned());
        self.document.edit(body, &self.value, &mut { put })
    }
}

impl BodySigned {
    fn sign(
        &self,
        keys: &[SigningKey],
        body: &mut Bytes,
        fresh: &Fresh<'_>,
    ) -> Result<(), ConfigError> {
        let (document, format) = (&self.document, Format::unknown());
        if let Some((timestamp, value)) = &self.timestamp {
            document.edit(body, value, &mut |old| {
                let old = old.filter(|_| !fresh.renews);
                Ok(old.map_or_else(|| timestamp.write(fresh.time), str::to_owned))
            })?;
        }
        if let Some(value) = self.id_value() {
            document.edit(body, value, &mut |old| {
                let old = old.filter(|_| !fresh.renews);
                Ok(old.unwrap_or(fresh.id).to_owned())
            })?;
        }
        let signature = |found: Found<'_>| -> Result<String, ConfigError> {
            let (text, _) = self.text(found).map_err(cannot)?;
            self.signatures(keys, &text)
        };
        let Some((_, each)) = &self.each else {
            let read = |found: Found<'_>| Ok(signature(found));
            let signature = document.read(&format, body, read).map_err(cannot)??;
            return document.edit(body, &self.signature, &mut |_| Ok(signature.clone()));
        };
        let Place::Json(place) = self.signature.place() else {
            return Ok(());
        };
        let json = text(body)?;
        let signed = edit(json, each.steps(), &mut |element| {
            let element = element.ok_or_else(|| ConfigError::new(NO_ELEMENT))?;
            let signature = quoted(&signature(Found::Json(element))?);
            edit(element, place.steps(), &mut |_| Ok(signature.clone()))
        })?;
        *body = signed.into();
        Ok(())
    }

    fn signatures(&self, keys: &[SigningKey], text: &[u8]) -> Result<String, ConfigError> {
        let mut signatures = Vec::new();
        for key in keys {
            let mut mac = self.verifier(key.secret())?.start(&Candidates::default());
            mac.update(text);
            let mut tag = [0; 64];
            signatures.extend(mac.tag(&mut tag).map(|tag| self.written(tag)));
        }
        Ok(self.joined(&signatures))
    }
}

const NO_ELEMENT: &str = "the request cannot be signed: its body has no element to sign";

impl Document {
    /// Replaces the value at this place, or adds it. `new` gets the text that is there. A number stays one.
    fn edit(
        &self,
        body: &mut Bytes,
        value: &Value,
        new: &mut dyn FnMut(Option<&str>) -> Result<String, ConfigError>,
    ) -> Result<(), ConfigError> {
        let steps = match value.place() {
            Place::Json(pointer) => pointer.steps(),
            Place::Field(name) => {
                let old = field(body, name);
                let new = new(old.as_deref())?;
                *body = with_field(body, name, &new);
                return Ok(());
            }
        };
        let mut write = |json: &str| {
            edit(json, steps, &mut |old| {
                let kept = old.and_then(|old| json::text(old).ok().flatten());
                let new = new(kept.as_deref())?;
                let was_number =
                    old.is_some_and(|old| old.starts_with(|c: char| c.is_ascii_digit()));
                let is_number = !new.is_empty() && new.bytes().all(|byte| byte.is_ascii_digit());
                Ok(match was_number && is_number {
                    true => new,
                    false => quoted(&new),
                })
            })
        };
        match self {
            Self::JsonInForm(name) if !body.trim_ascii_start().starts_with(b"{") => {
                let json = field(body, name).unwrap_or_else(|| "{}".to_owned());
                let json = write(&json)?;
                *body = with_field(body, name, &json);
            }
            _ => *body = write(text(body)?)?.into(),
        }
        Ok(())
    }
}

fn cannot(rejection: CustomRejection) -> ConfigError {
    ConfigError::new(format!("the request cannot be signed: {rejection}"))
}

fn text_of(secret: &Secret) -> Result<&str, ConfigError> {
    std::str::from_utf8(secret.as_bytes())
        .map_err(|_| ConfigError::new("the secret is not UTF-8, and the body cannot hold it"))
}

fn text(body: &Bytes) -> Result<&str, ConfigError> {
    std::str::from_utf8(body)
        .map_err(|_| ConfigError::new("the request cannot be signed: its body is not UTF-8"))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The JSON with another value at this place. All other bytes stay as they are.
fn edit(
    json: &str,
    steps: &[Step],
    new: &mut dyn FnMut(Option<&str>) -> Result<String, ConfigError>,
) -> Result<String, ConfigError> {
    let wrong = |found: FoundShape| {
        ConfigError::new(format!(
            "the request cannot be signed: its JSON has {found} on the way to the place of a signed value"
        ))
    };
    match steps.split_first() {
        None => new(Some(json)),
        Some((Step::Member(name), rest)) => {
            let members = members(json).map_err(wrong)?;
            if let Some((_, value)) = members.iter().find(|(member, _)| member == name) {
                return splice(json, value, &edit(value, rest, new)?);
            }
            let mut value = new(None)?;
            for step in rest.iter().rev() {
                value = match step {
                    Step::Each => format!("[{value}]"),
                    Step::Member(name) => format!("{{{}:{value}}}", quoted(name)),
                };
            }
            let (before, after) = json.split_once('{').unwrap_or_default();
            let comma = if members.is_empty() { "" } else { "," };
            Ok(format!("{before}{{{}:{value}{comma}{after}", quoted(name)))
        }
        Some((Step::Each, rest)) => {
            let elements = elements(json).map_err(wrong)?;
            let mut changed = json.to_owned();
            // From the end, so that the places before stay valid.
            for element in elements.iter().rev() {
                let new = edit(element, rest, new)?;
                let at = offset(json, element);
                changed.replace_range(at..at.saturating_add(element.len()), &new);
            }
            Ok(changed)
        }
    }
}

/// Where a part of a text begins.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

fn splice(json: &str, old: &str, new: &str) -> Result<String, ConfigError> {
    let at = offset(json, old);
    let mut changed = json.to_owned();
    changed.replace_range(at..at.saturating_add(old.len()), new);
    Ok(changed)
}

fn field(form: &[u8], name: &str) -> Option<String> {
    let mut fields = pairs(form);
    let (_, value) = fields.find(|(field, _)| **field == *name.as_bytes())?;
    String::from_utf8(value.into_owned()).ok()
}

/// The form with this field once.
fn with_field(form: &[u8], name: &str, value: &str) -> Bytes {
    let encode = |text: &[u8]| -> String {
        let encoded = text.iter().map(|byte| match byte {
            b'-' | b'.' | b'_' | b'*' => char::from(*byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        encoded.collect()
    };
    let others = pairs(form).filter(|(field, _)| **field != *name.as_bytes());
    let mut fields: Vec<String> = others
        .map(|(name, value)| format!("{}={}", encode(&name), encode(&value)))
        .collect();
    fields.push(format!(
        "{}={}",
        encode(name.as_bytes()),
        encode(value.as_bytes())
    ));
    fields.join("&").into()
}
