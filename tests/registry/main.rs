//! What a registry promises to programs that use it.

mod aliases;
mod definitions;
mod functions;
mod global_registry;
mod limits;
mod lints;
mod names;
mod noop;
mod recording;
mod removal;
mod scopes;
mod unregistering;
mod views;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use proptest::prelude::*;
use tagmeter::clock::ManualClock;
use tagmeter::metric::CounterFn;
use tagmeter::model::{Quantile, Value};
use tagmeter::registry::{RegisterError, SerdeFamily};
use tagmeter::stat::Buckets;
use tagmeter::{Counter, Gauge, Registry, Tags, Unit};

/// How often the registry met a problem of that kind.
fn problems(registry: &Registry, reason: &str) -> f64 {
    registry.snapshot().value(("tagmeter_problems", [("reason", reason)])).unwrap_or(0.0)
}

/// Families, without the one that tells what other tests of this process did wrong.
fn families(registry: &Registry) -> usize {
    registry.snapshot().families().iter().filter(|family| family.name != "tagmeter_problems").count()
}

/// What a random program does.
#[derive(Debug, Clone)]
enum Action {
    Count { name: u8, tag: u8, n: u64 },
    Remove { name: u8, tag: u8 },
    Clear,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        8 => (0..4_u8, 0..6_u8, 0..100_u64).prop_map(|(name, tag, n)| Action::Count { name, tag, n }),
        2 => (0..4_u8, 0..6_u8).prop_map(|(name, tag)| Action::Remove { name, tag }),
        1 => Just(Action::Clear),
    ];
    prop::collection::vec(action, 0..120)
}

proptest! {
    #[test]
    fn a_registry_holds_what_a_map_holds(actions in actions()) {
        let registry = Registry::new();
        let mut map: BTreeMap<(String, Tags), u64> = BTreeMap::new();
        let id = |name: u8, tag: u8| (format!("c{name}"), Tags::from([("t", tag.to_string())]));
        for action in actions {
            match action {
                Action::Count { name, tag, n } => {
                    registry.counter(id(name, tag)).add(n);
                    *map.entry(id(name, tag)).or_default() += n;
                }
                Action::Remove { name, tag } => {
                    prop_assert_eq!(registry.remove(id(name, tag)), map.remove(&id(name, tag)).is_some());
                }
                Action::Clear => {
                    registry.clear();
                    map.clear();
                }
            }
        }
        let held: BTreeMap<(String, Tags), u64> = registry
            .iter()
            .map(|id| {
                let total = registry.value(&id).unwrap() as u64;
                ((id.name.to_string(), id.tags), total)
            })
            .collect();
        prop_assert_eq!(held, map);
    }
}
