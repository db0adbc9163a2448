//! Values that wait in a thread's buffer, and the window they go to.

use crate::*;

/// A window that just lists slots and their values, one thread's buffer, and what is done with them as
/// `src/cell/recent.rs` does it. Every value is the number of its slot.
struct Recent {
    buffer: Vec<AtomicU64>,
    stripes: Stripes<Vec<(u64, f64)>>,
}

impl Recent {
    /// With the value of slot 1 in its buffer.
    fn new() -> Arc<Self> {
        let buffer = (0..buffer::BUFFER).map(|_| AtomicU64::new(0)).collect();
        let recent = Recent { buffer, stripes: Stripes::default() };
        recent.hand_over(1);
        Arc::new(recent)
    }

    fn cell<'a>(&'a self) -> impl Fn(usize) -> &'a AtomicU64 {
        |place| &self.buffer[place]
    }

    fn hand_over(&self, slot: u64) {
        let filling = buffer::take(self.cell(), slot);
        buffer::push(self.cell(), slot, slot as f64);
        self.stripes.change(|window| window.extend(self.listed(&filling)));
    }

    fn listed(&self, filling: &buffer::Filling) -> Vec<(u64, f64)> {
        let values = filling.values(buffer::forgotten(self.cell()));
        values.iter().map(|value| (filling.slot, *value)).collect()
    }

    fn read(&self) -> Vec<(u64, f64)> {
        let filling = buffer::read(&self.buffer);
        let window = self.stripes.gather(|all, part| all.extend(part)).expect("nobody goes away");
        let mut values = window.clone();
        if buffer::is_current(&self.buffer, &filling) {
            values.extend(self.listed(&filling));
        }
        values
    }

    fn reset(&self) {
        buffer::forget(&self.buffer);
        self.stripes.gather(|_, _| ()).expect("nobody goes away").clear();
    }
}

#[test]
fn a_filling_that_is_still_current_was_read_as_a_whole() {
    /// The position at which the first filling with a value ends.
    const FIRST_ENDS: u64 = 128;
    model(3, || {
        let begin_anew = |recent: &Recent| {
            buffer::take(recent.cell(), 2);
            buffer::push(recent.cell(), 2, 2.0);
        };
        side_by_side(&Recent::new(), begin_anew, |recent| {
            let filling = buffer::read(&recent.buffer);
            if buffer::is_current(&recent.buffer, &filling) {
                let expected = if filling.values(FIRST_ENDS).is_empty() { 1.0 } else { 2.0 };
                for value in filling.values(0) {
                    assert_eq!((filling.slot as f64, *value), (expected, expected), "torn");
                }
            }
        });
    });
}

#[test]
fn a_reader_of_a_buffer_and_its_window_sees_no_value_twice_and_none_in_another_slot() {
    // Two: a third takes a minute, and finds nothing more.
    model(2, || {
        let recent = Recent::new();
        side_by_side(
            &recent,
            |recent| recent.hand_over(2),
            |recent| {
                let values = recent.read();
                for (slot, value) in &values {
                    assert_eq!(*slot as f64, *value, "torn: {values:?}");
                    assert_eq!(
                        values.iter().filter(|(other, _)| other == slot).count(),
                        1,
                        "twice: {values:?}"
                    );
                }
            },
        );
        assert_eq!(recent.read(), [(1, 1.0), (2, 2.0)]);
    });
}

#[test]
fn two_writers_of_stripes_lose_nothing_to_a_reader() {
    model(3, || {
        let stripes = Arc::new(Stripes::<Vec<f64>>::default());
        let writers: Vec<_> = [1.0, 2.0]
            .into_iter()
            .map(|value| {
                let stripes = stripes.clone();
                thread::spawn(move || {
                    stripes.change(|window| window.push(value));
                })
            })
            .collect();
        let gather = || stripes.gather(|all, part| all.extend(part)).map(|all| all.len());
        assert!(gather() <= Some(2));
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(gather(), Some(2));
    });
}

#[test]
fn what_was_recorded_before_a_reset_does_not_come_back_by_a_late_hand_over() {
    model(2, || {
        let recent = Recent::new();
        let forgets = |recent: &Recent| {
            recent.reset();
            let values = recent.read();
            assert!(!values.contains(&(1, 1.0)), "{values:?}");
        };
        side_by_side(&recent, |recent| recent.hand_over(2), forgets);
        let values = recent.read();
        assert!(!values.contains(&(1, 1.0)), "{values:?} in the end");
    });
}
