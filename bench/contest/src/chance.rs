//! The same chance for every contestant: Marsaglia's 64-bit xorshift.

/// The seed of the contract.
const SEED: u64 = 88_172_645_463_325_252;

/// An endless row of numbers.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Default for Chance {
    fn default() -> Self {
        Self(SEED)
    }
}

impl Chance {
    /// A row that begins elsewhere. Zero is not a seed: it stays zero.
    pub fn seeded(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}
