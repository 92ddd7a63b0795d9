//! Whole answers of the routes, held by snapshots. After an intended change: `INSTA_UPDATE=always cargo test -p tests --test it
//! answers`, then review the difference.

use serde_json::Value;

use super::month;

/// Replaces the times of the run, which depend on how long it took.
fn without_times(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_times(item.take())),
        Value::Object(fields) => {
            for (name, field) in fields {
                let is_time = matches!(name.as_str(), "since" | "lastSyncAt" | "fetchedAt" | "observedAt");
                *field = if is_time { "[time]".into() } else { without_times(field.take()) };
            }
        }
        _ => {}
    }
    value
}

#[tokio::test]
async fn connections_answer_after_the_backfill() {
    let world = month().await;
    let answer = world.get("/connections", "").await.data();
    insta::assert_json_snapshot!(without_times(answer));
}

#[tokio::test]
async fn daily_answer_of_one_day() {
    let world = month().await;
    let answer = world.get("/daily", "from=2026-03-15&to=2026-03-15").await.data();
    insta::assert_json_snapshot!(without_times(answer));
}

#[tokio::test]
async fn workouts_answer_of_a_week() {
    let world = month().await;
    let answer = world.get("/workouts", "from=2026-03-09&to=2026-03-15").await.data();
    insta::assert_json_snapshot!(without_times(answer));
}
