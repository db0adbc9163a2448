//! Label types of the crates that want one of their own for each family.

use std::fmt::Write;

use fastmetrics::derive::{EncodeLabelValue, LabelSet};
use lasso::{RodeoReader, Spur};
use measured::label::StaticLabelSet;
use measured::{FixedCardinalityLabel, LabelGroup, MetricGroup};
use paracord::ParaCord;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};

use crate::inputs::{ROUTES, STATUSES};

/// Route and status, borrowed for ever: the cheapest text that a family by struct can have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, LabelSet)]
pub struct StaticText {
    /// One of [`ROUTES`].
    pub route: &'static str,
    /// One of [`STATUSES`].
    pub status: &'static str,
}

/// Route and status, owned: what a program has whose values come from outside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, LabelSet)]
pub struct OwnedText {
    /// Any route.
    pub route: String,
    /// Any status, or a user.
    pub status: String,
}

/// Route and status as enum and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, LabelSet)]
pub struct Typed {
    /// The route.
    pub route: Route,
    /// The status.
    pub status: u16,
}

/// [`ROUTES`] as an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue, FixedCardinalityLabel)]
#[expect(missing_docs)]
pub enum Route {
    Root,
    Orders,
    Order,
    Customer,
    Health,
}

/// [`STATUSES`] as an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FixedCardinalityLabel)]
#[expect(missing_docs)]
pub enum Status {
    S200,
    S201,
    S204,
    S301,
    S400,
    S401,
    S404,
    S409,
    S500,
    S503,
}

impl Route {
    /// All, in the order of [`ROUTES`].
    pub const ALL: [Route; 5] = [Route::Root, Route::Orders, Route::Order, Route::Customer, Route::Health];
}

impl Status {
    /// All, in the order of [`STATUSES`].
    pub const ALL: [Status; 10] = [
        Status::S200,
        Status::S201,
        Status::S204,
        Status::S301,
        Status::S400,
        Status::S401,
        Status::S404,
        Status::S409,
        Status::S500,
        Status::S503,
    ];
    /// The numbers, in the order of [`STATUSES`].
    pub const CODES: [u16; 10] = [200, 201, 204, 301, 400, 401, 404, 409, 500, 503];
}

macro_rules! prometheus_client_labels {
    ($($labels:ident $second:literal)*) => {$(
        impl EncodeLabelSet for $labels {
            fn encode(&self, encoder: &mut LabelSetEncoder) -> Result<(), std::fmt::Error> {
                encode_pair(encoder, "route", &self.route)?;
                encode_pair(encoder, $second, &self.status)
            }
        }
    )*};
}

prometheus_client_labels! { StaticText "status" OwnedText "status" }

fn encode_pair(encoder: &mut LabelSetEncoder, key: &str, value: &str) -> Result<(), std::fmt::Error> {
    let mut label = encoder.encode_label();
    let mut key_encoder = label.encode_label_key()?;
    key_encoder.write_str(key)?;
    let mut value_encoder = key_encoder.encode_label_value()?;
    value_encoder.write_str(value)?;
    value_encoder.finish()
}

impl EncodeLabelSet for Typed {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> Result<(), std::fmt::Error> {
        encode_pair(encoder, "route", ROUTES[self.route as usize])?;
        encode_pair(encoder, "status", &self.status.to_string())
    }
}

/// `measured`: values known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, LabelGroup)]
#[label(set = KnownSet)]
pub struct Known<'a> {
    /// One of [`ROUTES`].
    #[label(fixed_with = RodeoReader<Spur, ahash::RandomState>)]
    pub route: &'a str,
    /// One of [`STATUSES`].
    #[label(fixed_with = RodeoReader<Spur, ahash::RandomState>)]
    pub status: &'a str,
}

/// `measured`: any values.
#[derive(Debug, Clone, Copy, PartialEq, LabelGroup)]
#[label(set = AnySet)]
pub struct Any<'a> {
    /// Any route.
    #[label(dynamic_with = ParaCord)]
    pub route: &'a str,
    /// Any user.
    #[label(dynamic_with = ParaCord)]
    pub user: &'a str,
}

/// `measured`: two enums.
#[derive(Debug, Clone, Copy, PartialEq, LabelGroup)]
#[label(set = EnumsSet)]
pub struct Enums {
    /// The route.
    pub route: Route,
    /// The status.
    pub status: Status,
}

/// A `measured` set of the known values.
pub fn known_set() -> KnownSet {
    let reader = |texts: &[&'static str]| {
        let mut rodeo = lasso::Rodeo::with_hasher(ahash::RandomState::new());
        texts.iter().for_each(|text| {
            rodeo.get_or_intern(text);
        });
        rodeo.into_reader()
    };
    KnownSet { route: reader(&ROUTES), status: reader(&STATUSES) }
}

/// A `measured` set for any values.
pub fn any_set() -> AnySet {
    AnySet { route: ParaCord::default(), user: ParaCord::default() }
}

/// A `measured` set of the two enums.
pub fn enums_set() -> EnumsSet {
    EnumsSet { route: StaticLabelSet::new(), status: StaticLabelSet::new() }
}

/// `measured` exposes groups, not registries.
#[derive(MetricGroup)]
pub struct MeasuredCounters {
    /// Requests served.
    pub requests: measured::CounterVec<AnySet>,
}

/// The same with a histogram.
#[derive(MetricGroup)]
pub struct MeasuredHistograms {
    /// Time to answer.
    pub request_seconds: measured::HistogramVec<AnySet, 14>,
}
