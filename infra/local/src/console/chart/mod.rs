//! `POST /dev/chart`: the page says what it has, and gets a drawing of it as SVG.
//!
//! The library knows coordinates, axes and SVG; what a day without data, a value that may still change or a usual range looks
//! like is ours. Colours are custom properties of the page ([`ink::Ink`]), so that light and dark need one drawing. All text in
//! a drawing is ours too: nothing that is sent comes back but numbers, days and known words.

mod axis;
mod by_day;
mod canvas;
mod ink;
mod night;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::Deserialize;

use self::by_day::ByDay;
use self::night::Night;
use crate::gateway::answer;

/// The largest width and height, in CSS pixels.
const LARGEST: (u32, u32) = (1600, 800);

/// The smallest ones: below, the labels alone would fill a drawing.
const SMALLEST: (u32, u32) = (200, 100);

/// A drawing that is wanted.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Chart {
    /// One value a day, joined where days follow each other.
    Line(ByDay),
    /// Amounts of a day, upon each other.
    Bars(ByDay),
    /// The stages of a sleep.
    Night(Night),
}

/// Size of a drawing in CSS pixels.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "(u32, u32)")]
struct Size {
    width: u32,
    height: u32,
}

impl TryFrom<(u32, u32)> for Size {
    type Error = &'static str;

    fn try_from((width, height): (u32, u32)) -> Result<Self, Self::Error> {
        let fits = (SMALLEST.0..=LARGEST.0).contains(&width) && (SMALLEST.1..=LARGEST.1).contains(&height);
        if fits { Ok(Self { width, height }) } else { Err("no such size") }
    }
}

/// Reason for a missing drawing.
#[derive(Debug, thiserror::Error)]
enum Undrawn {
    #[error("send kind, size and what to draw; see infra/local/src/console/chart")]
    Malformed,
    #[error("the drawing failed")]
    Failed,
}

/// Draws what the body describes.
pub(super) fn answer(body: &[u8]) -> Response<Body> {
    match drawn(body) {
        Ok(svg) => answer::typed(StatusCode::OK, "image/svg+xml", svg),
        Err(error @ Undrawn::Malformed) => answer::failure(StatusCode::BAD_REQUEST, "bad_request", &error.to_string()),
        Err(error @ Undrawn::Failed) => {
            answer::failure(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", &error.to_string())
        }
    }
}

fn drawn(body: &[u8]) -> Result<String, Undrawn> {
    let chart: Chart = serde_json::from_slice(body).map_err(|_any| Undrawn::Malformed)?;
    match chart {
        Chart::Line(days) => days.line(),
        Chart::Bars(days) => days.bars(),
        Chart::Night(night) => night.draw(),
    }
}

#[cfg(test)]
mod tests;
