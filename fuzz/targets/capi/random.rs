//! The choices of a caller, from the fuzzer's bytes. After the last byte they are a fixed pseudo-random sequence.

#[derive(Clone)]
pub struct Random {
    bytes: std::vec::IntoIter<u8>,
    /// The state of the sequence after the bytes.
    state: u64,
}

impl Random {
    pub fn of(bytes: &[u8]) -> Random {
        Random { bytes: bytes.to_vec().into_iter(), state: 1 }
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().unwrap_or_else(|| {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.state >> 56) as u8
        })
    }

    pub fn next(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// Returns a number below `end`, which is not 0. It consumes one or two bytes.
    pub fn below(&mut self, end: usize) -> usize {
        let taken = if end <= 1 << 8 { 1 } else { 2 };
        let number = (0..taken).fold(0, |number, _| number << 8 | usize::from(self.byte()));
        number % end
    }

    pub fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}
