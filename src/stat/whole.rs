//! Whole numbers of any length, for tests that must know a power to the last bit.

/// A whole number above zero: 64 bits a digit, the least significant first, the last not zero.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Whole(Vec<u64>);

impl From<u64> for Whole {
    fn from(number: u64) -> Self {
        Whole(vec![number]).trimmed()
    }
}

impl Whole {
    /// The number raised to the power `2^times`.
    pub(crate) fn squared(self, times: u32) -> Self {
        (0..times).fold(self, |number, _| number.square())
    }

    /// The length in bits: `⌊log2⌋ + 1`.
    pub(crate) fn bits(&self) -> u64 {
        self.0.len() as u64 * 64 - u64::from(self.0.last().map_or(0, |digit| digit.leading_zeros()))
    }

    fn square(&self) -> Self {
        let mut digits = vec![0_u64; 2 * self.0.len()];
        for (place, left) in self.0.iter().enumerate() {
            let mut carry = 0;
            for (right, to) in self.0.iter().chain([&0]).zip(&mut digits[place..]) {
                let sum = u128::from(*left) * u128::from(*right) + u128::from(*to) + carry;
                (*to, carry) = (sum as u64, sum >> 64);
            }
        }
        Whole(digits).trimmed()
    }

    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }
}

#[test]
fn squares_are_squares() {
    for number in [1, 2, 0xffff_ffff_ffff_ffff_u64, 0x1234_5678_9abc_def0] {
        let square = u128::from(number).pow(2);
        let digits = vec![square as u64, (square >> 64) as u64];
        assert_eq!(Whole::from(number).square(), Whole(digits).trimmed());
        assert_eq!(Whole::from(number).squared(1).bits(), u64::from(square.ilog2()) + 1);
    }
    assert_eq!(Whole::from(2).squared(8).bits(), 257);
}
