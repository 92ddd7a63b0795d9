//! Bound of the size of an answer.

/// Bytes of a page. Lambda accepts 6 MiB with the answer's frame. A page that is sent in Base64 is a third longer there.
pub(crate) const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Size of a page while it is built.
#[derive(Debug)]
pub(crate) struct PageSize {
    bytes: usize,
    max: usize,
}

impl PageSize {
    /// An empty page of at most so many bytes.
    pub(crate) fn up_to(max: usize) -> Self {
        Self { bytes: 0, max }
    }

    /// Counts a part that is in the page in any case.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Counts one more part, unless it no longer fits. The first one always fits: a part is far smaller than a page.
    #[must_use]
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        let fits = self.bytes == 0 || self.bytes + bytes <= self.max;
        if fits {
            self.bytes += bytes;
        }
        fits
    }
}

/// Bytes of a JSON text in Lambda's answer, which holds it as a JSON string: quotes and backslashes are escaped once more.
pub(crate) fn sent_size(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_ends_before_the_part_that_does_not_fit() {
        let mut size = PageSize::up_to(10);
        assert_eq!([5, 5, 1].map(|bytes| size.add(bytes)), [true, true, false]);
        assert!(PageSize::up_to(10).add(11), "a first part always fits");
    }

    #[test]
    fn sent_size_is_that_of_the_text_inside_json() {
        let json = serde_json::json!({"title": "\"\\\n", "day": 1}).to_string();
        assert_eq!(sent_size(&json) + 2, serde_json::to_string(&json).unwrap().len());
    }
}
