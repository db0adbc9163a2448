//! Text that is shared by count, behind one pointer.
//!
//! As an `Arc<str>`, with the length beside the text and not beside each pointer, and written where it stays: 8 bytes a
//! pointer where that has 16, 8 before the text where that has 16, and one allocation where that needs a `String` first.
//! Every series has such a text, and every snapshot such a pointer for each.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::hash::{Hash, Hasher};
use std::mem;
use std::ops::Deref;
use std::process;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

/// See the module's page. The bytes of the text follow the header.
pub(crate) struct SharedText(NonNull<Header>);

#[repr(C)]
struct Header {
    /// How many point here.
    count: AtomicU32,
    length: u32,
}

/// As many may share a text. Between this and an overflow there is room for more threads than a process can have.
const MOST_SHARING: u32 = u32::MAX / 2;

/// Longer texts lose their end, which the writer finds no room for: with the header it is less than any address space.
const MOST_BYTES: usize = 1 << 30;

/// Fills a text that is being made. What finds no room is left out, and all that follows.
pub(crate) struct TextWriter<'a> {
    room: &'a mut [u8],
}

impl TextWriter<'_> {
    pub(crate) fn push_str(&mut self, text: &str) {
        if let Some((here, rest)) = mem::take(&mut self.room).split_at_mut_checked(text.len()) {
            here.copy_from_slice(text.as_bytes());
            self.room = rest;
        }
    }

    /// Appends an ASCII character; of other bytes the lower seven bits.
    pub(crate) fn push_ascii(&mut self, byte: u8) {
        if let Some((here, rest)) = mem::take(&mut self.room).split_first_mut() {
            *here = byte & 0x7f;
            self.room = rest;
        }
    }
}

impl SharedText {
    /// A text of `length` bytes that `write` writes; what it does not write is `\0`.
    pub(crate) fn new(length: usize, write: impl FnOnce(&mut TextWriter<'_>)) -> Self {
        let length = length.min(MOST_BYTES) as u32;
        let layout = layout(length);
        // SAFETY: the layout has the header's size at least.
        let Some(at) = NonNull::new(unsafe { alloc_zeroed(layout) }) else { handle_alloc_error(layout) };
        let at = at.cast::<Header>();
        // SAFETY: the allocation begins with room for a header, aligned for one, and is nobody else's yet.
        unsafe { at.write(Header { count: AtomicU32::new(1), length }) };
        let text = SharedText(at);
        // SAFETY: `length` bytes follow the header, zeroed, and no other pointer to them is about.
        let room = unsafe { slice::from_raw_parts_mut(text.bytes(), length as usize) };
        write(&mut TextWriter { room });
        text
    }

    fn header(&self) -> &Header {
        // SAFETY: `new` has written the header, and this pointer is counted, so that the allocation is still there. Only
        // `count` changes, and it is atomic.
        unsafe { self.0.as_ref() }
    }

    fn bytes(&self) -> *mut u8 {
        // SAFETY: the text, which may be empty, begins behind the header, in the same allocation.
        unsafe { self.0.add(1).cast::<u8>().as_ptr() }
    }
}

/// Of a header and a text behind it.
fn layout(length: u32) -> Layout {
    let text = Layout::array::<u8>(length as usize);
    let whole = text.and_then(|text| Layout::new::<Header>().extend(text));
    whole.map_or_else(|_| unreachable!("no text is longer than `MOST_BYTES`"), |(layout, _)| layout)
}

impl Deref for SharedText {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        // SAFETY: `length` bytes follow the header, and nobody writes them once `new` has returned. They are a sequence of
        // whole texts and ASCII characters, by the writer, and zeros.
        unsafe {
            std::str::from_utf8_unchecked(slice::from_raw_parts(self.bytes(), self.header().length as usize))
        }
    }
}

impl Clone for SharedText {
    fn clone(&self) -> Self {
        // Relaxed: whoever clones has one already, which keeps it.
        if self.header().count.fetch_add(1, Ordering::Relaxed) > MOST_SHARING {
            // As `Arc` does: only clones that are forgotten come so far, and going on would free what is in use.
            process::abort();
        }
        SharedText(self.0)
    }
}

impl Drop for SharedText {
    fn drop(&mut self) {
        let length = self.header().length;
        // Release: all use of this pointer comes before the end. Acquire, below: before the end that is here.
        if self.header().count.fetch_sub(1, Ordering::Release) == 1 {
            // A load and not a fence, which ThreadSanitizer does not see.
            self.header().count.load(Ordering::Acquire);
            // SAFETY: it was allocated in `new` with this layout, and this was the last pointer.
            unsafe { dealloc(self.0.as_ptr().cast(), layout(length)) };
        }
    }
}

// SAFETY: as an `Arc<str>`: all that is shared is a text that nobody writes, and a count that is atomic.
unsafe impl Send for SharedText {}
// SAFETY: as above.
unsafe impl Sync for SharedText {}

impl PartialEq for SharedText {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || **self == **other
    }
}

impl Eq for SharedText {}

impl Hash for SharedText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(parts in prop::collection::vec(any::<String>(), 0..6)) {
            let length = parts.iter().map(String::len).sum();
            let text = SharedText::new(length, |out| parts.iter().for_each(|part| out.push_str(part)));
            prop_assert_eq!(&*text, parts.concat());
            prop_assert!(text == text.clone());
        }
    }

    #[test]
    fn a_pointer_is_a_word_and_nothing_has_the_same_size() {
        assert_eq!(size_of::<Option<SharedText>>(), 8);
    }

    #[test]
    fn what_finds_no_room_is_left_out_whole() {
        let text = SharedText::new(4, |out| {
            out.push_ascii(b'a');
            out.push_str("üü");
            out.push_str("b");
            out.push_ascii(0xff);
        });
        assert_eq!(&*text, "a\0\0\0");
        assert_eq!(&*SharedText::new(1, |out| out.push_ascii(0xe1)), "a");
        assert_eq!(&*SharedText::new(0, |out| out.push_ascii(b'a')), "");
    }

    #[test]
    fn clones_end_in_any_order_and_thread() {
        let text = SharedText::new(3, |out| out.push_str("tag"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let text = text.clone();
                scope.spawn(move || (0..1000).for_each(|_| assert_eq!(&*text.clone(), "tag")));
            }
        });
        assert_eq!(text.header().count.load(Ordering::Relaxed), 1);
        let last = text.clone();
        drop(text);
        assert_eq!(&*last, "tag");
    }
}
