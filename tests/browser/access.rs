//! The page on a phone, by keyboard, by screen reader, in dark mode, and without motion.

use chromiumoxide::cdp::browser_protocol::emulation::MediaFeature;
use serde_json::Value;

use crate::visit::Visit;

/// Selectors of elements wider than the page.
const TOO_WIDE: &str = "document.documentElement.scrollWidth <= innerWidth ? [] \
    : [...document.querySelectorAll('body *')].filter(node => node.getBoundingClientRect().right > innerWidth + 1 \
        && !node.closest('.tiles, .scroll')).map(node => node.tagName + '#' + node.id + '.' + node.className).slice(0, 10)";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wider_than_a_phone() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.resize(320, 700, true).await?;
    let fits = async |what: &str| -> anyhow::Result<()> {
        let wide: Vec<String> = visit.js(TOO_WIDE).await?;
        assert!(wide.is_empty(), "{what}: {wide:?}");
        Ok(())
    };
    fits("before the connect").await?;
    visit.connect("#connect", "chiyo").await?;
    visit.history().await?;
    visit.click("#items-load").await?;
    visit.see("#item-list li").await?;
    visit.run("document.querySelectorAll('details').forEach(details => { details.open = true; })").await?;
    for width in [320, 360, 400] {
        visit.resize(width, 700, true).await?;
        visit.until("the drawing", &format!("[...document.querySelectorAll('#charts .plot:not([hidden]) svg')].every(svg => svg.getBoundingClientRect().width <= {width})"))
            .await?;
        fits("connected").await?;
    }
    // What is pressed with a thumb is large enough for it (WCAG 2.2, 2.5.8: 24 CSS pixels).
    let small: Vec<String> = visit
        .js("[...document.querySelectorAll('button, select, summary, .segmented label, .tile')].filter(node => node.checkVisibility()) \
             .filter(node => { const box = node.getBoundingClientRect(); return box.height < 24 || box.width < 24; }) \
             .map(node => node.tagName + '#' + node.id + ' ' + node.textContent.slice(0, 20))")
        .await?;
    assert!(small.is_empty(), "{small:?}");
    visit.click("#disconnect").await?;
    fits("with the dialog").await?;
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_reaches_everything_in_the_order_of_the_page() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    visit.click("#items-load").await?;
    visit.see("#item-list li").await?;
    // Of radio buttons, one group is one stop: the arrow keys go on from there.
    let stops: usize = visit
        .js("(() => { window.stops = [...document.querySelectorAll('a[href], button, select, summary, input, [tabindex=\"0\"]')] \
             .filter(node => node.checkVisibility() && !node.disabled && (node.type !== 'radio' || node.checked)); return window.stops.length; })()")
        .await?;
    assert!(stops > 30, "{stops}");
    // From the first one on, not from where the mouse was last.
    visit.run("window.stops[0].focus()").await?;
    let mut order = vec![Value::from(0)];
    for _ in 0..stops + 20 {
        visit.press("Tab").await?;
        let at: Value = visit
            .js("(() => { const node = document.activeElement; \
                 const shown = getComputedStyle(node.matches('input[type=radio]') ? document.querySelector(`label[for=\"${node.id}\"]`) : node); \
                 return { n: window.stops.indexOf(node), outlined: shown.outlineStyle !== 'none', what: node.tagName + '#' + node.id }; })()")
            .await?;
        if at["n"].as_i64() == Some(-1) {
            continue;
        }
        assert_eq!(at["outlined"], true, "the focus can be seen at {}", at["what"]);
        if order.contains(&at["n"]) {
            break;
        }
        order.push(at["n"].clone());
    }
    let reached: Vec<i64> = order.iter().filter_map(Value::as_i64).collect();
    let missed: Vec<String> = visit
        .js(&format!(
            "window.stops.filter((node, n) => node.isConnected && !{reached:?}.includes(n)).map(node => node.tagName + '#' + node.id + ' ' + node.textContent.slice(0, 30))"
        ))
        .await?;
    assert!(missed.is_empty(), "not reached: {missed:?}");
    assert!(reached.is_sorted(), "in the order of the page: {reached:?}");
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_connect_and_disconnect_needs_no_mouse() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.see("#connect").await?;
    visit.run("document.querySelector('#connect').focus()").await?;
    visit.press("Enter").await?;
    visit.see("input[name=account]").await?;
    visit.run("document.querySelector('button[name=decision][value=allow]').focus()").await?;
    visit.press("Enter").await?;
    visit.until("the way back", "document.querySelector('#status')?.classList.contains('connected')").await?;
    visit.history().await?;

    // From day to day in a chart, each read out in words.
    visit.run("document.querySelector('#chart-readiness .plot').focus()").await?;
    let value_text = "document.querySelector('#chart-readiness .plot').getAttribute('aria-valuetext')";
    let last: String = visit.js(value_text).await?;
    visit.press("ArrowLeft").await?;
    let before: String = visit.js(value_text).await?;
    assert!(last.contains("of 100") && before != last, "{last}, {before}");
    visit.press("Home").await?;
    assert_eq!(
        visit.js::<String>("document.querySelector('#chart-readiness .plot').getAttribute('aria-valuenow')").await?,
        "0"
    );

    // From day to day in the strip.
    let chosen = "document.querySelector('input[name=day]:checked').value";
    visit.run("document.querySelector('input[name=day]:checked').focus()").await?;
    let day: String = visit.js(chosen).await?;
    visit.press("ArrowLeft").await?;
    visit.until("the day before", &format!("{chosen} < '{day}'")).await?;
    visit.press("ArrowLeft").await?;
    visit.until("the focus", &format!("document.activeElement.value === {chosen}")).await?;

    visit.run("document.querySelector('#disconnect').focus()").await?;
    visit.press("Enter").await?;
    visit.see("#disconnect-dialog").await?;
    assert!(visit.js::<bool>("document.querySelector('#disconnect-dialog').contains(document.activeElement)").await?);
    visit.run("document.querySelector('#disconnect-confirm').focus()").await?;
    visit.press("Enter").await?;
    visit.see("#reconnect").await?;
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dark_and_the_motionless_are_respected_without_another_drawing() -> anyhow::Result<()> {
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    let feature = |name: &str, value: &str| MediaFeature { name: name.to_owned(), value: value.to_owned() };
    visit.page.emulate_media_features(vec![feature("prefers-color-scheme", "light")]).await?;
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    let colours = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('#chart-hrv svg polyline')).stroke]";
    let light: [String; 2] = visit.js(colours).await?;
    let drawing = "document.querySelector('#chart-hrv .plot').dataset.drawn";
    let drawn: String = visit.js(drawing).await?;
    visit.page.emulate_media_features(vec![feature("prefers-color-scheme", "dark")]).await?;
    let dark: [String; 2] = visit.js(colours).await?;
    assert!(light[0] != dark[0] && light[1] != dark[1], "{light:?}, {dark:?}");
    assert_eq!(visit.js::<String>(drawing).await?, drawn);

    let scroll = "getComputedStyle(document.documentElement).scrollBehavior";
    assert_eq!(visit.js::<String>(scroll).await?, "smooth");
    visit.page.emulate_media_features(vec![feature("prefers-reduced-motion", "reduce")]).await?;
    assert_eq!(visit.js::<String>(scroll).await?, "auto");
    visit.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_control_has_a_name_and_every_chart_its_words() -> anyhow::Result<()> {
    use chromiumoxide::cdp::browser_protocol::accessibility::GetFullAxTreeParams;
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    visit.run("document.querySelectorAll('details').forEach(details => { details.open = true; })").await?;
    let tree = visit.page.execute(GetFullAxTreeParams::default()).await?;
    let text = |value: &Option<chromiumoxide::cdp::browser_protocol::accessibility::AxValue>| {
        value.as_ref().and_then(|value| value.value.as_ref()).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut controls = 0;
    for node in tree.nodes.iter().filter(|node| !node.ignored) {
        let role = text(&node.role);
        if [
            "button",
            "radio",
            "switch",
            "slider",
            "combobox",
            "link",
            "region",
            "progressbar",
            "figure",
            "img",
            "dialog",
        ]
        .contains(&role.as_str())
        {
            controls += 1;
            assert!(!text(&node.name).trim().is_empty(), "a {role} without a name: {node:?}");
        }
    }
    assert!(controls > 60, "{controls}");
    // Levels of headings leave none out.
    let levels: Vec<u32> = visit
        .js("[...document.querySelectorAll('h1, h2, h3, h4')].filter(node => node.checkVisibility()).map(node => Number(node.tagName[1]))")
        .await?;
    assert_eq!(levels.first(), Some(&1));
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    visit.end().await
}
