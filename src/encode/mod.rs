//! Snapshots as bytes, one file a format.
//!
//! - [`text`]: Prometheus text 0.0.4 and 1.0.0, which everything reads. When in doubt, this one.
//! - [`openmetrics`]: OpenMetrics 1.0, with units and types of its own for infos and state sets.
#![cfg_attr(
    feature = "protobuf",
    doc = "- [`protobuf`]: Prometheus' own binary format, the only one of its formats that has native histograms."
)]
//! - [`json`]: the snapshot as it is, names unchanged, in a schema that stays.
//! - [`fields`]: no bytes yet, but every number on its own, for whatever pushes `name.field = number`.
//!
//! [`http::respond`](crate::http::respond) chooses between the pages by what the scraper asks for. Pages are valid by
//! construction: names and tag keys are made legal, values escaped, and what would make a page invalid is left out and
//! told ([`LeftOut`]). [`Options`] say what else to leave out.
//!
//! # What each instrument becomes
//!
//! | instrument | family in text 0.0.4 | family in OpenMetrics | samples |
//! |---|---|---|---|
//! | counter `x` | counter `x_total` | counter `x` | `x_total` |
//! | up-down counter `x` | gauge `x` | gauge `x` | `x` |
//! | gauge `x` | gauge `x` | gauge `x` | `x` |
//! | meter `x` or `x_rate` | counter `x_total` | counter `x` | `x_total` |
//! | | gauge `x_rate` | gauge `x_rate` | `x_rate{window="mean"}`, `"1m"`, `"5m"`, `"15m"` |
//! | timer `x` | histogram `x_seconds` | the same | `x_seconds_bucket{le="…"}`, `x_seconds_sum`, `x_seconds_count` |
//! | histogram `x` | histogram `x` | the same | `x_bucket{le="…"}`, `x_sum`, `x_count` |
//! | either, as a summary | summary | summary | `x{quantile="…"}` (`NaN` while empty), `x_sum`, `x_count` |
//! | info `x` | gauge `x_info` | info `x` | `x_info` = 1, the facts as labels |
//! | state set `x` | gauge `x` | state set `x` | `x{x="state"}` = 0 or 1 for each state |
//! | gauge histogram `x` of a collector | histogram `x` | gauge histogram `x` | `x_bucket{le="…"}`, `x_sum` and `x_count`, in OpenMetrics `x_gsum` and `x_gcount` |
//! | summary `x` of a collector | summary `x` | the same | `x{quantile="…"}`, `x_sum`, `x_count` |
//! | unknown `x` of a collector | untyped `x` | unknown `x` | `x` |
//!
//! A unit is a suffix of the name, before `_total`; neither is added where the name has it already. Families come by
//! exposed name, series in the order of their creation; a family without series is not on the page.
//!
//! # What happens to names
//!
//! By default they are escaped by `underscores`; [`Options::escaping`] has the other [schemes](Escaping). A name is escaped
//! with the suffixes that belong to it (its unit, `_total`, `_info`, `_rate`) and without those of samples (`_bucket`,
//! `_sum`, `_count`), as Go's client does.
//!
//! | given | exposed |
//! |---|---|
//! | `http.requests`, `größe` | `http_requests`, `gr__e`: each illegal character is one `_`, runs are kept |
//! | `9lives` | `_lives`: so is a digit in first place |
//! | tag key `le`, `quantile`; `window` on a meter; the name of a state set on itself | the key and a `_` |
//! | tag key `__name__` | `key__name__`: readers refuse every label in `__` |
//! | names and keys by `allow-utf-8` | as they are, in quotes where they are not legal: `{"http.requests_total","db.name"="a"}` |
//! | two keys of one series that become equal | the last in the order of keys counts |
//! | two series of a family that become equal | counters are added up; of other kinds the first is shown |
//! | two families that need one name, or one the format reserves for the other | the first registered is shown |

mod clash;
mod escaping;
mod exposed;
pub mod fields;
pub mod json;
mod left_out;
mod lines;
mod names;
pub mod openmetrics;
mod options;
#[cfg(test)]
mod oracle;
mod page;
#[cfg(feature = "protobuf")]
#[cfg_attr(docsrs, doc(cfg(feature = "protobuf")))]
pub mod protobuf;
mod samples;
pub mod text;
mod wanted;

pub use escaping::{Escaping, UnknownEscaping};
pub(crate) use exposed::{Exposed, Type};
pub use left_out::{LeftOut, Reason};
pub(crate) use names::push_name;
pub use options::Options;
pub(crate) use wanted::exposed_names;
