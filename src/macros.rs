//! `counter!` and its like, and `metrics!`.

/// One macro an instrument: the instrument of that name in the global registry, found once a call site.
///
/// A `static` of a macro is seen by the expressions given to it, so it has a name that nobody else uses.
macro_rules! by_name {
    ($dollar:tt $($macro:ident $instrument:ident $what:literal $use_it:literal;)*) => {$(
        #[doc = concat!("The ", $what, " of that name and tags in the [global registry](crate::global).")]
        ///
        /// The name and the keys are constants and looked up once a call site; values are anything that is
        /// `AsRef<str>`. Where all of them are literals, the series is looked up once, too.
        ///
        /// ```
        #[doc = concat!("tagmeter::", stringify!($macro), "!(\"jobs\")", $use_it, ";")]
        #[doc = concat!("tagmeter::", stringify!($macro), "!(\"jobs\", \"city\" => \"Oslo\")", $use_it, ";")]
        /// assert_eq!(tagmeter::global().iter().count(), 2);
        /// ```
        #[macro_export]
        macro_rules! $macro {
            ($dollar name:expr $dollar (,)?) => {{
                static __TAGMETER_SITE: $crate::metric::$instrument =
                    $crate::metric::$instrument::new($dollar name);
                &__TAGMETER_SITE
            }};
            ($dollar name:expr, $dollar ($dollar key:expr => $dollar value:literal),+ $dollar (,)?) => {{
                static __TAGMETER_SITE: $crate::registry::SeriesSite<
                    $crate::metric::$instrument,
                    { [$dollar ($dollar key),+].len() },
                > = $crate::registry::SeriesSite::new(
                    $dollar name,
                    [$dollar (($dollar key, $dollar value)),+],
                );
                __TAGMETER_SITE.get()
            }};
            ($dollar name:expr, $dollar ($dollar key:expr => $dollar value:expr),+ $dollar (,)?) => {{
                static __TAGMETER_SITE: $crate::registry::CallSite<
                    $crate::metric::$instrument,
                    { [$dollar ($dollar key),+].len() },
                > = $crate::registry::CallSite::new($dollar name, [$dollar ($dollar key),+]);
                __TAGMETER_SITE.with([$dollar (::core::convert::AsRef::<str>::as_ref(&$dollar value)),+])
            }};
        }
    )*};
}

by_name! { $
    counter Counter "counter" ".inc()";
    float_counter FloatCounter "float counter" ".add(0.5)";
    up_down UpDownCounter "up-down counter" ".inc()";
    gauge Gauge "gauge" ".set(1.0)";
    meter Meter "meter" ".mark()";
    timer Timer "timer" ".time(|| 42)";
    histogram Histogram "histogram" ".record(2.0)";
}

/// Declares a struct of metrics with a `register` function; help comes from the doc comments.
///
/// A field is `name: Kind`, with tag keys in brackets where it is a family, and buckets after `=` where it has some.
/// Kinds: `Counter`, `FloatCounter`, `UpDownCounter`, `Gauge`, `Meter`, `Timer`, `Histogram`, `Info`. All fields are
/// public. A raw identifier is the word without its `r#`: `r#type: Counter` is the metric `type`.
///
/// ```
/// use tagmeter::{Registry, stat::Buckets};
///
/// tagmeter::metrics! {
///     /// What the order service counts.
///     pub struct OrderMetrics {
///         /// Requests answered.
///         requests: Counter[route, status],
///         /// Time to answer a request.
///         request: Timer[route],
///         /// Jobs waiting.
///         queue_depth: Gauge,
///         /// Bytes of an order.
///         order_bytes: Histogram = Buckets::powers(4, 64, 8),
///     }
/// }
///
/// let registry = Registry::new();
/// let metrics = OrderMetrics::register(&registry)?;
/// metrics.requests.with(["/orders", "200"]).inc();
/// metrics.queue_depth.set(3.0);
/// # metrics.order_bytes.record(70.0);
/// # metrics.request.with(["/orders"]).time(|| ());
/// assert!(registry.snapshot().to_text().contains("# HELP requests_total Requests answered."));
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[macro_export]
macro_rules! metrics {
    (
        $(#[$outer:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:expr])*
                $field:ident : $kind:ident $([$($key:ident),+ $(,)?])? $(= $buckets:expr)?
            ),* $(,)?
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $(
                $(#[doc = $doc])*
                pub $field: $crate::__metrics_type!($kind $([$($key),+])?),
            )*
        }

        impl $name {
            /// Registers every metric of the struct, or finds those that are registered already.
            ///
            /// # Errors
            /// The first metric that cannot be registered; see `tagmeter::registry::RegisterError`.
            $vis fn register(
                registry: &$crate::Registry,
            ) -> ::core::result::Result<Self, $crate::registry::RegisterError> {
                // A struct without fields has no use for it.
                let _ = registry;
                ::core::result::Result::Ok($name {
                    $(
                        $field: {
                            let definition = registry
                                .define($crate::macros::word(::core::stringify!($field)))
                                .help($crate::macros::help(&[$($doc),*]));
                            $(let definition = definition.tags([
                                $($crate::macros::word(::core::stringify!($key))),+
                            ]);)?
                            $(
                                let definition = definition
                                    .buckets($crate::macros::IntoBuckets::into_buckets($buckets)?);
                            )?
                            $crate::__metrics_end!(definition, $kind $([$($key),+])?)
                        },
                    )*
                })
            }
        }
    };
}

