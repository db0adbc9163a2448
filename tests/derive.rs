//! Typed tags: what the derives make of structs and enums, and what families make of that.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;
use tagmeter::registry::{RegisterError, TypedFamily};
use tagmeter::tag::TagSet;
use tagmeter::{Counter, Registry, TagValue, Tags};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, TagValue)]
#[tag(rename_all = "lowercase")]
enum Method {
    Get,
    Post,
    #[tag(rename = "other")]
    Unknown,
}

const METHODS: [Method; 3] = [Method::Get, Method::Post, Method::Unknown];

/// Closed: 3 × 2 × 3 sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Tags)]
struct Call {
    // Not sorted, on purpose.
    method: Method,
    cached: bool,
    #[tag(rename = "again")]
    retried: Option<bool>,
}

/// Open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Tags)]
struct Route<'a> {
    path: Cow<'a, str>,
    method: Method,
    status: u16,
}

/// Keys and values, absent ones left out.
fn tags_of<T: TagSet>(set: &T) -> Tags {
    set.with_values(|values| T::KEYS.iter().zip(values).collect())
}

mod values {
    use super::*;

    #[test]
    fn a_variant_is_known_by_its_name_however_it_is_written() {
        /// What serde makes of the same names is what people expect.
        macro_rules! agrees_with_serde {
            ($($case:literal)*) => {$({
                #[derive(serde::Serialize, TagValue)]
                #[serde(rename_all = $case)]
                #[tag(rename_all = $case)]
                enum Answer { Found, NotFound, HTTPError, V2 }

                #[derive(serde::Serialize, Tags)]
                #[serde(rename_all = $case)]
                #[tag(rename_all = $case)]
                struct Query { table: u8, table_name: u8, a_b2: u8 }

                for answer in [Answer::Found, Answer::NotFound, Answer::HTTPError, Answer::V2] {
                    let expected = serde_json::to_value(&answer).unwrap();
                    assert_eq!(answer.with_text(str::to_owned), expected.as_str().unwrap(), $case);
                }
                let query = serde_json::to_value(Query { table: 0, table_name: 0, a_b2: 0 }).unwrap();
                let expected: Vec<_> = query.as_object().unwrap().keys().collect();
                let mut keys = Query::KEYS.to_vec();
                keys.sort_unstable();
                assert_eq!(keys, expected, $case);
            })*};
        }

        agrees_with_serde! {
            "lowercase" "UPPERCASE" "PascalCase" "camelCase" "snake_case" "SCREAMING_SNAKE_CASE" "kebab-case"
        }
    }

    #[test]
    fn indices_count_variants_not_discriminants() {
        #[derive(TagValue)]
        enum Status {
            Ok = 200,
            NotFound = 404,
        }
        assert_eq!([Status::Ok, Status::NotFound].map(|status| status.index()), [0, 1]);
        assert_eq!(Status::COUNT, Some(2));
    }

