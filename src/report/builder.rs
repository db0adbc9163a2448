//! How a reporter is made.

use std::fmt;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::allowance::StopBy;
use super::backlog::{Backlog, Bounds, InMemory};
use super::cursor::Cursor;
use super::delivery::Delivery;
use super::handler::Handler;
use super::listing::Listing;
use super::merged::Merged;
use super::meta::Meta;
use super::outcome::{ReportError, with_cause};
use super::pieces::BatchSize;
use super::pusher::Pusher;
use super::reporter::{DROP_PATIENCE, Handle, Reporter};
use super::reporting::Reporting;
use super::retry::Retry;
use super::rules::{Collisions, Rules};
use super::schedule::Schedule;
use super::sink::Sink;
#[cfg(feature = "spool")]
use super::spool::{Spool, SpoolError, Spooled};
use super::status::Ledger;
use super::thread::{Order, Thread};
use crate::backoff::Chance;
use crate::clock::Clock;
use crate::registry::View;
use crate::tag::{Environment, EnvironmentError, IllegalName, TagLayers, Tags};

/// Time between two pushes where nobody says otherwise.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The least time that a report gets, where the interval is shorter.
const MIN_PATIENCE: Duration = DROP_PATIENCE;

/// What tools show the thread as; Linux cuts after fifteen characters.
const THREAD_NAME: &str = "tagmeter-report";

/// Makes a [`Reporter`].
///
/// Tags of what is pushed, each winning over those before: the automatic `host`, `APPTUIT_TAGS`,
/// [`tags`](ReporterBuilder::tags), the metric's own.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use tagmeter::report::{Outcome, Point, PushError, Rules, Sink};
/// # struct Backend;
/// # impl Sink for Backend {
/// #     fn name(&self) -> &str { "backend" }
/// #     fn rules(&self) -> Rules { Rules::default() }
/// #     fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
/// #         assert_eq!(batch[0].name, "shop_orders_count");
/// #         assert_eq!(batch[0].tags, tagmeter::Tags::from([("service", "order-service")]));
/// #         Ok(Outcome::all(batch.len()))
/// #     }
/// # }
/// use tagmeter::report::Reporter;
/// use tagmeter::tag::Environment;
///
/// let registry = tagmeter::Registry::new();
/// registry.counter("orders").inc();
/// let reporter = Reporter::new(&registry, Backend)
///     .every(Duration::from_secs(10))
///     .prefix("shop.")
///     .tags([("service", "order-service")])
///     .host_tag(false)
///     .environment(Environment::empty())
///     .on_error(|error| eprintln!("{error}"))
///     .start()?;
/// assert!(reporter.report_now()?.is_complete());     // shop_orders_count{service="order-service"} 1
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until `start`"]
pub struct ReporterBuilder<S> {
    view: View,
    sink: S,
    every: Duration,
    prefix: String,
    tags: Tags,
    host_tag: Option<bool>,
    environment: Environment,
    handler: Handler,
    backlog: Bounds,
    #[cfg(feature = "spool")]
    spool: Option<Spool>,
    aligned: bool,
    start_jitter: Duration,
    push_own_metrics: bool,
    expose_own_metrics: bool,
}

/// Why a reporter did not start.
///
/// ```
/// use tagmeter::report::StartError;
///
/// assert_eq!(StartError::ZeroInterval.to_string(), "the interval is zero: expected some time between two pushes");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The interval is zero.
    #[error("the interval is zero: expected some time between two pushes")]
    ZeroInterval,
    /// A variable of the environment cannot be read. Malformed tags there are an error only where no others are given.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The key of a reporter's tag cannot be sent.
    #[error("the reporter's tags cannot be sent")]
    IllegalKey(#[from] IllegalName),
    /// The spool cannot be used.
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The operating system gave no thread.
    #[error("no thread for the reporter: {reason}")]
    NoThread {
        /// What it said.
        reason: String,
    },
}

