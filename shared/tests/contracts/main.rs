//! The contracts that follow from the declarations in code: JSON Schemas of metrics and of the tables' items, and the
//! catalogue for people. They are checked in; this test fails if they differ from the code.
//!
//! `UPDATE_CONTRACTS=1 cargo test -p shared --test contracts` writes them. The TypeScript types follow from the schemas:
//! `npm --prefix infra/typescript run generate`.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

mod catalogue;
mod items;
mod metrics;
mod schema;

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Compares a file of `infra` with what the code makes of it, or writes it.
fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra").join(name);
    if std::env::var_os("UPDATE_CONTRACTS").is_some() {
        fs::write(&path, made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "{name} differs from the code: run `UPDATE_CONTRACTS=1 cargo test -p shared --test contracts` and commit it"
    );
}

fn check_schema(name: &str, schema: &Value) {
    check(&format!("schemas/{name}.schema.json"), &format!("{schema:#}\n"));
}

#[test]
fn metrics_schema_follows_from_code() {
    check_schema("metrics", &metrics::schema());
}

#[test]
fn daily_stats_schema_follows_from_code() {
    check_schema("daily_stats", &items::daily_stats());
}

#[test]
fn wearable_data_schema_follows_from_code() {
    check_schema("wearable_data", &items::wearable_data());
}

#[test]
fn catalogue_for_people_follows_from_code() {
    check("METRICS.md", &catalogue::text());
}
