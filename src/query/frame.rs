//! A table as a data frame.

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::result::Output;
use super::table::Table;

impl Table {
    /// The table as a data frame: `time`, in seconds since 1970 UTC, and a column of floats a series.
    ///
    /// A column whose name is there already has `#2`, `#3`, … behind it. No series: no columns but `time`.
    ///
    /// # Errors
    ///
    /// What polars says of columns it does not take; none of ours is known to be one.
    pub fn to_polars(&self) -> PolarsResult<DataFrame> {
        let times: Vec<f64> = self.rows().map(|(time, _)| time.as_f64()).collect();
        let height = times.len();
        let mut columns = vec![Column::new("time".into(), times)];
        for (at, name) in self.columns().iter().enumerate() {
            let numbers: Vec<Option<f64>> = self.rows().map(|(_, row)| row[at]).collect();
            let name = free_name(name, &columns);
            columns.push(Column::new(name.into(), numbers));
        }
        DataFrame::new(height, columns)
    }
}

impl Output {
    /// [`to_table`](Output::to_table) as a data frame.
    ///
    /// # Errors
    ///
    /// As [`Table::to_polars`].
    ///
    /// ```
    /// # use tagmeter::apptuit::Client;
    /// # use tagmeter::transport::{Memory, Transport};
    /// # let spy = Memory::new();
    /// # let network = Transport::Memory(spy.clone());
    /// # let client = Client::builder().token("very secret").ignore_environment().transport(network).build()?;
    /// # spy.answer(200, r#"{"outputs":[{"id":"cpu","result":[{"metric":"cpu","tags":{"host":"a"},"dps":[[10,1.5]]}]}]}"#);
    /// let answer = client.query("cpu = fetch('cpu'); output(cpu)", 10..)?;
    /// let frame = answer.named("cpu").ok_or("no cpu")?.to_polars()?;
    /// assert_eq!(frame.shape(), (1, 2));
    /// assert_eq!(frame.column("cpu{host:a}")?.f64()?.get(0), Some(1.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_polars(&self) -> PolarsResult<DataFrame> {
        self.to_table().to_polars()
    }
}

fn free_name(name: &str, taken: &[Column]) -> String {
    let is_free = |name: &str| taken.iter().all(|column| column.name().as_str() != name);
    let numbered = (2..).map(|n| format!("{name}#{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| is_free(name)).unwrap_or_default()
}
