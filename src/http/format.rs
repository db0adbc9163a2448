//! The formats that a page can have.

use std::io;

use crate::encode::{Escaping, LeftOut, Options, openmetrics, text};
use crate::model::Snapshot;

/// What a draft of OpenMetrics was called. Scrapers that ask for it read version 1.0.0 as well.
const DRAFT_CONTENT_TYPE: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";

/// What names are escaped by on our pages. Asked for another scheme, a page has this one and says so.
const HONOURED: [Escaping; 1] = [Escaping::Underscores];

/// A format that a page can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The same page under the number of the draft.
    OpenMetricsDraft,
}

impl Format {
    /// The `Content-Type` of a page, which names the scheme of its names where one was asked for.
    pub(super) fn content_type(self, asked: Option<Escaping>) -> String {
        let content_type = match self {
            Format::Text => text::CONTENT_TYPE,
            Format::OpenMetrics => openmetrics::CONTENT_TYPE,
            Format::OpenMetricsDraft => DRAFT_CONTENT_TYPE,
        };
        match asked {
            Some(scheme) => format!("{content_type}; escaping={}", honoured(scheme)),
            None => content_type.to_owned(),
        }
    }

    /// Writes the page of a snapshot. Returns what it could not show.
    pub(super) fn write(self, snapshot: &Snapshot, writer: &mut impl io::Write) -> io::Result<Vec<LeftOut>> {
        let options = Options::default();
        match self {
            Format::Text => text::encode_with(snapshot, &options, writer),
            Format::OpenMetrics | Format::OpenMetricsDraft => {
                openmetrics::encode_with(snapshot, &options, writer)
            }
        }
    }
}

fn honoured(asked: Escaping) -> Escaping {
    HONOURED.into_iter().find(|own| *own == asked).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_named_only_to_those_who_asked() {
        let plain = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(Format::Text.content_type(None), plain);
        for asked in [Escaping::Underscores, Escaping::AllowUtf8, Escaping::Values] {
            assert_eq!(Format::Text.content_type(Some(asked)), format!("{plain}; escaping=underscores"));
        }
    }
}
