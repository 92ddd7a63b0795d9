//! `/v2/usercollection/*`: authorization, ranges and pages.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use jiff::civil::DateTime;
use serde_json::{Value, json};

use crate::answers::{bare, detail, json_text, of_person};
use crate::cloud::state::Cloud;
use crate::collection::{Collection, Shape};
use crate::lock::lock;
use crate::time::Zone;
use crate::tokens::Bearer;

use super::paging::Page;
use super::query::{Bound, Query};

/// The longest window of a time series that clients use; Oura's own limit and error were never recorded.
const MAX_WINDOW_SECONDS: i64 = 30 * 86_400;

/// Rows of a series on a page (measured).
const ROWS_PER_PAGE: usize = 1000;
/// Documents on a page: 2,141 came at once.
const DOCUMENTS_PER_PAGE: usize = 10_000;

type Answer = Result<Response, Box<Response>>;

fn finish(answer: Answer) -> Response {
    answer.unwrap_or_else(|refusal| *refusal)
}

/// `GET /v2/usercollection/{collection}`.
pub(crate) async fn list(
    State(cloud): State<Arc<Cloud>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    finish(list_inner(&cloud, &name, &headers, query.as_deref()))
}

/// `GET /v2/usercollection/{collection}/{document_id}`.
pub(crate) async fn single(
    State(cloud): State<Arc<Cloud>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    finish(single_inner(&cloud, &name, &id, &headers))
}

fn list_inner(cloud: &Cloud, name: &str, headers: &HeaderMap, query: Option<&str>) -> Answer {
    if name == "personal_info" {
        let bearer = authorize(cloud, headers)?;
        return Ok(of_person(Some(bearer.person), personal_info(cloud, &bearer)));
    }
    let collection = Collection::of_path(name).ok_or_else(not_found)?;
    let bearer = authorize(cloud, headers)?;
    require(cloud, &bearer, collection)?;
    let (query, options) = (Query::parse(query), cloud.options());
    let (items, page) = match collection.shape() {
        Shape::Series => rows(cloud, &bearer, collection, &query)?,
        Shape::Documents | Shape::Everything => documents(cloud, &bearer, collection, &query)?,
    };
    let next =
        page.map(|page| page.token(&cloud.page_key, &bound_to(&bearer, collection, &query), options.page_tokens));
    let body = format!("{{\"data\":[{}],\"next_token\":{}}}", items.join(","), json!(next));
    Ok(of_person(Some(bearer.person), json_text(StatusCode::OK, body)))
}

fn single_inner(cloud: &Cloud, name: &str, id: &str, headers: &HeaderMap) -> Answer {
    let collection = Collection::of_path(name).filter(|c| c.shape() != Shape::Series).ok_or_else(not_found)?;
    let bearer = authorize(cloud, headers)?;
    require(cloud, &bearer, collection)?;
    let answer = match cloud.document(bearer.person, collection, id) {
        Some(document) => json_text(StatusCode::OK, document.json.to_string()),
        None => detail(StatusCode::NOT_FOUND, "Document not found."),
    };
    Ok(of_person(Some(bearer.person), answer))
}

/// Checks limits, token, membership and app version, in this order.
fn authorize(cloud: &Cloud, headers: &HeaderMap) -> Result<Bearer, Box<Response>> {
    let (now, options) = (cloud.clock.now(), cloud.options());
    let counted = lock(&cloud.limits).app(now.as_millisecond(), &options);
    counted.map_err(|exceeded| Box::new(exceeded.response(&options)))?;
    let bearer = bearer_token(headers).and_then(|token| lock(&cloud.tokens).bearer(token, now.as_second()));
    let bearer = bearer.ok_or_else(|| Box::new(bare(StatusCode::UNAUTHORIZED)))?;
    let counted = lock(&cloud.limits).token(now.as_millisecond(), bearer.serial, &options);
    counted.map_err(|exceeded| Box::new(of_person(Some(bearer.person), exceeded.response(&options))))?;
    match cloud.read(bearer.person, |state| (state.member, state.app_outdated)) {
        (false, _) => Err(Box::new(of_person(Some(bearer.person), bare(StatusCode::FORBIDDEN)))),
        (_, true) => {
            let answer = detail(StatusCode::UPGRADE_REQUIRED, "The user's Oura app is below the minimum version.");
            Err(Box::new(of_person(Some(bearer.person), answer)))
        }
        _ => Ok(bearer),
    }
}

/// The access token of a request.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn require(cloud: &Cloud, bearer: &Bearer, collection: Collection) -> Result<(), Box<Response>> {
    let scope = collection.scope();
    if bearer.scopes.iter().any(|granted| granted == scope) {
        return Ok(());
    }
    let status = StatusCode::from_u16(cloud.options().scope_status).unwrap_or(StatusCode::UNAUTHORIZED);
    let answer = detail(status, &format!("The access token lacks the required scope: extapi:{scope}"));
    Err(Box::new(of_person(Some(bearer.person), answer)))
}

fn not_found() -> Box<Response> {
    Box::new(detail(StatusCode::NOT_FOUND, "Not Found"))
}

