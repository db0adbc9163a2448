//! The runner: what every topic uses.
//!
//! ```ignore
//! Golden::open("env_tags").run(|case| {
//!     let text = case.input["text"].as_str()?;      // `None`: our types cannot say this
//!     Some(match parse(text) {
//!         Ok(tags) => json!({"tags": tags}),
//!         Err(error) => json!({"error": "format"}),
//!     })
//! });
//! ```

mod compare;
mod departures;
mod logged;

pub(crate) use compare::{agree, float, read_float, with_kind};
pub(crate) use logged::logged;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use departures::Departure;
use serde_json::Value;

/// One recorded case.
pub(crate) struct Case {
    /// Its stable name.
    pub(crate) id: String,
    /// What was given.
    pub(crate) input: Value,
    /// What the package did: `expected` or, where that was a crash or plainly wrong, `reference`.
    pub(crate) recorded: Value,
    /// Whether `recorded` is a record of fact only.
    pub(crate) is_reference: bool,
}

impl Case {
    fn read(case: &Value) -> Case {
        let is_reference = case.get("expected").is_none();
        let recorded = if is_reference { &case["reference"] } else { &case["expected"] };
        assert!(!recorded.is_null(), "case without a result: {case}");
        Case {
            id: case["id"].as_str().expect("every case has an id").into(),
            input: case["input"].clone(),
            recorded: recorded.clone(),
            is_reference,
        }
    }
}

type View = Box<dyn Fn(&Value) -> Value>;
type Agreement = Box<dyn Fn(&Case, &Value, &Value) -> bool>;

/// One file of cases and how its results are compared.
pub(crate) struct Golden {
    file: String,
    /// Everything the file holds.
    pub(crate) document: Value,
    /// Its cases, in order.
    pub(crate) cases: Vec<Case>,
    view: View,
    agreement: Agreement,
}

impl Golden {
    /// Reads `data/<file>.json`.
    pub(crate) fn open(file: &str) -> Golden {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/data/{file}.json"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let document: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}.json: {error}"));
        let cases = document["cases"].as_array().map(Vec::as_slice).unwrap_or_default();
        let cases = cases.iter().map(Case::read).collect();
        Golden {
            file: file.into(),
            document,
            cases,
            view: Box::new(Value::clone),
            agreement: Box::new(|_, recorded, ours| agree(recorded, ours)),
        }
    }

    /// Looks at recorded results through `view`, which keeps what we compare (and maps errors to kinds: [`with_kind`]).
    pub(crate) fn seen_as(mut self, view: impl Fn(&Value) -> Value + 'static) -> Self {
        self.view = Box::new(view);
        self
    }

    /// Replaces [`agree`]: gets the case, the recorded result (or the value listed as ours) and our result.
    pub(crate) fn agreeing_when(
        mut self,
        agreement: impl Fn(&Case, &Value, &Value) -> bool + 'static,
    ) -> Self {
        self.agreement = Box::new(agreement);
        self
    }

    /// Runs every case, prints how many are kept, ours and none, and fails on everything that is not as listed.
    ///
    /// `ours` gives our result in the shape of the recorded one, or `None` if our types cannot hold the input.
    pub(crate) fn run(self, mut ours: impl FnMut(&Case) -> Option<Value>) {
        let mut tally = Tally::default();
        let mut faults = String::new();
        for case in &self.cases {
            let result = ours(case);
            match self.judge(case, result.as_ref(), departures::all().get(&case.id)) {
                Ok(class) => tally.count(class),
                Err(fault) => self.describe(case, result.as_ref(), &fault, &mut faults),
            }
        }
        tally.print(&self.file);
        assert!(faults.is_empty(), "{}\n{faults}", self.file);
    }

    fn judge(&self, case: &Case, ours: Option<&Value>, listed: Option<&Departure>) -> Result<Class, String> {
        let kept = ours.is_some_and(|ours| (self.agreement)(case, &(self.view)(&case.recorded), ours));
        match (listed, ours) {
            (None, _) if kept => Ok(Class::Keep),
            (None, Some(_)) => Err("differs and is not listed".into()),
            (None, None) => Err("cannot be written in our types and is not listed".into()),
            (Some(_), _) if kept => Err("is listed but has come to agree with the record".into()),
            (Some(Departure::None { .. }), None) => Ok(Class::None),
            (Some(Departure::None { .. }), Some(_)) => {
                Err("is listed as none, but our types can hold it".into())
            }
            (Some(Departure::Ours { .. }), None) => {
                Err("is listed as ours, but our types cannot hold it".into())
            }
            (Some(Departure::Ours { value, .. }), Some(ours)) => {
                let listed = departures::as_json(value);
                match (self.agreement)(case, &listed, ours) {
                    true => Ok(Class::Ours),
                    false => Err(format!("is listed as {listed}")),
                }
            }
        }
    }

    fn describe(&self, case: &Case, ours: Option<&Value>, fault: &str, into: &mut String) {
        let record = if case.is_reference { "reference" } else { "expected" };
        let ours = ours.map_or("nothing".into(), Value::to_string);
        let recorded = (self.view)(&case.recorded);
        let _ = writeln!(
            into,
            "{}: {fault}\n    input {}\n    {record} {recorded}\n    ours {ours}",
            case.id, case.input
        );
    }
}

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Class {
    /// As recorded.
    Keep,
    /// Otherwise, on purpose.
    Ours,
    /// Not in our types.
    None,
}

