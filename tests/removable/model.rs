//! The family against a plain map.

use proptest::prelude::*;

use crate::*;

/// What is done to a family in the comparison with a map.
#[derive(Debug, Clone)]
enum Action {
    Use(u8),
    Hold(u8),
    /// A handle, by its place among those there are.
    Clone(usize),
    Drop(usize),
    Inc(usize),
    Remove(u8),
    RemoveFrom(u8),
    Advance(u64),
    Read,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        4 => (0u8..5).prop_map(Action::Use),
        1 => (0u8..5).prop_map(Action::Hold),
        1 => (0usize..5).prop_map(Action::Clone),
        3 => (0usize..5).prop_map(Action::Drop),
        2 => (0usize..5).prop_map(Action::Inc),
        1 => (0u8..5).prop_map(Action::Remove),
        1 => (0u8..5).prop_map(Action::RemoveFrom),
        5 => prop::sample::select(vec![0u64, 1, 1, 29, 30, 60, 200]).prop_map(Action::Advance),
        4 => Just(Action::Read),
    ];
    prop::collection::vec(action, 0..60)
}

/// The family as a plain map: the oracle.
#[derive(Default)]
struct Model {
    series: BTreeMap<u8, Entry>,
    now: u64,
    next_sweep: u64,
    made: u64,
}

#[derive(Debug)]
struct Entry {
    count: u64,
    start: u64,
    /// Its place in the order of creation.
    made: u64,
    handles: usize,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Touched,
    Idle(Option<u64>),
    Hidden(u64),
    Removed,
}

impl Model {
    fn sweep(&mut self) {
        let (now, timeout) = (self.now, TIMEOUT.as_secs());
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + 1;
        for entry in self.series.values_mut() {
            entry.stage = match entry.stage {
                Stage::Touched if entry.handles == 0 => Stage::Idle(Some(now)),
                Stage::Touched | Stage::Idle(_) if entry.handles > 0 => Stage::Idle(None),
                Stage::Idle(None) => Stage::Idle(Some(now)),
                Stage::Idle(Some(since)) if now - since >= timeout => Stage::Hidden(now),
                other => other,
            };
        }
        self.series.retain(|_, entry| match entry.stage {
            Stage::Hidden(since) => now - since < timeout,
            Stage::Removed => entry.handles > 0,
            _ => true,
        });
    }

    fn use_it(&mut self, peer: u8) -> &mut Entry {
        if self.series.get(&peer).is_none_or(|entry| entry.stage == Stage::Removed) {
            self.sweep();
        }
        let (start, made) = (self.now, self.made);
        let entry = self.series.entry(peer).or_insert_with(|| {
            self.made += 1;
            Entry { count: 0, start, made, handles: 0, stage: Stage::Touched }
        });
        if entry.stage == Stage::Removed {
            (entry.count, entry.start) = (0, start);
        }
        entry.stage = Stage::Touched;
        entry
    }

    fn remove(&mut self, peer: u8) -> bool {
        let Some(entry) = self.series.get_mut(&peer) else { return false };
        let stage = std::mem::replace(&mut entry.stage, Stage::Removed);
        matches!(stage, Stage::Touched | Stage::Idle(_))
    }

    fn read(&mut self) -> Vec<(String, f64, u64)> {
        self.sweep();
        let shown = |entry: &Entry| matches!(entry.stage, Stage::Touched | Stage::Idle(_));
        let mut all: Vec<_> = self.series.iter().filter(|(_, entry)| shown(entry)).collect();
        all.sort_by_key(|(_, entry)| entry.made);
        all.into_iter().map(|(peer, entry)| (peer.to_string(), entry.count as f64, entry.start)).collect()
    }
}

proptest! {
    #[test]
    fn a_removable_family_holds_what_a_map_holds(actions in actions()) {
        let world = world(100);
        let (mut model, mut handles) = (Model::default(), Vec::<(u8, Counter)>::new());
        for action in actions {
            match action {
                Action::Use(peer) => {
                    let entry = model.use_it(peer);
                    entry.count += 1;
                    prop_assert_eq!(world.inc(&peer.to_string()), entry.count);
                }
                Action::Hold(peer) => {
                    model.use_it(peer).handles += 1;
                    handles.push((peer, world.sessions.handle([peer.to_string()])));
                }
                Action::Clone(at) => if let Some((peer, handle)) = handles.get(at).cloned() {
                    model.series.get_mut(&peer).unwrap().handles += 1;
                    handles.push((peer, handle));
                },
                Action::Drop(at) => if at < handles.len() {
                    let (peer, _handle) = handles.remove(at);
                    model.series.get_mut(&peer).unwrap().handles -= 1;
                },
                Action::Inc(at) => if let Some((peer, handle)) = handles.get(at) {
                    let entry = model.series.get_mut(peer).unwrap();
                    handle.inc();
                    entry.count += 1;
                    prop_assert_eq!(handle.get(), entry.count);
                },
                Action::Remove(peer) => {
                    prop_assert_eq!(world.sessions.remove([peer.to_string()]), model.remove(peer));
                }
                Action::RemoveFrom(first) => {
                    world.sessions.retain(|tags, _| tags.get("peer").unwrap() < first.to_string().as_str());
                    let shown = |entry: &Entry| matches!(entry.stage, Stage::Touched | Stage::Idle(_));
                    let all = model.series.iter_mut();
                    all.filter(|(peer, entry)| **peer >= first && shown(entry))
                        .for_each(|(_, entry)| entry.stage = Stage::Removed);
                }
                Action::Advance(seconds) => {
                    model.now += seconds;
                    world.clock.advance(Duration::from_secs(seconds));
                }
                Action::Read => prop_assert_eq!(read(&world), model.read()),
            }
        }
        prop_assert_eq!(read(&world), model.read());
    }
}
