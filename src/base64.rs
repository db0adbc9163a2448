//! Bytes as text, for passwords in headers. Source: RFC 4648, section 4.

/// The text of some bytes, with padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |n: usize| u32::from(three.get(n).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let digit = |n: usize| char::from(ALPHABET[(bits >> (18 - 6 * n)) as usize & 63]);
        text.extend((0..=three.len()).map(digit));
        text.extend((three.len()..3).map(|_| '='));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_standard() {
        // Source: RFC 4648, section 10; the last from RFC 7617, section 2.
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ];
        cases.iter().for_each(|(bytes, text)| assert_eq!(encode(bytes.as_bytes()), *text));
        assert_eq!(encode(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}
