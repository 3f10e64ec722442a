// Twilio's signature of a form, as a scheme in code. The guide `custom` and the test `custom` use this file.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha1::Sha1;
use tower_webhook_auth::{
    BoxError, CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme,
    SignedUrl,
};

static SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");

/// Twilio sends about 20 fields.
const MOST_FIELDS: usize = 1000;

/// HMAC-SHA1 over the URL, and the names and values of the form in the order of the names.
pub struct TwilioForm {
    /// The URL that was entered at Twilio.
    pub url: SignedUrl,
}

pub struct FormCheck {
    signature: Vec<u8>,
    /// The URL, and then the fields.
    signed: Vec<u8>,
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
        let value = head.header(&SIGNATURE)?.as_bytes();
        let signature = data_encoding::BASE64.decode(value).ok();
        let signature = signature.filter(|bytes| bytes.len() == 20).ok_or_else(|| {
            CustomRejection::header_malformed(&SIGNATURE, "28 characters of base64")
        })?;
        let signed = head.url(&self.url)?;
        Ok(FormCheck { signature, signed })
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
            self.signed.extend_from_slice(name.as_bytes());
            self.signed.extend_from_slice(value.as_bytes());
        }
        Ok(CustomClaims::new())
    }

    fn matches(&mut self, key: &Self::Key, _: usize) -> bool {
        let mut mac = key.clone();
        mac.update(&self.signed);
        mac.verify_slice(&self.signature).is_ok()
    }
}
