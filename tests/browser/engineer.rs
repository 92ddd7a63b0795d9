//! The engineer's side: what Oura does next, and what is seen of it.

use crate::visit::Visit;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ring_does_arrives_and_can_be_watched() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    let events: u32 = visit.js("document.querySelectorAll('#event-list li').length").await?;
    visit.click("#ring-edit").await?;
    visit.until("the answer", "document.querySelector('#ring-said').textContent.includes('corrected')").await?;
    visit.until("the events of it", &format!("document.querySelectorAll('#event-list li').length > {events}")).await?;
    visit.until("the webhook events", "document.querySelectorAll('#ring-log td.ok').length > 0").await?;

    for (id, said) in
        [("ring-lose", "get lost"), ("ring-outage", "answers no request"), ("ring-membership", "has ended")]
    {
        visit.click(&format!("#{id}")).await?;
        visit.until(said, &format!("document.querySelector('#ring-said').textContent.includes('{said}')")).await?;
        visit.until(id, &format!("document.querySelector('#{id}').getAttribute('aria-checked') === 'true'")).await?;
        visit.click(&format!("#{id}")).await?;
        visit.until(id, &format!("document.querySelector('#{id}').getAttribute('aria-checked') === 'false'")).await?;
    }

    // A membership that ended shows with the next sync, and its return with the one after.
    visit.click("#ring-membership").await?;
    visit
        .until("the end", "document.querySelector('#ring-membership').getAttribute('aria-checked') === 'true'")
        .await?;
    visit.click("#sync").await?;
    visit.see("#banner").await?;
    assert!(visit.text("#banner-text").await?.contains("membership is not active"));
    visit.see_no("#reconnect").await?;
    visit.click("#ring-membership").await?;
    visit
        .until("the return", "document.querySelector('#ring-membership').getAttribute('aria-checked') === 'false'")
        .await?;
    visit.click("#sync").await?;
    visit.see_no("#banner").await?;
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_shown_and_no_token_is() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    for (label, key) in
        [("table-records", "#heartrate#"), ("table-days", "\"contentHash\""), ("table-connections", "CONNECTION#oura")]
    {
        visit.click(&format!("label[for={label}]")).await?;
        visit.until(key, &format!("document.querySelector('#item-list').textContent.includes('{key}')")).await?;
    }
    let page: String = visit.js("document.body.textContent").await?;
    for secret in ["access_token", "refresh_token", "verifier", "eyJ"] {
        assert!(!page.contains(secret), "{secret}");
    }
    visit
        .until("the cost", "/AWS calls, about \\$0\\.\\d+/.test(document.querySelector('#meter').textContent)")
        .await?;
    visit.end().await
}

/// Answers come in any order, on a busy machine at least.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_overtaken_is_neither_shown_nor_counted_twice() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    visit
        .run(
            "window.overtaken = 0;
             const real = window.fetch;
             window.fetch = async (path, options) => {
               const answer = await real(path, options);
               const late = path.includes('table=days') || path.startsWith('/dev/events');
               if (late) { await new Promise((resume) => setTimeout(resume, 1500)); window.overtaken += 1; }
               return answer;
             };",
        )
        .await?;
    visit.click("#items-load").await?;
    visit.click("label[for=table-connections]").await?;
    visit.until("the table", "document.querySelector('#items-said').textContent.includes('oura-connections')").await?;

    // Many looks at once, as after many clicks, while an edited night arrives.
    let count = "document.querySelectorAll('#event-list li').length";
    let before: u32 = visit.js(count).await?;
    visit.run("setInterval(() => document.dispatchEvent(new Event('visibilitychange')), 100)").await?;
    visit.click("#ring-edit").await?;
    visit.until("its events", &format!("{count} > {before}")).await?;
    visit.run("window.overtaken = 0").await?;
    visit.until("late answers", "window.overtaken > 2").await?;
    let said = visit.text("#items-said").await?;
    assert!(said.contains("oura-connections"), "{said}");
    let events: Vec<String> =
        visit.js("[...document.querySelectorAll('#event-list pre')].map((one) => one.textContent)").await?;
    let different: std::collections::HashSet<_> = events.iter().collect();
    assert_eq!(different.len(), events.len(), "an event is shown twice");
    visit.end().await
}