impl<S: Sink> ReporterBuilder<S> {
    pub(super) fn new(view: View, sink: S) -> Self {
        ReporterBuilder {
            view,
            sink,
            every: DEFAULT_INTERVAL,
            prefix: String::new(),
            tags: Tags::new(),
            host_tag: None,
            environment: Environment::default(),
            handler: Handler::default(),
            backlog: Bounds::default(),
            #[cfg(feature = "spool")]
            spool: None,
            aligned: false,
            start_jitter: Duration::ZERO,
            push_own_metrics: true,
            expose_own_metrics: true,
        }
    }

    /// Time between two pushes; 60 s unless said.
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// Tags of everything that is pushed; a metric's own win over them.
    pub fn tags(mut self, tags: impl Into<Tags>) -> Self {
        self.tags = tags.into();
        self
    }

    /// Put in front of every name as it is: `"shop."` makes `shop.orders.count` of `orders`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Whether the machine's name is added as tag `host`. Not said: yes, unless `APPTUIT_DISABLE_HOST_TAG` is true.
    pub fn host_tag(mut self, add: bool) -> Self {
        self.host_tag = Some(add);
        self
    }

    /// Told of everything that goes wrong, as [`ReportError`] says; from the reporter's thread. Not said: one line in the
    /// log.
    pub fn on_error(mut self, handle: impl FnMut(&ReportError) + Send + 'static) -> Self {
        self.handler = Handler::new(handle);
        self
    }

    /// Pushes at whole multiples of the interval on the wall clock: with [`every`](Self::every) an hour, on the hour. The
    /// first of them that comes is the first push. Not said: at whole intervals from the start, which spreads machines by
    /// itself.
    pub fn aligned(mut self) -> Self {
        self.aligned = true;
        self
    }

    /// Makes all pushes later by a random time below this, chosen once: for programs that start, or are
    /// [`aligned`](Self::aligned), together.
    pub fn start_jitter(mut self, below: Duration) -> Self {
        self.start_jitter = below;
        self
    }

    /// Whether `<sink>.reporter.send.…` is pushed; yes unless said.
    pub fn push_own_metrics(mut self, push: bool) -> Self {
        self.push_own_metrics = push;
        self
    }

    /// Whether the registry's page has `tagmeter_reporter_…` of this reporter while it runs; yes unless said.
    pub fn expose_own_metrics(mut self, expose: bool) -> Self {
        self.expose_own_metrics = expose;
        self
    }

    /// The most points that wait in memory for a backend that does not take them; a million unless said, and none with 0.
    /// The oldest beyond that are lost, and counted.
    pub fn backlog_points(mut self, most: usize) -> Self {
        self.backlog.points = most;
        self
    }

    /// The most bytes that waiting points may hold, about; 64 MiB unless said. The oldest beyond that are lost, and
    /// counted.
    pub fn backlog_bytes(mut self, most: usize) -> Self {
        self.backlog.bytes = most;
        self
    }

