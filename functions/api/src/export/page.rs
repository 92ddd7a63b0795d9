//! One page of an export while it is built.

use crate::page_size::{PAGE_BYTES, PageSize};

/// Complete lines, each with its line end.
pub(super) struct Page {
    text: String,
    size: PageSize,
}

impl Default for Page {
    fn default() -> Self {
        Self { text: String::new(), size: PageSize::up_to(PAGE_BYTES) }
    }
}

impl Page {
    /// Adds one or more lines with their line ends, unless they no longer fit.
    #[must_use]
    pub(super) fn push(&mut self, lines: &str) -> bool {
        let fits = self.size.add(lines.len());
        if fits {
            self.text.push_str(lines);
        }
        fits
    }

    /// Adds a first or last line, which always fits.
    pub(super) fn frame(&mut self, line: &str) {
        self.size.count(line.len());
        self.text.push_str(line);
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_ends_before_the_line_that_does_not_fit() {
        let mut page = Page::default();
        let line = "x".repeat(PAGE_BYTES / 2);
        assert!(page.push(&line) && page.push(&line));
        assert!(!page.push("\n"));
        page.frame("end\n");
        assert_eq!(page.into_text().len(), PAGE_BYTES + 4);
    }
}
