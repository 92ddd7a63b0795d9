//! Time to verify and to read one webhook event, beside a plain HMAC of the same bytes.
//!
//! `cargo bench -p shared --bench webhook_event`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark's own data is known to be good")]

use divan::{Bencher, black_box};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use shared::oura::{ClientSecret, parse_webhook_event, sign, verify};

fn main() {
    divan::main();
}

/// Sizes: a webhook event with ids as long as Oura's UUIDs, and the largest accepted body (64 KiB).
const SIZES: [usize; 2] = [0, 64 * 1024];

const SECRET: &str = "Z9J7B2Q4XK1M8R5T6W3Y0C2V4N6L8P1D";
const STAMP: &str = "1772366400000";

struct Signed {
    secret: ClientSecret,
    signature: String,
    body: String,
    now: Timestamp,
}

/// A signed webhook event, padded with spaces to at least this size.
fn signed(size: usize) -> Signed {
    let mut body = concat!(
        r#"{"event_type":"update","data_type":"daily_readiness","object_id":"3c1f0a52-7d7e-4b6b-9a31-5f0e2b8d4c77","#,
        r#""event_time":"2026-03-01T11:59:40.250000+00:00","user_id":"8f6d2c1e-4b3a-4d59-8e70-1a2b3c4d5e6f"}"#
    )
    .to_owned();
    body.extend(std::iter::repeat_n(' ', size.saturating_sub(body.len())));
    let secret = ClientSecret::new(SECRET);
    let signature = sign(&secret, STAMP, body.as_bytes());
    Signed { secret, signature, body, now: Timestamp::from_second(1_772_366_402).unwrap() }
}

/// Unit of comparison: HMAC-SHA256 of the same bytes.
#[divan::bench(args = SIZES)]
fn plain_hmac(bencher: Bencher<'_, '_>, size: usize) {
    let signed = signed(size);
    bencher.bench(|| {
        let mut mac = Hmac::<Sha256>::new_from_slice(black_box(SECRET.as_bytes())).unwrap();
        mac.update(black_box(STAMP.as_bytes()));
        mac.update(black_box(signed.body.as_bytes()));
        mac.finalize()
    });
}

/// Signature and age.
#[divan::bench(args = SIZES)]
fn verified(bencher: Bencher<'_, '_>, size: usize) {
    let signed = signed(size);
    bencher.bench(|| {
        let body = black_box(signed.body.as_bytes());
        verify(&signed.secret, Some(&signed.signature), Some(STAMP), body, signed.now).unwrap();
    });
}

/// Reading alone.
#[divan::bench(args = SIZES)]
fn parsed(bencher: Bencher<'_, '_>, size: usize) {
    let signed = signed(size);
    bencher.bench(|| parse_webhook_event(black_box(signed.body.as_bytes()), signed.now).unwrap());
}

/// Both, as the function does it (aim: below 5 µs).
#[divan::bench(args = SIZES)]
fn verified_and_parsed(bencher: Bencher<'_, '_>, size: usize) {
    let signed = signed(size);
    bencher.bench(|| {
        let body = black_box(signed.body.as_bytes());
        verify(&signed.secret, Some(&signed.signature), Some(STAMP), body, signed.now).unwrap();
        parse_webhook_event(body, signed.now).unwrap()
    });
}

/// Message for the queue.
#[divan::bench]
fn written_for_the_queue(bencher: Bencher<'_, '_>) {
    let signed = signed(0);
    let read = parse_webhook_event(signed.body.as_bytes(), signed.now).unwrap();
    bencher.bench(|| black_box(&read).to_body());
}
