//! Selectors for senders that name the key in the request.

#[cfg(feature = "certificates")]
use super::Selection;
#[cfg(feature = "certificates")]
use crate::provider::{aws_sns, paypal};

use http::HeaderName;

use super::Unverified;

/// An id has at most this many bytes.
const LONGEST_ID_BYTES: usize = 256;

/// The id of a key in this header, such as `x-circle-key-id` or `wechatpay-serial`.
///
/// It is `None` if the header is absent, appears several times, or is longer than 256 bytes. It is also `None` if the
/// id has characters other than ASCII letters and digits, `-`, `_`, `.` and `=`. So an id can be a segment of a
/// path. Any client can have written it: use it to find a key, and for nothing else.
///
/// ```
/// use http::HeaderName;
/// use tower_webhook_auth::tenants::{CacheLimits, Selection, TenantKeys, Unverified, id_in_header};
///
/// static KEY_ID: HeaderName = HeaderName::from_static("x-circle-key-id");
///
/// let select = |delivery: Unverified<'_>| match id_in_header(delivery, &KEY_ID) {
///     Some(id) => Selection::LookUp(id),
///     None => Selection::Unknown,
/// };
/// # #[cfg(feature = "tenant-cache")]
/// let keys = TenantKeys::with_limits(CacheLimits::for_key_ids(), select, |id: String| async move {
///     // In a program: request the key with this id from the sender's API.
///     Ok(None)
/// });
/// ```
#[must_use]
pub fn id_in_header(delivery: Unverified<'_>, name: &HeaderName) -> Option<String> {
    let mut values = delivery.headers().get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(byte);
    let bytes = value.as_bytes();
    let is_id = (1..=LONGEST_ID_BYTES).contains(&bytes.len()) && bytes.iter().all(is_plain);
    // `.` and `..` are no names in a path.
    let is_dots = bytes.iter().all(|byte| *byte == b'.');
    value
        .to_str()
        .ok()
        .filter(|_| is_id && !is_dots)
        .map(String::from)
}

/// Selects the certificate of a delivery of [AWS SNS](crate::provider::aws_sns) by its URL in the body. Use it as
/// the first closure of [`TenantKeys`](super::TenantKeys).
///
/// A body whose URL is not on the host of SNS in the region of its topic is
/// [`Unknown`](Selection::Unknown), so nothing is requested for it.
#[cfg(feature = "certificates")]
#[cfg_attr(docsrs, doc(cfg(feature = "certificates")))]
#[must_use]
pub fn aws_sns_certificate(delivery: Unverified<'_>) -> Selection<String> {
    match delivery.body() {
        None => Selection::Body,
        Some(body) => aws_sns::certificate_url(body).map_or(Selection::Unknown, Selection::LookUp),
    }
}

/// Selects the certificate of a delivery of [PayPal](crate::provider::paypal) by its URL in the headers. Use it as
/// the first closure of [`TenantKeys`](super::TenantKeys).
#[cfg(feature = "certificates")]
#[cfg_attr(docsrs, doc(cfg(feature = "certificates")))]
#[must_use]
pub fn paypal_certificate(delivery: Unverified<'_>) -> Selection<String> {
    paypal::certificate_url(delivery.headers()).map_or(Selection::Unknown, Selection::LookUp)
}
