//! A POST as it came, and what of it is proven.

use std::borrow::Cow;

use aws_lambda_events::event::lambda_function_urls::LambdaFunctionUrlRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use jiff::Timestamp;
use shared::domain::WebhookEvent;
use shared::oura::{
    ClientSecret, InvalidWebhookEvent, SIGNATURE_HEADER, SignatureError, TIMESTAMP_HEADER, parse_webhook_event, verify,
};

use crate::Refusal;

/// The largest body that is looked at, in bytes after decoding. A notice has about 150.
pub const BODY_LIMIT: usize = 64 * 1024;

/// The same body in base64.
const ENCODED_LIMIT: usize = BODY_LIMIT.div_ceil(3) * 4;

/// The raw bytes of a POST and its two headers. Nothing of it is proven: the only way to what it says is
/// [`prove`](Self::prove).
pub struct Delivery<'r> {
    signature: &'r str,
    timestamp: &'r str,
    body: Cow<'r, [u8]>,
}

/// The body of a delivery that was proven to be Oura's.
pub struct VerifiedBody<'d>(&'d [u8]);

impl<'r> Delivery<'r> {
    /// Takes a request apart. A function URL gives bodies that are not plain text in base64; both are accepted.
    ///
    /// # Errors
    /// [`Refusal`] when the body is too large or not the base64 that it is said to be, or when a header is missing, was
    /// sent more than once, or is not text.
    pub fn read(request: &'r LambdaFunctionUrlRequest) -> Result<Self, Refusal> {
        let text = request.body.as_deref().unwrap_or_default();
        let body = if request.is_base64_encoded {
            // Before anything is decoded: the limit is there to bound the work for strangers.
            if text.len() > ENCODED_LIMIT {
                return Err(Refusal::TooLarge);
            }
            Cow::Owned(STANDARD.decode(text).map_err(|_not_base64| Refusal::Base64)?)
        } else {
            Cow::Borrowed(text.as_bytes())
        };
        if body.len() > BODY_LIMIT {
            return Err(Refusal::TooLarge);
        }
        Ok(Self {
            signature: single(&request.headers, SIGNATURE_HEADER).map_err(Refusal::NotGenuine)?,
            timestamp: single(&request.headers, TIMESTAMP_HEADER).map_err(Refusal::NotGenuine)?,
            body,
        })
    }

    /// Proves that it was signed with this secret, not long ago.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn prove(&self, secret: &ClientSecret, now: Timestamp) -> Result<VerifiedBody<'_>, SignatureError> {
        verify(secret, Some(self.signature), Some(self.timestamp), &self.body, now)?;
        Ok(VerifiedBody(&self.body))
    }
}

impl VerifiedBody<'_> {
    /// Reads the notice.
    ///
    /// # Errors
    /// [`InvalidWebhookEvent`].
    pub fn notice(&self, received_at: Timestamp) -> Result<WebhookEvent, InvalidWebhookEvent> {
        parse_webhook_event(self.0, received_at)
    }
}

/// A header that must be there once. A function URL joins repeated ones with a comma, which neither of the two can hold.
fn single<'r>(headers: &'r HeaderMap, name: &str) -> Result<&'r str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(SignatureError::Missing),
        (Some(value), None) if !value.as_bytes().contains(&b',') => {
            value.to_str().map_err(|_not_text| SignatureError::Malformed)
        }
        _ => Err(SignatureError::Malformed),
    }
}
