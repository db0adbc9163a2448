//! What a query gives.

use std::fmt;

use super::span::Span;
use super::table::Table;
use crate::report::Timestamp;
use crate::report::apptuit::write_series;
use crate::tag::Tags;

/// The answer to a query: its outputs, in the order of the query.
///
/// An output that found nothing is there all the same, so positions are those of the query's text.
///
/// ```
/// # use tagmeter::apptuit::Client;
/// # use tagmeter::transport::{Memory, Transport};
/// # let spy = Memory::new();
/// # let network = Transport::Memory(spy.clone());
/// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
/// # spy.answer(200, r#"{"outputs":[{"id":"cpu","result":[{"metric":"cpu","tags":{"host":"a"},"dps":[[10,1.5]]}]}]}"#);
/// let answer = client.query("cpu = fetch('cpu'); output(cpu)", 10..)?;
/// assert_eq!(answer.at(0), answer.named("cpu"));
/// assert!(answer.at(1).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct QueryResult {
    pub(super) span: Span,
    pub(super) outputs: Vec<Output>,
}

/// One output of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub(super) name: String,
    pub(super) series: Vec<QuerySeries>,
}

/// Numbers of one metric over time, as a database has them.
#[derive(Debug, Clone, PartialEq)]
pub struct QuerySeries {
    pub(super) metric: String,
    pub(super) tags: Tags,
    pub(super) aggregated_tags: Vec<String>,
    pub(super) points: Vec<(Timestamp, f64)>,
}

impl QueryResult {
    /// The time that was asked about; points outside are left out.
    pub fn span(&self) -> Span {
        self.span
    }

    /// All outputs.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The output at this position, counted from 0.
    pub fn at(&self, position: usize) -> Option<&Output> {
        self.outputs.get(position)
    }

    /// The output of this name; the first, if there are several.
    pub fn named(&self, name: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.name == name)
    }
}

impl Output {
    /// What the query calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its series.
    pub fn series(&self) -> &[QuerySeries] {
        &self.series
    }

    /// Its series side by side: a row for each time that any of them has, a column a series.
    ///
    /// ```
    /// # use tagmeter::apptuit::Client;
    /// # use tagmeter::transport::{Memory, Transport};
    /// # let spy = Memory::new();
    /// # let network = Transport::Memory(spy.clone());
    /// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// # spy.answer(200, r#"{"outputs":[{"id":"cpu","result":[
    /// #     {"metric":"cpu","tags":{"host":"a"},"dps":[[10,1.5],[20,2]]},
    /// #     {"metric":"cpu","tags":{"host":"b"},"dps":[[20,4]]}]}]}"#);
    /// let answer = client.query("cpu = fetch('cpu'); output(cpu)", 10..)?;
    /// let table = answer.named("cpu").ok_or("no cpu")?.to_table();
    /// assert_eq!(table.columns(), ["cpu{host:a}", "cpu{host:b}"]);
    /// assert_eq!(table.to_string(), "
    /// time  cpu{host:a}  cpu{host:b}
    ///   10          1.5
    ///   20            2            4
    /// ".trim_start_matches('\n'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_table(&self) -> Table {
        Table::of(&self.series)
    }
}

impl QuerySeries {
    /// What is measured; empty where the query put several metrics into one number.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// The tags that all of it has.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Keys whose values were put into one number.
    pub fn aggregated_tags(&self) -> &[String] {
        &self.aggregated_tags
    }

    /// Its points, in the order of the answer. A number may be NaN or infinite, or NaN because there was none.
    pub fn points(&self) -> &[(Timestamp, f64)] {
        &self.points
    }
}

/// `name{key:value, key:value}`.
impl fmt::Display for QuerySeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_series(f, &self.metric, &self.tags)
    }
}
