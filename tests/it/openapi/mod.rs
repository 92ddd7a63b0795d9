//! `infra/openapi.yaml` against the code: routes, schemas, examples, and every refusal.

mod examples;
mod refusals;
mod routes;
mod schemas;
