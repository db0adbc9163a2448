//! Numbers as text: the shortest that reads back the same, the spellings the formats share, and back.
//!
//! Everything is appended to a `String`; nothing allocates but its growth.

use crate::nanos::PER_SECOND;

/// Below this, every whole `f64` is exact and prints the same as the integer: 2^53.
const EXACT_INTEGERS: i64 = 1 << 53;
/// Go's `%g` turns to exponents below this power of ten. Source: Go, strconv, `FormatFloat` with `'g'` and -1.
const LEAST_PLAIN_EXPONENT: i32 = -4;
/// And from this one on.
const FIRST_LARGE_EXPONENT: i32 = 6;
/// Most digits a shortest `f64` has.
const MAX_DIGITS: usize = 17;

/// Appends a signed integer.
#[inline]
pub(crate) fn push_i64(out: &mut String, number: i64) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// Appends the shortest decimal that reads back as `number`; whole numbers without a point.
#[inline]
pub(crate) fn push_f64(out: &mut String, number: f64) {
    match as_integer(number) {
        Some(whole) => push_i64(out, whole),
        None => push_broken(out, number),
    }
}

/// Appends the shortest decimal that reads back as `number`, with a point or an exponent even where it is whole, as
/// OpenMetrics asks of floats.
pub(crate) fn push_float(out: &mut String, number: f64) {
    match as_integer(number) {
        Some(whole) => {
            push_i64(out, whole);
            out.push_str(".0");
        }
        None => push_broken(out, number),
    }
}

/// Appends a number that prints like no integer.
fn push_broken(out: &mut String, number: f64) {
    if number.is_finite() {
        out.push_str(zmij::Buffer::new().format_finite(number));
    } else {
        out.push_str(not_finite(number));
    }
}

/// Appends nanoseconds as seconds, with as many decimals as it takes and no exponent.
pub(crate) fn push_seconds(out: &mut String, nanos: u64) {
    out.push_str(itoa::Buffer::new().format(nanos / PER_SECOND));
    let rest = nanos % PER_SECOND;
    if rest > 0 {
        let decimals = format!(".{rest:09}");
        out.push_str(decimals.trim_end_matches('0'));
    }
}

/// Appends a bucket bound or a quantile in its canonical spelling: `0.005`, `1.0`, `100000.0`, `1e+06`, `+Inf`.
///
/// Source: OpenMetrics 1.0, "Canonical numbers"; Go's `%g` with `.0` where there is neither point nor exponent.
pub(crate) fn push_bound(out: &mut String, number: f64) {
    if !number.is_finite() {
        return out.push_str(not_finite(number));
    }
    if number.is_sign_negative() {
        out.push('-');
    }
    if number == 0.0 {
        return out.push_str("0.0");
    }
    let decimal = Decimal::of(number.abs());
    if (LEAST_PLAIN_EXPONENT..FIRST_LARGE_EXPONENT).contains(&decimal.exponent) {
        decimal.push_plain(out);
    } else {
        decimal.push_scientific(out);
    }
}

/// Reads a number in any spelling the text formats allow; no hexadecimal, no underscores, no white space, and no sign
/// before NaN, which Prometheus refuses.
pub(crate) fn parse_f64(text: &str) -> Option<f64> {
    let is_signed = text.starts_with(['+', '-']);
    text.parse().ok().filter(|number: &f64| !(is_signed && number.is_nan()))
}

/// The integer that prints like `number`, if there is one. Negative zero has none: its sign would be lost.
fn as_integer(number: f64) -> Option<i64> {
    let whole = number as i64;
    let prints_alike = whole as f64 == number
        && whole.unsigned_abs() < EXACT_INTEGERS.unsigned_abs()
        && (whole != 0 || number.is_sign_positive());
    prints_alike.then_some(whole)
}

