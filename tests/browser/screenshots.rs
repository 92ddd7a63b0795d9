//! The pictures of the README: `BROWSER_SCREENSHOTS=infra/screenshots cargo test -p tests --test browser -- screenshots`.

use std::path::Path;

use chromiumoxide::cdp::browser_protocol::emulation::MediaFeature;
use chromiumoxide::cdp::browser_protocol::page::CaptureScreenshotFormat;
use chromiumoxide::layout::Point;
use chromiumoxide::page::ScreenshotParams;

use crate::visit::Visit;

/// The largest picture, in bytes.
const LARGEST: usize = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn screenshots() -> anyhow::Result<()> {
    let Some(folder) = std::env::var_os("BROWSER_SCREENSHOTS") else { return Ok(()) };
    // From the project's root, where the command is given.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    std::fs::create_dir_all(&folder)?;
    let Some(visit) = Visit::begin().await? else { return Ok(()) };
    visit.resize(1440, 1240, false).await?;
    visit.connect("#connect", "ada").await?;
    visit.history().await?;
    visit.click("#ring-edit").await?;
    visit.until("the edited night", "document.querySelector('#ring-log td.ok')").await?;
    // Long enough for the mark of a day that just changed to go.
    tokio::time::sleep(std::time::Duration::from_secs(25)).await;
    visit.run("document.querySelector('#notice').hidden = true; document.activeElement.blur(); scrollTo({top: 0, behavior: 'instant'})").await?;
    for (name, scheme, size, phone, to) in [
        ("light", "light", (1440, 1240), false, "body"),
        ("dark", "dark", (1440, 1240), false, "#trends"),
        ("phone", "light", (390, 844), true, "#days"),
        ("phone-trends", "dark", (390, 844), true, "#trends"),
    ] {
        visit.resize(size.0, size.1, phone).await?;
        visit
            .page
            .emulate_media_features(vec![MediaFeature { name: "prefers-color-scheme".into(), value: scheme.into() }])
            .await?;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        visit.run(&format!("document.querySelector('{to}').scrollIntoView({{behavior: 'instant'}})")).await?;
        visit.run("document.querySelector('#tiles').scrollLeft = 10000").await?;
        visit.page.move_mouse(Point::new(2.0, 2.0)).await?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let params = ScreenshotParams::builder().format(CaptureScreenshotFormat::Webp).quality(82).build();
        let picture = visit.page.screenshot(params).await?;
        assert!(picture.len() < LARGEST, "{name}: {} bytes", picture.len());
        std::fs::write(folder.join(format!("{name}.webp")), picture)?;
    }
    visit.end().await
}