fn personal_info(cloud: &Cloud, bearer: &Bearer) -> Response {
    let Some(person) = cloud.people().nth(bearer.person) else { return bare(StatusCode::UNAUTHORIZED) };
    let may = |scope: &str| bearer.scopes.iter().any(|granted| granted == scope);
    let personal = may("personal");
    let body = json!({
        "id": person.user_id(),
        "age": personal.then_some(person.age),
        "weight": personal.then_some(person.weight),
        "height": personal.then_some(person.height),
        "biological_sex": personal.then_some(person.sex),
        "email": may("email").then_some(&person.email),
    });
    json_text(StatusCode::OK, body.to_string())
}

/// The person, the collection and the query that a page token is bound to.
fn bound_to(bearer: &Bearer, collection: Collection, query: &Query) -> String {
    format!("{} {} {}", bearer.person, collection.path(), query.without_page())
}

/// Refuses a range that ends before it begins.
fn in_order(start: Bound, end: Bound) -> Result<(), Box<Response>> {
    if start.utc <= end.utc {
        return Ok(());
    }
    Err(Box::new(detail(StatusCode::BAD_REQUEST, "The start of the range is after its end.")))
}

type Paged = (Vec<String>, Option<Page>);

/// The requested page, or the first one of `range`.
fn page(
    cloud: &Cloud,
    bearer: &Bearer,
    collection: Collection,
    query: &Query,
    range: (i64, i64),
) -> Result<Page, Box<Response>> {
    let Some(token) = query.next_token() else { return Ok(Page { range, offset: 0 }) };
    Page::parse(token, &cloud.page_key, &bound_to(bearer, collection, query))
        .ok_or_else(|| Box::new(detail(StatusCode::BAD_REQUEST, "Invalid next_token.")))
}

/// The items of a page as JSON, and the next page.
fn page_of<T>(items: &[T], page: Page, size: usize, write: impl Fn(&T) -> String) -> Paged {
    let end = page.offset.saturating_add(size).min(items.len());
    let written = items.get(page.offset..end).unwrap_or_default().iter().map(write).collect();
    (written, (end < items.len()).then_some(Page { offset: end, ..page }))
}

fn documents(cloud: &Cloud, bearer: &Bearer, collection: Collection, query: &Query) -> Result<Paged, Box<Response>> {
    let today = Zone::utc().civil(cloud.now()).date().at(0, 0, 0, 0);
    let end = query.bound("end_date")?.unwrap_or(Bound::at(today));
    let start = query.bound("start_date")?.unwrap_or_else(|| end.days_earlier(1));
    in_order(start, end)?;
    // Workouts are compared in UTC, everything else by its local time.
    let side = |bound: Bound| if collection == Collection::Workout { bound.utc } else { bound.civil };
    let seconds = |at: DateTime| Zone::utc().moment(at);
    let page = page(cloud, bearer, collection, query, (seconds(side(start)), seconds(side(end))))?;
    let civil = |moment: i64| Zone::utc().civil(moment);
    let found = cloud.documents(bearer.person, collection, (civil(page.range.0), civil(page.range.1)));
    let fields = query.fields().filter(|_| collection.narrows());
    let size = cloud.options().page_size.unwrap_or(DOCUMENTS_PER_PAGE);
    Ok(page_of(&found, page, size, |document| match &fields {
        None => document.json.to_string(),
        Some(fields) => narrowed(serde_json::from_str(&document.json).unwrap_or_default(), fields, "id"),
    }))
}

fn rows(cloud: &Cloud, bearer: &Bearer, collection: Collection, query: &Query) -> Result<Paged, Box<Response>> {
    let now = cloud.now();
    let (first, last) = (query.bound("start_datetime")?, query.bound("end_datetime")?);
    let end = last.map_or(now, |bound| bound.moment());
    let start = first.map_or(end - 86_400, |bound| bound.moment());
    let latest = query.flag("latest")?;
    if let (Some(first), Some(last)) = (first, last) {
        in_order(first, last)?;
    }
    if !latest && end - start > MAX_WINDOW_SECONDS {
        let text = "The time between start_datetime and end_datetime must not exceed 30 days.";
        return Err(Box::new(detail(StatusCode::BAD_REQUEST, text)));
    }
    // `latest` ignores the dates.
    let until = cloud.visible_until(bearer.person);
    let range = match latest {
        true => (until - 2 * 86_400, until),
        // A date without a time is accepted and finds nothing (measured).
        false if first.or(last).is_some_and(|bound| bound.is_date) => (start, start),
        false => (start, end),
    };
    let page = page(cloud, bearer, collection, query, range)?;
    let mut found = cloud.rows(bearer.person, collection, page.range);
    if latest {
        found.drain(..found.len().saturating_sub(1));
    }
    let fields = query.fields();
    let size = cloud.options().page_size.unwrap_or(ROWS_PER_PAGE);
    Ok(page_of(&found, page, size, |row| match &fields {
        None => row.json().to_string(),
        Some(fields) => narrowed(row.json(), fields, "timestamp"),
    }))
}

/// The requested fields and the key, which is always included; unknown names are ignored.
fn narrowed(document: Value, fields: &[&str], key: &str) -> String {
    match document {
        Value::Object(all) => {
            let kept = all.into_iter().filter(|(name, _)| name == key || fields.contains(&name.as_str()));
            Value::Object(kept.collect()).to_string()
        }
        other => other.to_string(),
    }
}