fn not_finite(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

/// A positive number as digits `d.ddd` times a power of ten.
struct Decimal {
    digits: [u8; MAX_DIGITS],
    length: usize,
    exponent: i32,
}

impl Decimal {
    /// Takes apart what the shortest-decimal printer gives: `123.4`, `0.001`, `1e21` or `1.5e-7`.
    fn of(number: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(number);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        let leading = all().take_while(|digit| *digit == b'0').count();

        let mut decimal = Decimal { digits: [b'0'; MAX_DIGITS], length: 1, exponent: 0 };
        for (at, (slot, digit)) in decimal.digits.iter_mut().zip(all().skip(leading)).enumerate() {
            *slot = digit;
            if digit != b'0' {
                decimal.length = at + 1;
            }
        }
        decimal.exponent = exponent.parse().unwrap_or(0) + whole.len() as i32 - 1 - leading as i32;
        decimal
    }

    fn digit(&self, at: usize) -> char {
        self.digits.get(at).map_or('0', |digit| char::from(*digit))
    }

    fn push_plain(&self, out: &mut String) {
        let before_point = usize::try_from(self.exponent + 1).unwrap_or(0);
        match before_point {
            0 => out.push('0'),
            n => (0..n).for_each(|at| out.push(self.digit(at))),
        }
        out.push('.');
        (self.exponent + 1..0).for_each(|_| out.push('0'));
        if before_point >= self.length {
            out.push('0');
        }
        (before_point..self.length).for_each(|at| out.push(self.digit(at)));
    }

    fn push_scientific(&self, out: &mut String) {
        out.push(self.digit(0));
        if self.length > 1 {
            out.push('.');
            (1..self.length).for_each(|at| out.push(self.digit(at)));
        }
        out.push_str(if self.exponent < 0 { "e-" } else { "e+" });
        if self.exponent.unsigned_abs() < 10 {
            out.push('0');
        }
        out.push_str(itoa::Buffer::new().format(self.exponent.unsigned_abs()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(push: fn(&mut String, f64), number: f64) -> String {
        let mut out = String::new();
        push(&mut out, number);
        out
    }

    #[test]
    fn values_are_as_short_as_they_can_be() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0.0"),
            (17.0, "17"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (1e6, "1000000"),
            (1.5e300, "1.5e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        cases.iter().for_each(|(number, expected)| assert_eq!(text(push_f64, *number), *expected));
    }

    #[test]
    fn floats_of_openmetrics_keep_their_point() {
        assert_eq!(text(push_float, 17.0), "17.0");
        assert_eq!(text(push_float, 0.25), "0.25");
        assert_eq!(text(push_float, 1e300), "1e+300");
    }

    #[test]
    fn bounds_are_canonical() {
        let cases = [
            (0.0, "0.0"),
            (0.0001, "0.0001"),
            (0.001, "0.001"),
            (0.1, "0.1"),
            (1.0, "1.0"),
            (10.0, "10.0"),
            (1234.5, "1234.5"),
            (100000.0, "100000.0"),
            (123456.5, "123456.5"),
            (1e6, "1e+06"),
            (1234567.0, "1.234567e+06"),
            (1e-5, "1e-05"),
            (-2.5, "-2.5"),
            (1e23, "1e+23"),
            (1.5e-300, "1.5e-300"),
            (f64::INFINITY, "+Inf"),
        ];
        cases.iter().for_each(|(number, expected)| assert_eq!(text(push_bound, *number), *expected));
    }

    #[test]
    fn hexadecimal_underscores_and_signs_of_nothing_are_not_numbers() {
        for wrong in ["", " 1", "1 ", "0x1p-2", "1_000", "one", "+NaN", "-nan"] {
            assert_eq!(parse_f64(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn every_spelling_reads_back_the_same(number in prop::num::f64::ANY) {
            for push in [push_f64, push_float, push_bound] {
                let read = parse_f64(&text(push, number)).unwrap();
                prop_assert!(read == number || (read.is_nan() && number.is_nan()));
            }
        }

        #[test]
        fn equal_bounds_and_only_those_are_spelled_alike(a in prop::num::f64::NORMAL, b in prop::num::f64::NORMAL) {
            prop_assert_eq!(text(push_bound, a) == text(push_bound, b), a == b);
        }
    }
}