/// How many cases of a file are of each class.
#[derive(Default)]
pub(crate) struct Tally([usize; 3]);

impl Tally {
    /// Counts one case.
    pub(crate) fn count(&mut self, class: Class) {
        self.0[class as usize] += 1;
    }

    /// Prints the counts, past the test harness, which would keep them to itself when all is well.
    pub(crate) fn print(&self, file: &str) {
        let [keep, ours, none] = self.0;
        let _ =
            writeln!(std::io::stderr(), "golden {file:<24} keep {keep:>4} / ours {ours:>3} / none {none:>3}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judged(ours: Option<Value>, listed: Option<&str>) -> Result<Class, String> {
        let golden = Golden::open("encode_metric");
        let case = Case::read(&json!({"id": "a-1", "input": {}, "expected": {"encoded": "a{}"}}));
        let listed = listed.map(|toml| toml::from_str(toml).unwrap());
        golden.judge(&case, ours.as_ref(), listed.as_ref())
    }

    const OURS: &str = "class = 'ours'\nreason = 'a rule'\nvalue = { encoded = 'b{}' }";
    const NONE: &str = "class = 'none'\nreason = 'no type'";

    #[test]
    fn a_case_is_kept_listed_with_its_value_or_not_in_our_types() {
        assert_eq!(judged(Some(json!({"encoded": "a{}"})), None), Ok(Class::Keep));
        assert_eq!(judged(Some(json!({"encoded": "b{}"})), Some(OURS)), Ok(Class::Ours));
        assert_eq!(judged(None, Some(NONE)), Ok(Class::None));
    }

    #[test]
    fn what_is_neither_kept_nor_listed_fails() {
        assert!(judged(Some(json!({"encoded": "b{}"})), None).is_err());
        assert!(judged(None, None).is_err());
    }

    #[test]
    fn a_listed_case_that_has_come_to_agree_fails() {
        assert!(judged(Some(json!({"encoded": "a{}"})), Some(OURS)).unwrap_err().contains("come to agree"));
        assert!(judged(Some(json!({"encoded": "a{}"})), Some(NONE)).unwrap_err().contains("come to agree"));
    }

    #[test]
    fn a_listed_case_that_is_not_as_listed_fails() {
        assert!(judged(Some(json!({"encoded": "c{}"})), Some(OURS)).is_err());
        assert!(judged(Some(json!({"encoded": "b{}"})), Some(NONE)).is_err());
        assert!(judged(None, Some(OURS)).is_err());
    }
}
