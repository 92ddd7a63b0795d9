//! Answers whose bytes arrive slowly.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use serde::{Deserialize, Serialize};

/// Pace of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drip {
    /// Bytes of each part.
    pub bytes: usize,
    /// Milliseconds between two parts, by the machine's clock.
    pub every_ms: u64,
}

impl Drip {
    /// The answer with its body in slow parts.
    pub(crate) async fn slowed(self, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        parts.headers.remove(http::header::CONTENT_LENGTH);
        let Ok(whole) = axum::body::to_bytes(body, usize::MAX).await else {
            return Response::from_parts(parts, Body::empty());
        };
        let pause = Duration::from_millis(self.every_ms);
        let size = self.bytes.max(1);
        let slowly = stream::unfold((whole, true), move |(mut rest, first)| async move {
            if rest.is_empty() {
                return None;
            }
            if !first {
                tokio::time::sleep(pause).await;
            }
            let part = rest.split_to(size.min(rest.len()));
            Some((Ok::<Bytes, std::convert::Infallible>(part), (rest, false)))
        });
        Response::from_parts(parts, Body::from_stream(slowly))
    }
}