    /// Lets points wait on disk: those that the backend did not take are delivered even if the process ends meanwhile, by the
    /// next reporter that has this spool. Not said: they wait in memory.
    ///
    /// Points keep their order, their names, their tags and their timestamps. Those that are there at the start are sent
    /// with the first report, before what is new. A batch is written to disk when an attempt to
    /// deliver it has failed, and what was delivered is noted at once: a process that ends between the backend's answer and
    /// that note delivers the batch a second time, with the same timestamps. What the disk does not take waits in memory,
    /// within [`backlog_points`](Self::backlog_points) and [`backlog_bytes`](Self::backlog_bytes), until it does.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::report::{Outcome, Point, PushError, Reporter, Rules, Sink};
    /// # struct Backend(bool);
    /// # impl Sink for Backend {
    /// #     fn name(&self) -> &str { "backend" }
    /// #     fn rules(&self) -> Rules { Rules::default() }
    /// #     fn push(&mut self, batch: &[Point], _: std::time::Instant) -> Result<Outcome, PushError> {
    /// #         let (points, reason) = (batch.len(), "down".into());
    /// #         if self.0 { Ok(Outcome::all(points)) } else { Err(PushError::Unreachable { points, reason }) }
    /// #     }
    /// # }
    /// # let spool = std::env::temp_dir().join(format!("tagmeter-example-{}", std::process::id()));
    /// # let spool = spool.as_path();
    /// # let (down, up) = (Backend(false), Backend(true));
    /// # let registry = tagmeter::Registry::new();
    /// # registry.counter("orders").inc();
    /// let reporter = Reporter::new(&registry, down).spool(spool).start()?;
    /// let last = reporter.stop(Duration::from_secs(5))?;
    /// assert_eq!((last.successful, last.waiting), (0, 1));     // on disk
    ///
    /// let reporter = Reporter::new(&registry, up).spool(spool).start()?;
    /// let last = reporter.stop(Duration::from_secs(5))?;
    /// assert_eq!((last.successful, last.caught_up), (1, 1));
    /// # std::fs::remove_dir_all(spool)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    pub fn spool(mut self, spool: impl Into<Spool>) -> Self {
        self.spool = Some(spool.into());
        self
    }

    /// Where variables are looked up; the process's environment unless said.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Starts the thread. The registry records percentiles from now on, if the sink sends any.
    ///
    /// # Errors
    ///
    /// The interval is zero, tags, given or taken from the environment, cannot be used, or the spool cannot.
    pub fn start(self) -> Result<Reporter, StartError> {
        let backlog = self.waiting_room()?;
        let expose = self.expose_own_metrics;
        spawn(self.reporting(backlog, Chance::new())?, expose)
    }

    fn waiting_room(&self) -> Result<Box<dyn Backlog>, StartError> {
        #[cfg(feature = "spool")]
        if let Some(spool) = &self.spool {
            return Ok(Box::new(Spooled::open(spool, self.sink.name(), self.backlog)?));
        }
        Ok(Box::new(InMemory::new(self.backlog)))
    }

    /// Everything but the thread.
    pub(super) fn reporting(
        mut self,
        backlog: Box<dyn Backlog>,
        mut chance: Chance,
    ) -> Result<Reporting<S>, StartError> {
        if self.every.is_zero() {
            return Err(StartError::ZeroInterval);
        }
        let rules = self.sink.rules();
        let layers = self.layers(&rules)?;
        if rules.percentiles {
            self.view.record_quantiles();
        }
        let clock = self.view.clock().clone();
        Ok(Reporting {
            schedule: self.schedule(&clock, &mut chance),
            retry: Retry::new(chance),
            every: self.every,
            patience: self.every.max(MIN_PATIENCE),
            stop_by: StopBy::default(),
            pusher: self.pusher(rules, layers, backlog, clock.clone()),
            clock,
        })
    }

    fn schedule(&self, clock: &Clock, chance: &mut Chance) -> Schedule {
        let later = chance.up_to(self.start_jitter);
        if self.aligned {
            Schedule::aligned(clock.now(), clock.wall(), self.every, later)
        } else {
            Schedule::new(clock.now(), self.every, later)
        }
    }

    fn pusher(self, rules: Rules, layers: TagLayers, backlog: Box<dyn Backlog>, clock: Clock) -> Pusher<S> {
        let (collisions, ledger) = (Collisions::default(), Ledger::default());
        collisions.note(layers.collisions());
        // What an earlier reporter left is this one's to deliver.
        ledger.accept(backlog.waiting().points);
        ledger.wait(backlog.waiting());
        #[cfg(feature = "spool")]
        ledger.note_spool(backlog.on_disk());
        Pusher {
            delivery: Delivery {
                meta: Meta::new(self.sink.name(), clock.clone()),
                size: BatchSize::new(rules.max_batch),
                sink: self.sink,
                handler: self.handler,
                clock,
                ledger,
            },
            view: self.view,
            prefix: self.prefix,
            cursor: rules.increases.then(Cursor::default),
            own_cursor: rules.increases.then(Cursor::default),
            rules,
            layers,
            collisions,
            merged: Merged::default(),
            backlog,
            push_own_metrics: self.push_own_metrics,
            refused: 0,
            stamped: None,
        }
    }

    fn layers(&mut self, rules: &Rules) -> Result<TagLayers, StartError> {
        let (host, environment) = (self.host()?, self.environment_tags()?);
        Ok(rules.layers().layer(&host)?.layer(&environment)?.layer(&self.tags)?)
    }

    fn host(&self) -> Result<Tags, StartError> {
        let add = match self.host_tag {
            Some(add) => add,
            None => !self.environment.disables_host_tag()?.unwrap_or(false),
        };
        Ok(if add { Tags::from([("host", host_name())]) } else { Tags::new() })
    }

    /// A malformed environment does not stop a reporter that was given tags.
    fn environment_tags(&mut self) -> Result<Tags, StartError> {
        match self.environment.tags() {
            Err(error) if !self.tags.is_empty() => {
                self.handler.tell(&ReportError::general(format!("{}: left out", with_cause(&error))));
                Ok(Tags::new())
            }
            tags => Ok(tags?),
        }
    }
}