/// The type of a field of `metrics!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __metrics_type {
    ($kind:ident) => { $crate::metric::$kind };
    ($kind:ident [$($key:ident),+]) => {
        $crate::registry::Family<$crate::metric::$kind, { [$(::core::stringify!($key)),+].len() }>
    };
}

/// The end of a definition of `metrics!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __metrics_end {
    ($definition:ident, Counter) => {
        $definition.counter()?
    };
    ($definition:ident, FloatCounter) => {
        $definition.float_counter()?
    };
    ($definition:ident, UpDownCounter) => {
        $definition.up_down()?
    };
    ($definition:ident, Gauge) => {
        $definition.gauge()?
    };
    ($definition:ident, Meter) => {
        $definition.meter()?
    };
    ($definition:ident, Timer) => {
        $definition.timer()?
    };
    ($definition:ident, Histogram) => {
        $definition.histogram()?
    };
    ($definition:ident, Info) => {
        $definition.info()?
    };
    ($definition:ident, Counter [$($key:ident),+]) => {
        $definition.counters()?
    };
    ($definition:ident, FloatCounter [$($key:ident),+]) => {
        $definition.float_counters()?
    };
    ($definition:ident, UpDownCounter [$($key:ident),+]) => {
        $definition.up_downs()?
    };
    ($definition:ident, Gauge [$($key:ident),+]) => {
        $definition.gauges()?
    };
    ($definition:ident, Meter [$($key:ident),+]) => {
        $definition.meters()?
    };
    ($definition:ident, Timer [$($key:ident),+]) => {
        $definition.timers()?
    };
    ($definition:ident, Histogram [$($key:ident),+]) => {
        $definition.histograms()?
    };
    ($definition:ident, Info [$($key:ident),+]) => {
        $definition.infos()?
    };
}

use crate::stat::{Buckets, InvalidBuckets};

/// Help text from the lines of a doc comment.
#[doc(hidden)]
pub fn help(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The word that an identifier is, also where it is written `r#word`.
#[doc(hidden)]
pub fn word(identifier: &str) -> &str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// Buckets, or a constructor's answer, so that `metrics!` needs no `?` inside.
#[doc(hidden)]
pub trait IntoBuckets {
    fn into_buckets(self) -> Result<Buckets, InvalidBuckets>;
}

impl IntoBuckets for Buckets {
    fn into_buckets(self) -> Result<Buckets, InvalidBuckets> {
        Ok(self)
    }
}

impl IntoBuckets for Result<Buckets, InvalidBuckets> {
    fn into_buckets(self) -> Result<Buckets, InvalidBuckets> {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::{Registry, global};

    #[test]
    fn a_static_of_the_users_is_not_taken_for_one_of_ours() {
        static SITE: &str = "north";
        const NAME: &str = "visits_by_site";
        counter!(NAME, "site" => SITE).inc();
        counter!(NAME, "site" => SITE).inc();
        assert_eq!(global().value((NAME, [("site", "north")])), Some(2.0));
    }

    #[test]
    fn keywords_can_be_names_and_tag_keys() {
        metrics! {
            struct Keywords {
                r#loop: Counter,
                events: Counter[r#type, match],
            }
        }
        let registry = Registry::new();
        let metrics = Keywords::register(&registry).unwrap();
        metrics.r#loop.inc();
        metrics.events.with(["click", "all"]).inc();
        assert_eq!(registry.value("loop"), Some(1.0));
        assert_eq!(registry.value(("events", [("type", "click"), ("match", "all")])), Some(1.0));
    }

    #[test]
    fn a_struct_without_metrics_is_one() {
        metrics! { struct Nothing {} }
        let registry = Registry::new();
        Nothing::register(&registry).unwrap();
        assert_eq!(registry.iter().count(), 0);
    }
}
