// Twilio's signatures as schemes in code. The guide `custom` and the test `custom` use this file.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tower_webhook_auth::{
    BoxError, CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme,
    SignedUrl,
};

static SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// Twilio sends about 20 fields.
const MOST_FIELDS: usize = 1000;

/// A form: HMAC-SHA1 over the URL, and the names and values of the form in the order of the names.
pub struct TwilioForm {
    /// The URL that was entered at Twilio.
    pub url: SignedUrl,
}

pub struct FormCheck {
    signature: Vec<u8>,
    url: Vec<u8>,
    fields: Vec<u8>,
}

impl CustomScheme for TwilioForm {
    type Key = Hmac<Sha1>;
    type Check = FormCheck;

    // The body is not called signed: nothing separates a name from its value, so `a=bc` and `ab=c` have
    // the same signature.
    fn facts(&self) -> CustomFacts {
        CustomFacts::new([SIGNATURE.clone()])
    }

    fn key(&self, secret: &[u8]) -> Result<Self::Key, BoxError> {
        Ok(Hmac::new_from_slice(secret)?)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<FormCheck, CustomRejection> {
        Ok(FormCheck {
            signature: signature(head)?,
            url: head.url(&self.url)?,
            fields: Vec::new(),
        })
    }
}

impl CustomCheck for FormCheck {
    type Key = Hmac<Sha1>;

    fn hashers(&self) -> usize {
        0
    }

    fn finish(&mut self, body: &[u8]) -> Result<CustomClaims, CustomRejection> {
        let fields = form_urlencoded::parse(body).take(MOST_FIELDS + 1);
        let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = fields.collect();
        if fields.len() > MOST_FIELDS {
            return Err(CustomRejection::mismatch());
        }
        // Twilio signs a field once that comes twice with the same value.
        fields.sort();
        fields.dedup();
        for (name, value) in fields {
            self.fields.extend_from_slice(name.as_bytes());
            self.fields.extend_from_slice(value.as_bytes());
        }
        // The signature of a JSON delivery must not verify a form.
        if [b"?bodySHA256=", b"&bodySHA256="]
            .iter()
            .any(|text| self.fields.starts_with(*text))
        {
            return Err(CustomRejection::mismatch());
        }
        Ok(CustomClaims::new())
    }

    fn matches(&mut self, key: &Self::Key, _: usize) -> bool {
        let mac = Mac::chain_update(key.clone(), &self.url).chain_update(&self.fields);
        mac.verify_slice(&self.signature).is_ok()
    }
}

/// Another body, such as JSON: HMAC-SHA1 over the URL, to which Twilio adds the SHA-256 of the body.
pub struct TwilioJson {
    /// The URL that was entered at Twilio, without `bodySHA256`.
    pub url: SignedUrl,
}

pub struct JsonCheck {
    signature: Vec<u8>,
    url: Vec<u8>,
    body: Sha256,
}

impl CustomScheme for TwilioJson {
    type Key = Hmac<Sha1>;
    type Check = JsonCheck;

    fn facts(&self) -> CustomFacts {
        CustomFacts::new([SIGNATURE.clone()]).body_is_signed()
    }

    fn key(&self, secret: &[u8]) -> Result<Self::Key, BoxError> {
        Ok(Hmac::new_from_slice(secret)?)
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<JsonCheck, CustomRejection> {
        Ok(JsonCheck {
            signature: signature(head)?,
            url: head.url(&self.url)?,
            body: Sha256::new(),
        })
    }
}

impl CustomCheck for JsonCheck {
    type Key = Hmac<Sha1>;

    fn update(&mut self, bytes: &[u8]) {
        Digest::update(&mut self.body, bytes);
    }

    // The parameter is made of the body that arrived, and not read from the request.
    fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
        let hash = data_encoding::HEXLOWER.encode(&self.body.clone().finalize());
        let separator = if self.url.contains(&b'?') { '&' } else { '?' };
        let parameter = format!("{separator}bodySHA256={hash}");
        self.url.extend_from_slice(parameter.as_bytes());
        Ok(CustomClaims::new())
    }

    fn matches(&mut self, key: &Self::Key, _: usize) -> bool {
        let mac = Mac::chain_update(key.clone(), &self.url);
        mac.verify_slice(&self.signature).is_ok()
    }
}

fn signature(head: &CustomHead<'_>) -> Result<Vec<u8>, CustomRejection> {
    let value = head.header(&SIGNATURE)?.as_bytes();
    let signature = data_encoding::BASE64.decode(value).ok();
    signature
        .filter(|bytes| bytes.len() == 20)
        .ok_or_else(|| CustomRejection::header_malformed(&SIGNATURE, "28 characters of base64"))
}