    #[test]
    fn raw_identifiers_lose_their_mark() {
        #[allow(non_camel_case_types)]
        #[derive(TagValue)]
        enum Keyword {
            r#move,
        }
        #[derive(Tags)]
        struct Typed {
            r#type: Keyword,
        }
        assert_eq!(tags_of(&Typed { r#type: Keyword::r#move }), Tags::from([("type", "move")]));
    }
}

mod sets {
    use super::*;
    use std::collections::BTreeSet;
    use std::marker::PhantomData;

    fn calls() -> impl Iterator<Item = Call> {
        METHODS.into_iter().flat_map(|method| {
            [false, true].into_iter().flat_map(move |cached| {
                [None, Some(false), Some(true)].map(move |retried| Call { method, cached, retried })
            })
        })
    }

    #[test]
    fn keys_are_in_the_order_of_the_fields() {
        assert_eq!(Call::KEYS, ["method", "cached", "again"]);
        let call = Call { method: Method::Unknown, cached: true, retried: None };
        call.with_values(|values| assert_eq!(values, ["other", "true", ""]));
    }

    #[test]
    fn closed_sets_have_dense_indices_and_different_tags() {
        let indices: Vec<usize> = calls().map(|call| call.index()).collect();
        assert_eq!(indices, (0..18).collect::<Vec<_>>());
        assert_eq!(Call::CARDINALITY, Some(18));
        assert_eq!(calls().map(|call| tags_of(&call)).collect::<BTreeSet<_>>().len(), 18);
    }

    #[test]
    fn one_open_field_opens_the_set() {
        assert_eq!(Route::CARDINALITY, None);
    }

    #[test]
    fn generics_lifetimes_and_skipped_fields_are_allowed() {
        struct NoValue;

        #[derive(Tags)]
        struct Generic<'a, R: ?Sized, const N: usize, U = NoValue>
        where
            U: 'a,
        {
            // Names that the written code has to keep apart from its own.
            read: &'a R,
            index: Option<&'a R>,
            #[tag(skip)]
            _other: PhantomData<(U, [u8; N])>,
        }
        let set: Generic<'_, str, 3> = Generic { read: "a", index: Some("b"), _other: PhantomData };
        assert_eq!(tags_of(&set), Tags::from([("read", "a"), ("index", "b")]));
        assert_eq!(Generic::<bool, 3>::CARDINALITY, Some(6));
    }

    #[test]
    fn parts_of_a_struct_may_come_from_different_macros() {
        macro_rules! declare {
            ($name:ident, $field:ident: $type:ty) => {
                #[derive(Tags)]
                struct $name {
                    $field: $type,
                    own: u8,
                }
            };
        }
        declare!(Mixed, given: Option<u8>);
        assert_eq!(tags_of(&Mixed { given: Some(1), own: 2 }), Tags::from([("given", "1"), ("own", "2")]));
    }

    #[test]
    fn a_struct_without_fields_is_the_family_itself() {
        #[derive(Tags)]
        struct Nothing;
        let registry = Registry::new();
        registry.define("jobs").typed::<Nothing>().counters().unwrap().with(&Nothing).inc();
        registry.define("jobs").counter().unwrap().inc();
        assert_eq!(registry.value("jobs"), Some(2.0));
    }

    #[test]
    fn names_of_the_prelude_may_mean_something_else() {
        #![allow(dead_code, non_camel_case_types, reason = "they stand in the way")]
        struct Option;
        struct Some;
        trait FnOnce {}
        struct str;
        struct usize;
        struct core;

        #[derive(TagValue)]
        enum Side {
            Left,
        }
        #[derive(Tags)]
        struct Door {
            side: Side,
        }
        assert_eq!(tags_of(&Door { side: Side::Left }), Tags::from([("side", "Left")]));
    }
}

/// Written code draws no lints where its program allows none.
#[deny(warnings, clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
pub mod strict {
    use tagmeter::{TagValue, Tags};

    /// An enum of which a part is on its way out.
    #[derive(Debug, Clone, Copy, TagValue)]
    #[non_exhaustive]
    pub enum Part {
        /// In use.
        Kept,
        /// Not in use.
        #[deprecated]
        Leaving,
    }

    /// A struct of which a part is on its way out.
    #[derive(Debug, Clone, Tags)]
    pub struct Parts<T> {
        /// In use.
        pub kept: Part,
        /// Not in use.
        #[deprecated]
        pub leaving: T,
    }
}

mod families {
    use super::*;

    #[test]
    fn the_same_series_are_reached_by_type_by_values_and_by_name() {
        let registry = Registry::new();
        let by_type = registry.define("calls").help("Calls.").typed::<Call>().counters().unwrap();
        let keys = ["again", "cached", "method"];
        let by_values = registry.define("calls").help("Calls.").tags(keys).counters().unwrap();
        by_type.with(&Call { method: Method::Get, cached: true, retried: None }).inc();
        by_values.with(["", "true", "get"]).inc();
        registry.counter(("calls", [("method", "get"), ("cached", "true")])).inc();
        assert_eq!(registry.value(("calls", [("method", "get"), ("cached", "true")])), Some(3.0));
        assert_eq!(by_type.iter().count(), 1);
    }

    #[test]
    fn a_family_kept_for_long_takes_tags_that_borrow_for_short() {
        struct Kept {
            requests: TypedFamily<Counter, Route<'static>>,
        }
        let registry = Registry::new();
        let kept = Kept { requests: registry.define("requests").typed().counters().unwrap() };
        for n in 0..2 {
            let path = format!("/{n}");
            kept.requests.with(&Route { path: Cow::Borrowed(&path), method: Method::Get, status: 200 }).inc();
        }
        let tags = [("path", "/1"), ("method", "get"), ("status", "200")];
        assert_eq!(registry.value(("requests", tags)), Some(1.0));
    }

    #[test]
    fn a_removed_series_is_not_remembered() {
        let registry = Registry::new();
        let calls = registry.define("calls").typed::<Call>().counters().unwrap();
        let call = Call { method: Method::Post, cached: false, retried: Some(true) };
        calls.with(&call).add(5);
        calls.with(&call).add(5);
        assert!(registry.remove(("calls", tags_of(&call))));
        assert!(!calls.remove(&call), "gone already");
        assert_eq!(registry.value(("calls", tags_of(&call))), None);
        calls.with(&call).inc();
        assert_eq!(registry.value(("calls", tags_of(&call))), Some(1.0));
    }

    #[test]
    fn a_full_family_answers_with_its_overflow_series() {
        let registry = Registry::new();
        let calls = registry.define("calls").typed::<Call>().max_series(1).counters().unwrap();
        let first = Call { method: Method::Get, cached: false, retried: Some(true) };
        let second = Call { cached: true, ..first };
        for _ in 0..3 {
            calls.with(&first).inc();
            calls.with(&second).inc();
        }
        let overflow = [("method", "__overflow__"), ("cached", "__overflow__"), ("again", "__overflow__")];
        assert_eq!(registry.value(("calls", overflow)), Some(3.0));
        assert_eq!(registry.value(("calls", tags_of(&first))), Some(3.0));
        let problems = ("tagmeter_problems", [("reason", "too_many_series")]);
        assert_eq!(registry.snapshot().value(problems), Some(3.0));
    }

    #[test]
    fn every_kind_of_instrument_takes_typed_tags() {
        let registry = Registry::new();
        let define = |name: &str| registry.define(name).typed::<Call>();
        let call = Call { method: Method::Get, cached: false, retried: None };
        define("a").counters().unwrap().with(&call).inc();
        define("b").float_counters().unwrap().with(&call).add(1.0);
        define("c").up_downs().unwrap().with(&call).inc();
        define("d").gauges().unwrap().with(&call).set(1.0);
        define("e").meters().unwrap().with(&call).mark();
        define("f").timers().unwrap().with(&call).time(|| ());
        define("g").histograms().unwrap().with(&call).record(1.0);
        define("h").infos().unwrap().with(&call).set([("role", "leader")]);
        define("i").state_sets(["on", "off"]).unwrap().with(&call).switch_to("on");
        assert_eq!(registry.snapshot().families().len(), 9);
    }

    #[test]
    fn keys_of_a_hand_written_set_are_checked_at_the_door() {
        struct Twice;
        impl TagSet for Twice {
            const KEYS: &'static [&'static str] = &["a", "b", "a"];
            fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
                read(&[])
            }
        }
        let refused = Registry::new().define("x").typed::<Twice>().counters().unwrap_err();
        assert_eq!(refused, RegisterError::TagKeyTwice { name: "x".into(), key: "a".into() });
    }

    #[test]
    fn a_hand_written_set_that_breaks_its_promises_harms_nobody() {
        struct Wild;
        impl TagSet for Wild {
            const KEYS: &'static [&'static str] = &["a", "b"];
            const CARDINALITY: Option<usize> = Some(1);
            fn index(&self) -> usize {
                usize::MAX
            }
            fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
                read(&["only"])
            }
        }
        let registry = Registry::new();
        let wild = registry.define("x").typed::<Wild>().counters().unwrap();
        wild.with(&Wild).inc();
        wild.with(&Wild).inc();
        assert_eq!(registry.value(("x", [("a", "only")])), Some(2.0));
    }

    #[test]
    fn sets_too_large_to_index_are_looked_up() {
        /// Closed, with more values than anybody wants slots for.
        struct Place(usize);
        impl TagValue for Place {
            const COUNT: Option<usize> = Some(usize::MAX);
            fn index(&self) -> usize {
                self.0
            }
            fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
                self.0.with_text(read)
            }
        }
        #[derive(Tags)]
        struct At {
            place: Place,
        }
        let registry = Registry::new();
        let visits = registry.define("visits").typed::<At>().counters().unwrap();
        visits.with(&At { place: Place(7) }).inc();
        assert_eq!(registry.value(("visits", [("place", "7")])), Some(1.0));
    }

    #[test]
    fn threads_that_meet_at_a_new_series_count_on_the_same() {
        let registry = Registry::new();
        let calls = registry.define("calls").typed::<Call>().counters().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        for method in METHODS {
                            calls.with(&Call { method, cached: true, retried: None }).inc();
                        }
                    }
                });
            }
        });
        assert!(calls.iter().all(|(_, counter)| counter.get() == 4000));
        assert_eq!(calls.iter().count(), 3);
    }
}

