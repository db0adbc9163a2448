//! What is kept by number.

use std::collections::BTreeMap;
use std::ops::Range;

/// Values by number, in their order.
///
/// The tree knows their places only: it is compiled once, not for every type of values.
#[derive(Debug)]
pub(super) struct Linked<T> {
    places: BTreeMap<u64, usize>,
    values: Vec<Option<T>>,
    /// The places that have none.
    free: Vec<usize>,
}

impl<T> Linked<T> {
    pub(super) fn new() -> Self {
        Linked { places: BTreeMap::new(), values: Vec::new(), free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.at(*self.places.get(&number)?)
    }

    /// Those with these numbers, in their order.
    pub(super) fn range(&self, numbers: Range<u64>) -> impl Iterator<Item = &T> {
        self.places.range(numbers).filter_map(|(_, place)| self.at(*place))
    }

    /// Keeps a value by a number that no other has.
    pub(super) fn insert(&mut self, number: u64, value: T) {
        let place = self.free.pop().unwrap_or(self.values.len());
        match self.values.get_mut(place) {
            Some(free) => *free = Some(value),
            None => self.values.push(Some(value)),
        }
        self.places.insert(number, place);
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let place = self.places.remove(&number)?;
        self.free.push(place);
        self.values.get_mut(place)?.take()
    }

    fn at(&self, place: usize) -> Option<&T> {
        self.values.get(place)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_what_a_map_keeps(steps in prop::collection::vec((any::<bool>(), 0u64..20), 0..80)) {
            let (mut linked, mut map) = (Linked::new(), BTreeMap::new());
            for (at, (is_new, number)) in steps.into_iter().enumerate() {
                if is_new && !map.contains_key(&number) {
                    linked.insert(number, at);
                    map.insert(number, at);
                } else {
                    prop_assert_eq!(linked.remove(number), map.remove(&number));
                }
                prop_assert_eq!(linked.get(number), map.get(&number));
                prop_assert_eq!(linked.len(), map.len());
                prop_assert!(linked.range(3..17).eq(map.range(3..17).map(|(_, value)| value)));
            }
            prop_assert!(linked.values.len() <= 20, "places are used again");
        }
    }
}
