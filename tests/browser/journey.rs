//! The patient's way: connect, decline, come back, end it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use local::stack::Options;
use serde_json::json;
use shared::domain::Clock;

use crate::visit::{Visit, quick};

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_connects_and_sees_the_days() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.see("#welcome").await?;
    visit.see_no("#connection").await?;
    visit.see_no("#own").await?;
    visit.connect("#connect", "ada").await?;
    assert_eq!(visit.text("#notice").await?, "Connected. Your history is on its way.");
    assert_eq!(visit.js::<String>("location.search").await?, "", "nothing of the callback stays in the address");
    visit.history().await?;
    visit.see_no("#welcome").await?;
    visit.see_no("#banner").await?;
    visit.see("#workout-list li").await?;

    // Another patient of the same platform sees none of it.
    visit.run("(select => { select.value = 'patient-2'; select.dispatchEvent(new Event('change')); })(document.querySelector('#patient'))")
        .await?;
    visit.see("#welcome").await?;
    for gone in ["#days", "#trends", "#workouts", "#own"] {
        visit.see_no(gone).await?;
    }
    assert_eq!(visit.js::<u32>("document.querySelectorAll('#event-list li').length").await?, 0);
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_declines_and_nothing_is_connected() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.consent("#connect", "ada", "deny").await?;
    visit.see("#notice").await?;
    assert!(visit.text("#notice").await?.contains("declined"));
    visit.see("#connect").await?;
    assert_eq!(visit.api("/connections").await?["connections"], json!([]));

    // What an address brings is shown as text at most.
    visit.open("/?wearable=oura&status=error&reason=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E").await?;
    visit.see("#notice").await?;
    assert!(visit.text("#notice").await?.contains("<img src=x"));
    assert_eq!(visit.js::<u32>("document.querySelectorAll('img').length").await?, 0);
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_disconnects_keeps_the_days_and_comes_back() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;

    // The dialog explains the effect, and Escape closes it.
    visit.click("#disconnect").await?;
    visit.see("#disconnect-dialog").await?;
    visit.press("Escape").await?;
    visit.see_no("#disconnect-dialog").await?;
    assert_eq!(visit.js::<String>("document.activeElement.id").await?, "disconnect", "the focus is back");

    visit.click("#disconnect").await?;
    assert_eq!(visit.text("#disconnect-confirm").await?, "Disconnect and keep");
    visit.click("#disconnect-confirm").await?;
    visit.see("#banner").await?;
    assert_eq!(visit.text("#banner-text").await?, "You disconnected your ring.");
    visit.see("#charts svg").await?;
    visit.see_no("#sync").await?;

    visit.connect("#reconnect", "ada").await?;
    visit.see_no("#banner").await?;
    visit.see("#sync").await?;
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_disconnects_and_everything_is_deleted() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    visit.click("#disconnect").await?;
    visit.click("label[for=data-purge]").await?;
    assert_eq!(visit.text("#disconnect-confirm").await?, "Disconnect and delete");
    visit.click("#disconnect-confirm").await?;
    visit.see("#welcome").await?;
    for gone in ["#days", "#trends", "#workouts", "#own", "#banner"] {
        visit.see_no(gone).await?;
    }
    assert!(visit.text("#notice").await?.contains("deleted"));
    visit
        .until("the receipt", "document.querySelector('#event-list').textContent.includes('wearable_data_purged')")
        .await?;
    assert_eq!(visit.api("/connections").await?["connections"], json!([]));
    let days = visit.api(&format!("/daily?from={}&to={}", days_ago(&visit, 80), days_ago(&visit, -1))).await?;
    assert_eq!(days["days"], json!([]));
    visit.end().await
}

/// Oura announces nothing of it: a sync finds it out, makes sure two minutes later, and the page says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_revoked_the_consent_at_oura_is_asked_to_come_back() -> anyhow::Result<()> {
    let ahead = Arc::new(AtomicI64::new(0));
    let seconds = Arc::clone(&ahead);
    let clock = Clock::from_fn(move || {
        let now = Timestamp::now() + SignedDuration::from_secs(seconds.load(Ordering::SeqCst));
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    });
    let Some(visit) = Visit::of(Options { clock, ..quick() }).await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    visit.click("#ring-revoke").await?;
    visit.until("the answer", "document.querySelector('#ring-said').textContent.includes('withdrawn')").await?;
    visit.click("#sync").await?;
    visit.until("the sync", "document.querySelector('#notice').textContent.includes('fetched')").await?;
    // Time passes without work, and the page asks again.
    for _ in 0..4 {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        if visit.js::<bool>("document.querySelector('#banner').checkVisibility()").await? {
            break;
        }
        ahead.fetch_add(130, Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        // Gone when the page has found it out meanwhile.
        let again = "(sync => sync.checkVisibility() && (sync.click(), true))(document.querySelector('#sync'))";
        visit.js::<bool>(again).await?;
    }
    visit.see("#reconnect").await?;
    assert!(visit.text("#banner-text").await?.contains("withdrawn at Oura"), "{}", visit.text("#banner-text").await?);
    visit.connect("#reconnect", "ada").await?;
    visit.see_no("#banner").await?;
    visit.end().await
}

/// The file holds everything, whole, and nothing of it was shortened on its way through the page.
#[tokio::test(flavor = "multi_thread")]
async fn a_patient_takes_a_copy_along() -> anyhow::Result<()> {
    use chromiumoxide::cdp::browser_protocol::browser::{SetDownloadBehaviorBehavior, SetDownloadBehaviorParams};
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    let folder = tempfile::tempdir()?;
    let allow = SetDownloadBehaviorParams::builder()
        .behavior(SetDownloadBehaviorBehavior::Allow)
        .download_path(folder.path().display().to_string());
    visit.page.execute(allow.build().map_err(anyhow::Error::msg)?).await?;
    for (button, name) in [("#export-ndjson", "oura-data.ndjson"), ("#export-fhir", "oura-observations.fhir.ndjson")] {
        visit.click(button).await?;
        visit
            .until("the file", &format!("document.querySelector('#export-said').textContent.startsWith('{name}: ')"))
            .await?;
        let file = folder.path().join(name);
        while !file.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let text = std::fs::read_to_string(&file)?;
        let lines: Vec<serde_json::Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        if name.contains("fhir") {
            assert!(
                lines.len() > 100 && lines.iter().all(|line| line["resourceType"] == "Observation"),
                "{}",
                lines.len()
            );
        } else {
            let held = visit.api(&format!("/daily?from={}&to={}", days_ago(&visit, 80), days_ago(&visit, -1))).await?;
            let held = held["days"].as_array().map_or(0, Vec::len);
            assert_eq!(lines.iter().filter(|line| line["type"] == "day").count(), held);
            assert_eq!(
                lines.last().map(|line| (&line["type"], &line["complete"])),
                Some((&json!("end"), &json!(true)))
            );
        }
    }
    visit.end().await
}

fn days_ago(visit: &Visit, days: i64) -> String {
    (visit.stack.now() - SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string()
}
