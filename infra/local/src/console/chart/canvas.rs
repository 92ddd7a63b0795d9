//! The sheet that everything is drawn on.

use std::ops::Range;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, TextStyle};

use super::ink::{self, Ink};
use super::{Size, Undrawn};

/// The library draws in whole units. Ten of them make a CSS pixel, so that nothing is rounded to be seen.
pub(super) const UNITS: u32 = 10;

/// Left of the values, in CSS pixels: room for their labels.
const LEFT: u32 = 50;
const RIGHT: u32 = 14;
const TOP: u32 = 10;
const BOTTOM: u32 = 26;

/// Text, in CSS pixels.
const FONT_SIZE: f64 = 12.0;

/// The library makes a font of a size this much smaller.
const FONT_FACTOR: f64 = 1.24;

/// A drawing under way.
pub(super) type Drawing<'d, 's> = ChartContext<'d, SVGBackend<'s>, Cartesian2d<Axis, Axis>>;

/// One axis: from where to where, and what is written at which places.
pub(super) struct Axis {
    range: RangedCoordf64,
    labels: Vec<(f64, String)>,
}

impl Axis {
    pub(super) fn new(range: Range<f64>, labels: Vec<(f64, String)>) -> Self {
        Self { range: range.into(), labels }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.range.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let none_between = hint.weight().allow_light_points();
        if none_between { Vec::new() } else { self.labels.iter().map(|(at, _)| *at).collect() }
    }

    fn range(&self) -> Range<f64> {
        self.range.range()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let label = self.labels.iter().min_by(|(a, _), (b, _)| (a - value).abs().total_cmp(&(b - value).abs()));
        label.map(|(_, text)| text.clone()).unwrap_or_default()
    }
}

impl Size {
    /// The width of what is drawn between the axes, in CSS pixels.
    pub(super) fn plot_width(self) -> f64 {
        f64::from(self.width.saturating_sub(LEFT + RIGHT))
    }

    /// The height of it.
    pub(super) fn plot_height(self) -> f64 {
        f64::from(self.height.saturating_sub(TOP + BOTTOM))
    }
}

/// CSS pixels as the library's units.
pub(super) fn units(pixels: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few pixels")]
    let units = (pixels * f64::from(UNITS)).round().max(0.0) as u32;
    units
}

/// A text in this ink.
pub(super) fn text(ink: Ink) -> TextStyle<'static> {
    let font = ("sans-serif", FONT_SIZE * FONT_FACTOR * f64::from(UNITS)).into_font();
    font.color(&ink.color()).pos(Pos::new(HPos::Center, VPos::Center))
}

/// Draws axes and whatever `draw` adds, and gives it as an `svg` element. `under` comes first, below the grid.
pub(super) fn sheet(
    size: Size,
    (x, y): (Axis, Axis),
    under: impl FnOnce(&mut Drawing<'_, '_>) -> Result<(), Undrawn>,
    draw: impl FnOnce(&mut Drawing<'_, '_>) -> Result<(), Undrawn>,
) -> Result<String, Undrawn> {
    let mut svg = String::new();
    {
        let backend = SVGBackend::with_string(&mut svg, (size.width * UNITS, size.height * UNITS));
        let area: DrawingArea<_, Shift> = backend.into_drawing_area();
        let mut drawing = ChartBuilder::on(&area)
            .margin_top(TOP * UNITS)
            .margin_right(RIGHT * UNITS)
            .x_label_area_size(BOTTOM * UNITS)
            .y_label_area_size(LEFT * UNITS)
            .build_cartesian_2d(x, y)
            .map_err(failed)?;
        under(&mut drawing)?;
        let none = RGBColor(0, 0, 0).mix(0.0);
        drawing
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(Ink::Grid.color().stroke_width(UNITS))
            .light_line_style(none)
            .axis_style(none)
            .set_all_tick_mark_size(6 * UNITS)
            .label_style(text(Ink::Text))
            .draw()
            .map_err(failed)?;
        draw(&mut drawing)?;
        drop(drawing);
        area.present().map_err(failed)?;
    }
    framed(size, &svg)
}

/// The drawing under a root of our own: scaled, named colours, and the positions of the values from left to right, for the page.
fn framed(size: Size, svg: &str) -> Result<String, Undrawn> {
    let (_root, content) = svg.split_once('>').ok_or(Undrawn::Failed)?;
    let Size { width, height } = size;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{width}\" height=\"{height}\" \
         data-left=\"{LEFT}\" data-right=\"{}\">{}",
        width * UNITS,
        height * UNITS,
        width - RIGHT,
        ink::named(content)
    ))
}

/// A drawing into memory fails only where the library itself does.
pub(super) fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> Undrawn {
    tracing::warn!(event = "local.chart_failed", %error, "chart could not be drawn");
    Undrawn::Failed
}
