//! A `POST` before and after its verification.

use std::borrow::Cow;

use aws_lambda_events::event::lambda_function_urls::LambdaFunctionUrlRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use jiff::Timestamp;
use shared::domain::WebhookEvent;
use shared::oura::{
    self, ClientSecret, InvalidWebhookEvent, SIGNATURE_HEADER, SignatureError, TIMESTAMP_HEADER, parse_webhook_event,
};

use crate::Refusal;

/// Upper bound of a body in bytes after decoding. A webhook event has about 150.
pub const BODY_LIMIT: usize = 64 * 1024;

/// The same body in base64.
const ENCODED_LIMIT: usize = BODY_LIMIT.div_ceil(3) * 4;

/// Raw bytes of a `POST` and its two headers. They are unverified: only [`verify`](Self::verify) gives access to the content.
pub struct Delivery<'r> {
    signature: &'r str,
    timestamp: &'r str,
    body: Cow<'r, [u8]>,
}

/// Body of a delivery that Oura has signed.
pub struct VerifiedBody<'d>(&'d [u8]);

impl<'r> Delivery<'r> {
    /// Reads a request. A function URL passes on bodies other than plain text in base64; both are accepted.
    ///
    /// # Errors
    /// [`Refusal`] if the body is too large or invalid base64, or if a header is missing, repeated, or not text.
    pub fn read(request: &'r LambdaFunctionUrlRequest) -> Result<Self, Refusal> {
        let text = request.body.as_deref().unwrap_or_default();
        let body = if request.is_base64_encoded {
            // Before the decoding: the limit bounds the work for unverified senders.
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
            signature: single(&request.headers, SIGNATURE_HEADER).map_err(Refusal::Unverified)?,
            timestamp: single(&request.headers, TIMESTAMP_HEADER).map_err(Refusal::Unverified)?,
            body,
        })
    }

    /// Verifies that it was signed with this secret, recently.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, secret: &ClientSecret, now: Timestamp) -> Result<VerifiedBody<'_>, SignatureError> {
        oura::verify(secret, Some(self.signature), Some(self.timestamp), &self.body, now)?;
        Ok(VerifiedBody(&self.body))
    }
}

impl VerifiedBody<'_> {
    /// Reads the webhook event.
    ///
    /// # Errors
    /// [`InvalidWebhookEvent`].
    pub fn webhook_event(&self, received_at: Timestamp) -> Result<WebhookEvent, InvalidWebhookEvent> {
        parse_webhook_event(self.0, received_at)
    }
}

/// Returns a header that must occur once. A function URL joins repeated ones with a comma, which neither of the two contains.
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
