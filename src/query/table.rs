//! Series side by side.

use std::collections::BTreeMap;
use std::fmt;

use super::result::QuerySeries;
use crate::report::Timestamp;

/// A row for each time, a column a series, gaps where a series has no number then.
///
/// Units: seconds since 1970 UTC, numbers as the database gave them.
/// Range: rows in order of time, each time once; of two numbers that a series has for one time the later counts; NaN is a
/// gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<(Timestamp, Vec<Option<f64>>)>,
}

impl Table {
    pub(super) fn of(series: &[QuerySeries]) -> Self {
        let mut rows = BTreeMap::new();
        for (column, series) in series.iter().enumerate() {
            for (time, value) in &series.points {
                let (_, row) = rows.entry(order(*time)).or_insert_with(|| (*time, Vec::new()));
                row.resize(row.len().max(column + 1), None);
                row[column] = Some(*value).filter(|value| !value.is_nan());
            }
        }
        let mut rows: Vec<(Timestamp, Vec<Option<f64>>)> = rows.into_values().collect();
        rows.iter_mut().for_each(|(_, row)| row.resize(series.len(), None));
        Table { columns: series.iter().map(QuerySeries::to_string).collect(), rows }
    }

    /// The names of the columns, each the text form of its series.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The times and, at each, one number or gap a column.
    ///
    /// ```
    /// # use tagmeter::query::Table;
    /// fn last(table: &Table) -> Option<f64> {
    ///     table.rows().filter_map(|(_, numbers)| numbers.first().copied().flatten()).last()
    /// }
    /// ```
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (Timestamp, &[Option<f64>])> {
        self.rows.iter().map(|(time, row)| (*time, row.as_slice()))
    }

    fn text(&self) -> Vec<Vec<String>> {
        let cell = |value: &Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let head = std::iter::once("time".to_owned()).chain(self.columns.iter().cloned()).collect();
        let rows = self
            .rows
            .iter()
            .map(|(time, row)| std::iter::once(time.to_string()).chain(row.iter().map(cell)).collect());
        std::iter::once(head).chain(rows).collect()
    }
}

/// Something that sorts as the time does, by the IEEE total order.
fn order(time: Timestamp) -> i64 {
    let bits = time.as_f64().to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Columns of one width each, numbers to the right, no blanks at the end of a line.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        let width = |column: usize| text.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..=self.columns.len()).map(width).collect();
        for row in &text {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Tags;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn series(host: &str, points: &[(f64, f64)]) -> QuerySeries {
        let points = points.iter().map(|(time, value)| (Timestamp::from(*time), *value)).collect();
        let tags = Tags::from([("h", host)]);
        QuerySeries { metric: "m".into(), tags, aggregated_tags: Vec::new(), points }
    }

    #[test]
    fn a_series_without_a_number_at_a_time_has_a_gap() {
        let table = Table::of(&[
            series("a", &[(20.0, 2.0), (-10.0, 1.0)]),
            series("b", &[(20.0, f64::NAN), (20.5, 3.0), (20.5, 4.0)]),
        ]);
        let rows: Vec<(f64, &[Option<f64>])> = table.rows().map(|(time, row)| (time.as_f64(), row)).collect();
        let expected: [(f64, &[Option<f64>]); 3] =
            [(-10.0, &[Some(1.0), None]), (20.0, &[Some(2.0), None]), (20.5, &[None, Some(4.0)])];
        assert_eq!(rows, expected);
    }

    #[test]
    fn nothing_is_a_table_without_columns() {
        let table = Table::of(&[]);
        assert_eq!((table.columns().len(), table.rows().len()), (0, 0));
        assert_eq!(table.to_string(), "time\n");
    }

    proptest! {
        #[test]
        fn every_time_is_a_row_once_and_in_order(all: Vec<Vec<(i8, f64)>>) {
            let all: Vec<Vec<(f64, f64)>> = all
                .into_iter()
                .map(|points| points.into_iter().map(|(time, value)| (f64::from(time), value)).collect())
                .collect();
            let table = Table::of(&all.iter().map(|points| series("a", points)).collect::<Vec<_>>());
            let times: BTreeSet<i64> = all.iter().flatten().map(|(time, _)| *time as i64).collect();
            prop_assert!(table.rows().map(|(time, _)| time.as_f64() as i64).eq(times));
            prop_assert!(table.rows().all(|(_, row)| row.len() == all.len()));
        }
    }
}
