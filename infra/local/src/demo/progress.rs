//! The backfill's progress per data type: redrawn in place on a terminal, one line per change otherwise.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::Value;

/// Cells of the bar.
const BAR: usize = 30;

/// Draws progress.
pub struct Progress<W> {
    out: W,
    live: bool,
    drawn: usize,
    seen: BTreeMap<String, String>,
}

impl<W: Write> Progress<W> {
    /// Draws to `out`; `live` says whether lines can be redrawn.
    pub fn new(out: W, live: bool) -> Self {
        Self { out, live, drawn: 0, seen: BTreeMap::new() }
    }

    /// Shows this `backfill` of `GET /connections`.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn show(&mut self, backfill: &Value) -> io::Result<()> {
        let kinds: BTreeMap<String, String> = backfill["perType"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(kind, progress)| (kind.clone(), state(progress)))
            .collect();
        if self.live {
            if self.seen != kinds {
                self.redraw(backfill, &kinds)?;
            }
        } else {
            for (kind, state) in &kinds {
                if self.seen.get(kind) != Some(state) && state != "waiting" {
                    writeln!(self.out, "  {kind:<24} {state}")?;
                }
            }
        }
        self.seen = kinds;
        self.out.flush()
    }

    fn redraw(&mut self, backfill: &Value, kinds: &BTreeMap<String, String>) -> io::Result<()> {
        if self.drawn > 0 {
            write!(self.out, "\x1b[{}A", self.drawn)?;
        }
        let total = usize::try_from(backfill["total"].as_u64().unwrap_or(0)).unwrap_or(0);
        let arrived = kinds.values().filter(|state| *state != "waiting").count().min(total);
        let filled = (arrived * BAR).checked_div(total).unwrap_or(0);
        let (full, empty) = ("█".repeat(filled), "░".repeat(BAR - filled));
        writeln!(self.out, "\x1b[2K  {full}{empty} {arrived} of {total} kinds")?;
        for (kind, state) in kinds {
            writeln!(self.out, "\x1b[2K  {kind:<24} {state}")?;
        }
        self.drawn = kinds.len() + 1;
        Ok(())
    }
}

fn state(progress: &Value) -> String {
    let documents = progress["documents"].as_u64().unwrap_or(0);
    match progress["state"].as_str().unwrap_or("unknown") {
        "pending" => "waiting".to_owned(),
        // Fetched and not stored yet: the number is known, and nothing about it changes any more.
        "fetched" | "done" => format!("{documents} documents"),
        "not_granted" => "not allowed by the patient".to_owned(),
        "not_available" => "not offered by Oura".to_owned(),
        "malformed" => format!("{documents} documents, some unreadable"),
        "failed" => format!("failed ({}), will be tried again", progress["error"].as_str().unwrap_or("unknown")),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_change_is_one_plain_line_without_a_terminal() {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, false);
        let at =
            |sleep: Value| json!({"done": 0, "total": 2, "perType": {"sleep": sleep, "tag": {"state": "pending"}}});
        progress.show(&at(json!({"state": "pending", "documents": 0}))).unwrap();
        for _ in 0..3 {
            progress.show(&at(json!({"state": "done", "documents": 31}))).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "  sleep                    31 documents\n");
    }

    #[test]
    fn on_a_terminal_the_same_lines_are_drawn_again_when_something_changed() {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, true);
        for state in ["pending", "fetched", "done"] {
            progress.show(&json!({"total": 2, "perType": {"sleep": {"state": state, "documents": 3}}})).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("\x1b[2A").count(), 1, "stored is no news after fetched: {text:?}");
        assert!(text.contains("0 of 2 kinds") && text.contains("1 of 2 kinds"), "{text:?}");
    }
}