fn spawn<S: Sink>(reporting: Reporting<S>, expose: bool) -> Result<Reporter, StartError> {
    let (orders, inbox) = mpsc::channel();
    let Pusher { view, delivery: Delivery { sink, ledger, .. }, .. } = &reporting.pusher;
    let listing = expose.then(|| Listing::new(view.home(), sink.name(), ledger));
    let handle = Handle {
        stop_by: reporting.stop_by.clone(),
        ledger: ledger.clone(),
        drop_patience: reporting.every.min(DROP_PATIENCE),
        sink: sink.name().to_owned(),
        orders: orders.clone(),
        process: std::process::id(),
        listing,
    };
    reporting.clock.watch(move || orders.send(Order::Look).is_ok());
    let thread = Thread { reporting, orders: inbox };
    let spawned = thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(|| thread.run());
    let thread = spawned.map_err(|error| StartError::NoThread { reason: error.to_string() })?;
    Ok(Reporter::started(handle, thread))
}

impl<S> fmt::Debug for ReporterBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReporterBuilder")
            .field("every", &self.every)
            .field("prefix", &self.prefix)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

/// The name of this machine, asked once; empty, and so no tag, if it has none.
fn host_name() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::report::{Outcome, Point, PushError};
    use std::time::Instant;

    struct Hands(mpsc::Sender<Vec<Point>>);

    impl Sink for Hands {
        fn name(&self) -> &str {
            "hands"
        }

        fn rules(&self) -> Rules {
            Rules::default()
        }

        fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
            let _ = self.0.send(batch.to_vec());
            Ok(Outcome::all(batch.len()))
        }
    }

    fn builder(
        variables: &'static [(&'static str, &'static str)],
    ) -> (ReporterBuilder<Hands>, mpsc::Receiver<Vec<Point>>) {
        let lookup =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, text)| text.to_string());
        let registry = Registry::new();
        registry.counter(("orders", [("city", "Oslo")])).inc();
        let (hand, handed) = mpsc::channel();
        (Reporter::new(&registry, Hands(hand)).environment(Environment::new(lookup)), handed)
    }

    fn tags_of_first_push((builder, handed): (ReporterBuilder<Hands>, mpsc::Receiver<Vec<Point>>)) -> Tags {
        drop(builder.start().unwrap());
        handed.recv().unwrap()[0].tags.clone()
    }

    #[test]
    fn without_any_time_between_pushes_there_is_no_reporter() {
        let (builder, _) = builder(&[]);
        assert_eq!(builder.every(Duration::ZERO).start().unwrap_err(), StartError::ZeroInterval);
    }

    #[test]
    fn an_interval_of_an_age_can_be_stopped() {
        let (builder, handed) = builder(&[]);
        drop(builder.every(Duration::MAX).start().unwrap());
        assert_eq!(handed.iter().count(), 1);
    }

    #[test]
    fn a_report_has_the_time_of_an_interval_and_never_less_than_five_seconds() {
        for (every, patience) in [(1, 5), (5, 5), (60, 60)] {
            let builder = builder(&[]).0.every(Duration::from_secs(every));
            let backlog = Box::new(InMemory::new(Bounds::default()));
            let reporting = builder.reporting(backlog, Chance::seeded(1)).unwrap();
            assert_eq!(reporting.patience, Duration::from_secs(patience));
        }
    }

    #[test]
    fn the_host_is_the_lowest_tag_and_can_be_left_out() {
        assert_eq!(tags_of_first_push(builder(&[])).get("host"), Some(host_name()));
        let (with_own, handed) = builder(&[("APPTUIT_TAGS", "host:env, zone:eu, city:env")]);
        let tags = tags_of_first_push((with_own.tags([("zone", "reporter")]), handed));
        assert_eq!(tags, Tags::from([("city", "Oslo"), ("host", "env"), ("zone", "reporter")]));
        assert_eq!(tags_of_first_push(builder(&[("APPTUIT_DISABLE_HOST_TAG", "true")])).get("host"), None);
        let (told_to, handed) = builder(&[("APPTUIT_DISABLE_HOST_TAG", "nonsense")]);
        assert!(tags_of_first_push((told_to.host_tag(true), handed)).get("host").is_some());
    }

    #[test]
    fn pushes_can_be_aligned_and_be_later_by_chance() {
        let due = |change: fn(ReporterBuilder<Hands>) -> ReporterBuilder<Hands>, seed| {
            let clock = crate::clock::ManualClock::new();
            clock.advance(Duration::from_secs(1_000));
            let registry = Registry::builder().clock(clock).build();
            let backlog = Box::new(InMemory::new(Bounds::default()));
            let builder = change(Reporter::new(&registry, Hands(mpsc::channel().0)));
            builder.reporting(backlog, Chance::seeded(seed)).unwrap().schedule.due().as_secs_f64()
        };
        assert_eq!(due(|builder| builder, 1), 1060.0);
        assert_eq!(due(ReporterBuilder::aligned, 1), 1020.0);
        let later: Vec<f64> =
            (0..100).map(|seed| due(|builder| builder.start_jitter(Duration::from_secs(10)), seed)).collect();
        assert!(later.iter().all(|due| (1060.0..1070.0).contains(due)), "{later:?}");
        assert!(later.iter().any(|due| *due < 1062.0) && later.iter().any(|due| *due > 1068.0), "{later:?}");
        let both = due(|builder| builder.aligned().start_jitter(Duration::from_secs(10)), 1);
        assert!((1020.0..1030.0).contains(&both), "{both}");
    }

    #[test]
    fn a_malformed_environment_stops_only_a_reporter_without_tags() {
        let malformed = &[("APPTUIT_TAGS", "bad")];
        assert!(matches!(builder(malformed).0.start(), Err(StartError::Environment(_))));
        let (told, heard) = mpsc::channel();
        let (with_tags, handed) = builder(malformed);
        let with_tags =
            with_tags.tags([("env", "dev")]).on_error(move |error| told.send(error.to_string()).unwrap());
        assert_eq!(tags_of_first_push((with_tags, handed)).get("env"), Some("dev"));
        assert_eq!(heard.iter().filter(|error| error.contains("APPTUIT_TAGS")).count(), 1);
    }

    #[test]
    fn a_reporter_of_percentiles_has_the_registry_record_them() {
        let (builder, _handed) = builder(&[]);
        let sizes = builder.view.home().histogram("sizes");
        let reporter = builder.start().unwrap();
        sizes.record(3.0);
        assert!(sizes.value().window.is_some());
        drop(reporter);
    }
}
