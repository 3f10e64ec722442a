// Cloudinary's signature as a scheme in code. The guide `custom` and the test `custom` use this file.

use std::time::{Duration, SystemTime};

use http::HeaderName;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tower_webhook_auth::{
    BoxError, CustomCheck, CustomClaims, CustomFacts, CustomHead, CustomRejection, CustomScheme,
};
use zeroize::Zeroizing;

static SIGNATURE: HeaderName = HeaderName::from_static("x-cld-signature");
static TIMESTAMP: HeaderName = HeaderName::from_static("x-cld-timestamp");

/// SHA-256 over the body, the timestamp and the secret, for an account that uses SHA-256.
pub struct Cloudinary;

pub struct CloudinaryCheck {
    signature: Vec<u8>,
    timestamp: String,
    signed_at: SystemTime,
    /// The hash of the body so far. The secret is at the end, so all keys share it.
    body: Sha256,
}

impl CustomScheme for Cloudinary {
    type Key = Zeroizing<Vec<u8>>;
    type Check = CloudinaryCheck;

    // The timestamp has ten digits, so the signed bytes show where the body ends.
    fn facts(&self) -> CustomFacts {
        CustomFacts::new([SIGNATURE.clone(), TIMESTAMP.clone()])
            .body_is_signed()
            .time_is_signed(Duration::from_secs(2 * 60 * 60))
    }

    fn key(&self, secret: &[u8]) -> Result<Self::Key, BoxError> {
        Ok(Zeroizing::new(secret.to_vec()))
    }

    fn begin(&self, head: &CustomHead<'_>) -> Result<CloudinaryCheck, CustomRejection> {
        let signature = data_encoding::HEXLOWER_PERMISSIVE
            .decode(head.header(&SIGNATURE)?.as_bytes())
            .ok()
            .filter(|bytes| bytes.len() == 32)
            .ok_or_else(|| {
                CustomRejection::header_malformed(&SIGNATURE, "64 hexadecimal digits")
            })?;
        let timestamp = head.header(&TIMESTAMP)?.to_str().ok();
        // `parse` alone accepts `+1`.
        let timestamp = timestamp
            .filter(|text| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()));
        let seconds = timestamp.and_then(|text| text.parse().ok());
        let (Some(timestamp), Some(seconds)) = (timestamp, seconds) else {
            let expected = "seconds since 1970 in 10 digits";
            return Err(CustomRejection::header_malformed(&TIMESTAMP, expected));
        };
        let signed_at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        // The layer also does this after the body. Here it rejects an old delivery before the body is read.
        head.check_time(&TIMESTAMP, signed_at)?;
        Ok(CloudinaryCheck {
            signature,
            timestamp: timestamp.to_owned(),
            signed_at,
            body: Sha256::new(),
        })
    }
}

impl CustomCheck for CloudinaryCheck {
    type Key = Zeroizing<Vec<u8>>;

    fn update(&mut self, bytes: &[u8]) {
        self.body.update(bytes);
    }

    fn finish(&mut self, _: &[u8]) -> Result<CustomClaims, CustomRejection> {
        self.body.update(&self.timestamp);
        Ok(CustomClaims::new().signed_at(self.signed_at))
    }

    fn matches(&mut self, key: &Self::Key, _: usize) -> bool {
        let digest = self.body.clone().chain_update(key.as_slice()).finalize();
        digest.as_slice().ct_eq(&self.signature).into()
    }
}
