//! Exemplars beside the numbers.

use crate::*;

/// A count and its exemplars.
struct Exemplified {
    count: WholeWord,
    exemplars: Exemplars<()>,
}

impl Exemplified {
    fn new(buckets: usize) -> Arc<Self> {
        Arc::new(Exemplified { count: WholeWord::default(), exemplars: Exemplars::new(buckets) })
    }

    fn record(&self, bucket: i32, now: u64) {
        self.count.add(1);
        if self.exemplars.take_turn(bucket, now) {
            self.exemplars.keep(bucket, ());
        }
    }

    fn read(&self) -> (usize, u64) {
        let exemplars = self.exemplars.read();
        (exemplars.len(), self.count.get())
    }
}

#[test]
fn who_sees_an_exemplar_sees_it_counted() {
    model(3, || {
        let both = Exemplified::new(2);
        let writers = [0, 1].map(|bucket| {
            let both = both.clone();
            thread::spawn(move || both.record(bucket, 0))
        });
        let (exemplars, count) = both.read();
        assert!(exemplars as u64 <= count, "{exemplars} of {count}");
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        // Whoever found the list held went without; the next does not.
        both.record(0, exemplars::TICK_NANOS);
        let (exemplars, count) = both.read();
        assert!(exemplars >= 1 && count == 3, "{exemplars} of {count}");
    });
}

#[test]
fn of_two_with_one_bucket_one_has_the_turn() {
    model(3, || {
        let both = Exemplified::new(1);
        let other = both.clone();
        let writer = thread::spawn(move || u32::from(other.exemplars.take_turn(0, 0)));
        let own = u32::from(both.exemplars.take_turn(0, 0));
        assert_eq!(own + writer.join().unwrap(), 1);
    });
}
