//! The formats that a page can have.

use std::io;

#[cfg(feature = "protobuf")]
use crate::encode::protobuf;
use crate::encode::{Escaping, LeftOut, Options, exposed_names, json, openmetrics, text};
use crate::model::{Kind, Snapshot};
use crate::name::Name;
use crate::unit::Unit;

/// What a draft of OpenMetrics was called. Scrapers that ask for it read version 1.0.0 as well.
const DRAFT_CONTENT_TYPE: &str = "application/openmetrics-text; version=0.0.1; charset=utf-8";

/// A format that a page can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// The same page under the number that came with names in quotes.
    TextWithQuotes,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The same page under the number of the draft.
    OpenMetricsDraft,
    /// The snapshot as it is.
    Json,
    /// Prometheus' protobuf format.
    #[cfg(feature = "protobuf")]
    Protobuf,
}

impl Format {
    /// The `Content-Type` of a page, which names the scheme of its names where one was asked for, or the format does.
    pub(super) fn content_type(self, escaping: Option<Escaping>) -> String {
        match (self, escaping) {
            (Format::TextWithQuotes, None) => self.content_type(Some(Escaping::default())),
            (Format::Json, _) | (_, None) => self.media_type().to_owned(),
            (_, Some(scheme)) => format!("{}; escaping={scheme}", self.media_type()),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Format::Text => text::CONTENT_TYPE,
            Format::TextWithQuotes => text::CONTENT_TYPE_1_0_0,
            Format::OpenMetrics => openmetrics::CONTENT_TYPE,
            Format::OpenMetricsDraft => DRAFT_CONTENT_TYPE,
            Format::Json => json::CONTENT_TYPE,
            #[cfg(feature = "protobuf")]
            Format::Protobuf => protobuf::CONTENT_TYPE,
        }
    }

    /// The names by which a family can be asked for: those it has on the page.
    pub(super) fn names(self, name: &Name, kind: Kind, unit: &Unit, escaping: Escaping) -> Vec<String> {
        match self {
            Format::Json => vec![name.to_string()],
            _ => exposed_names(name, kind, unit, escaping),
        }
    }

    /// Writes the page of a snapshot. Returns what it could not show.
    pub(super) fn write(
        self,
        snapshot: &Snapshot,
        options: &Options,
        writer: &mut impl io::Write,
    ) -> io::Result<Vec<LeftOut>> {
        match self {
            Format::Text | Format::TextWithQuotes => text::encode_with(snapshot, options, writer),
            Format::OpenMetrics | Format::OpenMetricsDraft => {
                openmetrics::encode_with(snapshot, options, writer)
            }
            Format::Json => json::encode_into(snapshot, writer).map(|()| Vec::new()),
            #[cfg(feature = "protobuf")]
            Format::Protobuf => protobuf::encode_with(snapshot, options, writer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_named_to_those_who_asked_and_where_the_format_names_it() {
        let plain = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(Format::Text.content_type(None), plain);
        for asked in [Escaping::Underscores, Escaping::AllowUtf8, Escaping::Values] {
            assert_eq!(Format::Text.content_type(Some(asked)), format!("{plain}; escaping={asked}"));
        }
        let quotes = Format::TextWithQuotes.content_type(None);
        assert_eq!(quotes, "text/plain; version=1.0.0; charset=utf-8; escaping=underscores");
        assert_eq!(Format::Json.content_type(Some(Escaping::Values)), "application/json");
    }
}
