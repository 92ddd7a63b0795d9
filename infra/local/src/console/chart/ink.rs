//! Colours as names. The drawing library knows RGB only, so each name is drawn in a placeholder colour, which then becomes
//! `var(--chart-<name>)`: the page's style sheet says what that is, by day and by night.

use plotters::style::RGBColor;
use serde::Deserialize;

/// A colour of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Ink {
    /// The background.
    Ground,
    /// Labels.
    Text,
    /// Lines across.
    Grid,
    /// Days without data.
    Gap,
    /// Usual range of the patient.
    Usual,
    Deep,
    Light,
    Rem,
    Awake,
    Readiness,
    Hrv,
    Heart,
    Steps,
    Oxygen,
    Stress,
    Recovery,
}

impl Ink {
    const ALL: [Self; 16] = [
        Self::Ground,
        Self::Text,
        Self::Grid,
        Self::Gap,
        Self::Usual,
        Self::Deep,
        Self::Light,
        Self::Rem,
        Self::Awake,
        Self::Readiness,
        Self::Hrv,
        Self::Heart,
        Self::Steps,
        Self::Oxygen,
        Self::Stress,
        Self::Recovery,
    ];

    /// Its placeholder colour.
    pub(super) const fn color(self) -> RGBColor {
        RGBColor(0, 0, 1 + self as u8)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ground => "ground",
            Self::Text => "text",
            Self::Grid => "grid",
            Self::Gap => "gap",
            Self::Usual => "usual",
            Self::Deep => "deep",
            Self::Light => "light",
            Self::Rem => "rem",
            Self::Awake => "awake",
            Self::Readiness => "readiness",
            Self::Hrv => "hrv",
            Self::Heart => "heart",
            Self::Steps => "steps",
            Self::Oxygen => "oxygen",
            Self::Stress => "stress",
            Self::Recovery => "recovery",
        }
    }
}

/// The drawing with names in the place of colours. Only whole attributes match, and no text can hold their quotes.
pub(super) fn named(svg: &str) -> String {
    Ink::ALL.into_iter().fold(svg.to_owned(), |svg, ink| {
        let RGBColor(r, g, b) = ink.color();
        svg.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), &format!("\"var(--chart-{})\"", ink.name()))
    })
}
