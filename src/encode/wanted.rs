//! The names that a family has on a page, told before its series are read.

use crate::encode::Escaping;
use crate::encode::exposed::{Exposed, Type};
use crate::model::{Family, Kind, SeriesList};
use crate::name::Name;
use crate::unit::Unit;

/// The names of such a family and of its samples, in whatever format, by an escaping scheme.
pub(crate) fn exposed_names(name: &Name, kind: Kind, unit: &Unit, escaping: Escaping) -> Vec<String> {
    let family =
        Family { name: name.clone(), kind, help: "".into(), unit: unit.clone(), series: SeriesList::new() };
    let exposed = Exposed::of(&family, escaping);
    let rates = exposed.rates();
    let both = [&exposed].into_iter().chain(&rates);
    both.flat_map(|one| suffixes(one.kind).iter().map(|suffix| format!("{}{suffix}", one.name))).collect()
}

/// Whether a histogram is shown as a summary only its series tell.
fn suffixes(kind: Type) -> &'static [&'static str] {
    match kind {
        Type::Counter => &["", "_total"],
        Type::BareCounter | Type::Gauge | Type::StateSet | Type::Unknown => &[""],
        Type::Histogram | Type::Summary => &["", "_bucket", "_sum", "_count"],
        Type::GaugeHistogram => &["", "_bucket", "_sum", "_count", "_gsum", "_gcount"],
        Type::Info => &["", "_info"],
    }
}
