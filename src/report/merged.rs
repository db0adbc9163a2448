//! Tags as they are sent, remembered from one report to the next.

use std::vec::IntoIter;

use crate::tag::Tags;

/// What series' tags became in the last report, to be taken again in this one. Merging costs more than all else that is
/// done for a point.
///
/// Series come in the same order each time, but for those that are new and those that are gone, so there is nothing to
/// look up: the next one is the next. What is not asked for in a report is forgotten with it.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// A series' tags and what is sent, of the last report; those that were passed are gone.
    before: IntoIter<(Tags, Tags)>,
    now: Vec<(Tags, Tags)>,
}

/// How many series that are gone are looked past.
const GONE: usize = 16;

impl Merged {
    /// A report begins.
    pub(super) fn begin(&mut self) {
        let last = std::mem::take(&mut self.now);
        self.now.reserve(last.len());
        self.before = last.into_iter();
    }

    /// What these tags became: the same as just now, as in the last report, or what `merge` says.
    pub(super) fn of<E>(&mut self, own: &Tags, merge: impl FnOnce() -> Result<Tags, E>) -> Result<Tags, E> {
        if let Some((last, sent)) = self.now.last()
            && last == own
        {
            return Ok(sent.clone());
        }
        let entry = match self.known(own) {
            Some(known) => known,
            None => (own.clone(), merge()?),
        };
        let sent = entry.1.clone();
        self.now.push(entry);
        Ok(sent)
    }

    fn known(&mut self, own: &Tags) -> Option<(Tags, Tags)> {
        let ahead = self.before.as_slice().iter().take(GONE);
        let gone = ahead.map(|(tags, _)| tags).position(|tags| tags == own)?;
        self.before.nth(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// Asks for the tags of these series; says for which of them there had to be merged.
    fn merged(merged: &mut Merged, series: &[usize]) -> Vec<usize> {
        merged.begin();
        let mut anew = Vec::new();
        for n in series {
            let tags = |key: &str| Tags::from([(key, n.to_string())]);
            let sent = merged.of(&tags("own"), || {
                anew.push(*n);
                Ok::<_, Infallible>(tags("sent"))
            });
            assert_eq!(sent, Ok(tags("sent")));
        }
        anew
    }

    #[test]
    fn each_series_is_merged_once_whoever_comes_and_goes() {
        let mut memory = Merged::default();
        assert_eq!(merged(&mut memory, &[1, 1, 2, 3, 4]), [1, 2, 3, 4]);
        assert_eq!(merged(&mut memory, &[1, 2, 9, 3, 4, 5]), [9, 5]);
        assert_eq!(merged(&mut memory, &[2, 3, 4, 5]), [0; 0]);
        assert_eq!((memory.now.len(), memory.before.len()), (4, 0));
    }

    #[test]
    fn where_many_are_gone_the_others_are_merged_again() {
        let mut memory = Merged::default();
        let all: Vec<usize> = (0..GONE + 3).collect();
        merged(&mut memory, &all);
        assert_eq!(merged(&mut memory, &all[GONE + 1..]), all[GONE + 1..]);
        assert_eq!(merged(&mut memory, &all[GONE + 1..]), [0; 0]);
    }

    #[test]
    fn what_could_not_be_merged_is_tried_again() {
        let mut memory = Merged::default();
        assert_eq!(memory.of(&Tags::new(), || Err("no")), Err("no"));
        assert_eq!(memory.of(&Tags::new(), || Ok::<_, ()>(Tags::new())), Ok(Tags::new()));
    }
}
