//! Budgets of instructions: a file of them, and counts held to it.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Counts may differ from their budget by this part, in either direction: a path that became shorter wants a new one.
///
/// Most counts are the same each time; that of a lookup moves by 2 % with the seed of its hash.
pub const TOLERANCE: f64 = 0.03;
/// Begins the line that says whose instructions they are.
const COUNTED: &str = "# Counted with ";

/// What is allowed, by path.
#[derive(Debug, PartialEq)]
pub struct Budgets {
    head: Vec<String>,
    counted: String,
    allowed: BTreeMap<String, f64>,
}

impl Budgets {
    /// Reads `path = count` a line; `#` begins a comment, and comments stand on top.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (head, lines): (Vec<&str>, Vec<&str>) =
            text.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('#'));
        let (counted, head): (Vec<&str>, Vec<&str>) =
            head.into_iter().partition(|line| line.starts_with(COUNTED));
        let counted = counted.first().and_then(|line| line.strip_prefix(COUNTED));
        Ok(Budgets {
            head: head.into_iter().map(str::to_owned).collect(),
            counted: counted.unwrap_or_default().to_owned(),
            allowed: lines.into_iter().map(budget).collect::<Result<_, _>>()?,
        })
    }

    /// The same file with these counts instead.
    pub fn replaced(&self, counted: &str, counts: &BTreeMap<String, f64>) -> String {
        let mut text: String = self.head.iter().map(|line| format!("{line}\n")).collect();
        let _ = writeln!(text, "{COUNTED}{counted}");
        for (path, count) in counts {
            let _ = writeln!(text, "{path} = {count:.1}");
        }
        text
    }

    /// A line for each path, or an error that names those which do not keep to their budget.
    pub fn hold(&self, counted: &str, counts: &BTreeMap<String, f64>) -> (String, Result<(), String>) {
        let mut text = String::new();
        let mut broken = Vec::new();
        for (path, count) in counts {
            let verdict = self.verdict(path, *count);
            let budget =
                self.allowed.get(path).map_or_else(|| "–".to_owned(), |budget| format!("{budget:.1}"));
            let _ = writeln!(text, "{path:<50} {count:>9.1} of {budget:>9} {}", verdict.unwrap_or_default());
            broken.extend(verdict.map(|_| path.as_str()));
        }
        broken.extend(self.allowed.keys().filter(|path| !counts.contains_key(*path)).map(String::as_str));
        (text, if broken.is_empty() { Ok(()) } else { Err(self.complaint(&broken, counted)) })
    }

    fn verdict(&self, path: &str, count: f64) -> Option<&'static str> {
        match self.allowed.get(path) {
            None => Some("has no budget"),
            Some(budget) if count > budget * (1.0 + TOLERANCE) => Some("OVER its budget"),
            Some(budget) if count < budget * (1.0 - TOLERANCE) => {
                Some("under its budget: write down the new count")
            }
            Some(_) => None,
        }
    }

    fn complaint(&self, broken: &[&str], counted: &str) -> String {
        let mut text = format!("not within {} % of the budget: {}", TOLERANCE * 100.0, broken.join("; "));
        if self.counted != counted && !self.counted.is_empty() {
            let _ = write!(
                text,
                " (budgets are of {}, this is {counted}: another compiler counts otherwise)",
                self.counted
            );
        }
        text
    }
}

fn budget(line: &str) -> Result<(String, f64), String> {
    let wrong = || format!("{line:?} is not `path = count`");
    let (path, count) = line.rsplit_once(" = ").ok_or_else(wrong)?;
    Ok((path.to_owned(), count.parse().map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# What a path may cost.\n# Counted with rustc 1\ngauge set = 100.0\n";

    fn held(path: &str, count: f64) -> Result<(), String> {
        let budgets = Budgets::parse(FILE).expect("the file is good");
        budgets.hold("rustc 1", &BTreeMap::from([(path.to_owned(), count)])).1
    }

    #[test]
    fn three_percent_either_way_are_allowed() {
        for good in [97.1, 100.0, 102.9] {
            assert_eq!(held("gauge set", good), Ok(()));
        }
        for bad in [96.9, 103.1] {
            assert_eq!(held("gauge set", bad), Err("not within 3 % of the budget: gauge set".to_owned()));
        }
    }

    #[test]
    fn neither_a_path_without_a_budget_nor_a_budget_without_a_path() {
        let error = held("meter mark", 100.0).expect_err("neither is there");
        assert_eq!(error, "not within 3 % of the budget: meter mark; gauge set");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let budgets = Budgets::parse(FILE).expect("the file is good");
        let text = budgets.replaced("rustc 2", &BTreeMap::from([("meter mark".to_owned(), 7.04)]));
        assert_eq!(text, "# What a path may cost.\n# Counted with rustc 2\nmeter mark = 7.0\n");
        assert!(Budgets::parse(&text).is_ok());
        assert!(Budgets::parse("gauge set: 7").is_err());
    }
}
