//! Page tokens: opaque, bound to their query, and by default in need of URL-encoding like Oura's.

use crate::options::page_tokens::PageTokens;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The rest of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// The range of the first page, in seconds since the epoch.
    pub(crate) range: (i64, i64),
    /// Number of items on the pages before.
    pub(crate) offset: usize,
}

impl Page {
    /// Writes the token. A client that does not encode its `+` sends a space, which is refused.
    pub(crate) fn token(&self, key: &[u8; 32], query: &str, style: PageTokens) -> String {
        let Self { range: (start, end), offset } = self;
        let plain = format!("{start}.{end}+{offset}");
        let signature = sign(key, query, &plain);
        match style {
            PageTokens::Reserved => format!("{plain}:{signature}&=%/#"),
            PageTokens::Plain => format!("{start}.{end}_{offset}-{signature}"),
        }
    }

    /// Reads a token; `None` unless it was written for this query.
    pub(crate) fn parse(token: &str, key: &[u8; 32], query: &str) -> Option<Self> {
        let reserved = token.strip_suffix("&=%/#").and_then(|token| token.split_once(':'));
        let (plain, signature) = reserved.or_else(|| token.rsplit_once('-'))?;
        let plain = &plain.replace('_', "+");
        if sign(key, query, plain) != signature {
            return None;
        }
        let (range, offset) = plain.split_once('+')?;
        let (start, end) = range.split_once('.')?;
        Some(Self { range: (start.parse().ok()?, end.parse().ok()?), offset: offset.parse().ok()? })
    }
}

fn sign(key: &[u8; 32], query: &str, plain: &str) -> String {
    // HMAC pads a key to the block size with zeros itself; padded here, its length cannot be wrong.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in [query, "\n", plain] {
        mac.update(part.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes()).chars().take(32).collect()
}