mod agreement {
    use super::*;

    /// What a program does with a family.
    #[derive(Debug, Clone)]
    enum Action<T> {
        ByType(T),
        ByName(T),
        Remove(T),
        Clear,
    }

    fn actions<T: std::fmt::Debug + Clone + 'static>(
        set: impl Strategy<Value = T> + Clone + 'static,
    ) -> impl Strategy<Value = Vec<Action<T>>> {
        let action = prop_oneof![
            6 => set.clone().prop_map(Action::ByType),
            4 => set.clone().prop_map(Action::ByName),
            2 => set.prop_map(Action::Remove),
            1 => Just(Action::Clear),
        ];
        prop::collection::vec(action, 0..80)
    }

    fn method() -> impl Strategy<Value = Method> + Clone {
        prop::sample::select(&METHODS[..])
    }

    fn call() -> impl Strategy<Value = Call> + Clone {
        (method(), any::<bool>(), any::<Option<bool>>()).prop_map(|(method, cached, retried)| Call {
            method,
            cached,
            retried,
        })
    }

    fn route() -> impl Strategy<Value = Route<'static>> + Clone {
        let path = prop::sample::select(&["", "/", "/orders"][..]);
        (path, method(), 200..203_u16).prop_map(|(path, method, status)| Route {
            path: path.into(),
            method,
            status,
        })
    }

    /// Counts with a family and with a map by the text of the tags; both must tell the same.
    fn check<T: TagSet>(actions: Vec<Action<T>>) -> Result<(), TestCaseError> {
        let registry = Registry::new();
        let family = registry.define("hits").typed::<T>().counters().unwrap();
        let mut counts = BTreeMap::<Tags, u64>::new();
        for action in actions {
            match action {
                Action::ByType(set) => {
                    family.with(&set).inc();
                    *counts.entry(tags_of(&set)).or_default() += 1;
                }
                Action::ByName(set) => {
                    registry.counter(("hits", tags_of(&set))).inc();
                    *counts.entry(tags_of(&set)).or_default() += 1;
                }
                Action::Remove(set) => {
                    let was_there = counts.remove(&tags_of(&set)).is_some();
                    prop_assert_eq!(family.remove(&set), was_there);
                }
                Action::Clear => {
                    family.clear();
                    counts.clear();
                }
            }
        }
        let found = family.iter().map(|(tags, counter)| (tags.clone(), counter.get()));
        prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), counts);
        Ok(())
    }

    proptest! {
        #[test]
        fn closed_sets_find_what_names_find(actions in actions(call())) {
            check(actions)?;
        }

        #[test]
        fn open_sets_find_what_names_find(actions in actions(route())) {
            check(actions)?;
        }
    }
}
