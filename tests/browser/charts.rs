//! The charts show the API's values: no more points, no fewer, and none where there is no value.

use serde_json::Value;

use crate::visit::Visit;

/// The page's charts of one value a day: chart, kind, field, and the ink of its points.
const LINES: [(&str, &str, &str, &str); 4] = [
    ("readiness", "readiness", "score", "readiness"),
    ("hrv", "hrv", "averageHrv", "hrv"),
    ("heart", "hrv", "restingHeartRate", "heart"),
    ("oxygen", "spo2", "average", "oxygen"),
];

/// The days that the page shows, oldest first, as the API gives them.
async fn days(visit: &Visit, count: i64) -> anyhow::Result<Vec<Value>> {
    let last: String = visit.js("document.querySelector('input[name=day]:last-of-type').value").await?;
    let last: jiff::civil::Date = last.parse()?;
    let first = last.checked_sub(jiff::Span::new().days(count - 1))?;
    let answer = visit.api(&format!("/daily?from={first}&to={last}")).await?;
    Ok(answer["days"].as_array().cloned().unwrap_or_default())
}

fn with_value(days: &[Value], kind: &str, field: &str) -> usize {
    days.iter().filter(|day| day["metrics"][kind][field].is_number()).count()
}

async fn points(visit: &Visit, chart: &str, ink: &str) -> anyhow::Result<usize> {
    // A point that may still change is a ring over the ground.
    let selector = format!("#chart-{chart} svg circle:is([fill='var(--chart-{ink})'],[stroke='var(--chart-{ink})'])");
    visit.js(&format!("document.querySelectorAll({}).length", serde_json::json!(selector))).await
}

async fn bars(visit: &Visit, chart: &str, ink: &str) -> anyhow::Result<usize> {
    let selector = format!("#chart-{chart} svg rect[fill='var(--chart-{ink})']");
    visit.js(&format!("document.querySelectorAll({}).length", serde_json::json!(selector))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_is_a_point_and_a_day_without_one_is_a_gap_with_its_reason() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    // Bruno leaves his ring off now and then.
    visit.connect("#connect", "bruno").await?;
    visit.history().await?;
    for (label, count) in [("range-30", 30), ("range-7", 7), ("range-90", 90)] {
        visit.click(&format!("label[for={label}]")).await?;
        let days = days(&visit, count).await?;
        for (chart, kind, field, ink) in LINES {
            let wanted = with_value(&days, kind, field);
            let what = format!("{wanted} points of {chart} in {count} days");
            let selector = format!(
                "document.querySelectorAll(\"#chart-{chart} svg circle:is([fill='var(--chart-{ink})'],[stroke='var(--chart-{ink})'])\").length === {wanted}"
            );
            visit.until(&what, &selector).await?;
            assert_eq!(points(&visit, chart, ink).await?, wanted, "{what}");
            let rows: usize = visit.js(&format!("document.querySelectorAll('#chart-{chart} tbody tr').length")).await?;
            assert_eq!(rows as i64, count, "the table has every day");
        }
        let steps = days.iter().filter(|day| day["metrics"]["activity"]["steps"].as_f64() > Some(0.0)).count();
        assert_eq!(bars(&visit, "steps", "steps").await?, steps);
        let deep = days.iter().filter(|day| day["metrics"]["sleep"]["deepSleep"].as_f64() > Some(0.0)).count();
        assert_eq!(bars(&visit, "sleep", "deep").await?, deep);
    }
    // The days before the history are no zeros: they are said not to have been fetched.
    let why = visit.text("#chart-readiness .why").await?;
    assert!(why.contains("not fetched"), "{why}");
    let drawn: bool = visit.js("[...document.querySelectorAll('#chart-readiness svg text')].some(text => text.textContent.includes('not fetched'))").await?;
    assert!(drawn, "the gap says why");
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_usual_lies_behind_the_values() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    for (chart, ..) in LINES {
        let drawn = |element: &str, colour: &str| {
            format!("document.querySelector(\"#chart-{chart} svg {element}[{colour}='var(--chart-usual)']\")")
        };
        visit.until(&format!("the usual range of {chart}"), &drawn("polygon", "fill")).await?;
        visit.until(&format!("the usual mean of {chart}"), &drawn("polyline", "stroke")).await?;
    }
    let latest = visit.text("#chart-hrv .latest").await?;
    assert!(latest.contains("ms") && latest.contains("usual"), "{latest}");
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_is_drawn_stage_by_stage_and_told_in_words() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    let day: String = visit.js("document.querySelector('input[name=day]:checked').value").await?;
    let night = visit.api(&format!("/series?type=hypnogram&day={day}")).await?["series"][0].clone();
    let items = night["items"].as_array().cloned().unwrap_or_default();
    for stage in ["deep", "light", "rem", "awake"] {
        let mut runs = 0;
        for (n, item) in items.iter().enumerate() {
            runs += usize::from(item == stage && (n == 0 || items[n - 1] != *item));
        }
        let blocks: usize = visit
            .js(&format!(
                "document.querySelectorAll(\"#night figure:first-child svg rect[fill='var(--chart-{stage})']\").length"
            ))
            .await?;
        assert_eq!(blocks, runs, "{stage}");
    }
    // By the clock where the patient was, not by that of this machine.
    let start = night["start"].as_str().unwrap_or_default();
    let (clock, offset) = (&start[11..16], &start[start.len() - 6..]);
    let shown = visit.text("#night figcaption").await?;
    assert!(shown.contains(clock) && shown.contains(&offset[1..]), "{shown} of {start}");
    let spoken: String = visit.js("document.querySelector('#night .plot').getAttribute('aria-label')").await?;
    assert!(spoken.contains("Deep") && spoken.contains(clock), "{spoken}");

    // Another day has another night.
    visit.click("#tiles label:nth-last-of-type(3)").await?;
    visit
        .until("the other day", &format!("document.querySelector('input[name=day]:checked').value !== '{day}'"))
        .await?;
    visit
        .until(
            "its night",
            &format!(
                "document.querySelector('#night .plot')?.getAttribute('aria-label') !== {}",
                serde_json::json!(spoken)
            ),
        )
        .await?;
    visit.end().await
}
