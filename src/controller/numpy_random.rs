//! The random numbers of numpy, so that a seed makes here the wiring that it makes in Python.
//!
//! Two generators: PCG64, which `numpy.random.default_rng` seeds through a SeedSequence, and the Mersenne Twister MT19937 of
//! the legacy `numpy.random.RandomState`. Of their methods only what wirings draw: a choice of one, and of some without
//! replacement, each with the algorithm that numpy uses for it (they differ between the two).
//!
//! Source: O'Neill 2014, PCG: a family of simple fast space-efficient statistically good algorithms, HMC-CS-2014-0905;
//! Matsumoto & Nishimura 1998, doi:10.1145/272991.272995; Lemire 2019, doi:10.1145/3230636; Bentley & Floyd 1987,
//! doi:10.1145/30401.315746 (choice without replacement); order of draws as in numpy 1.24.

/// What a wiring asks of chance.
pub trait Choose {
    /// An index below `count`.
    fn one(&mut self, count: usize) -> usize;

    /// `wanted` different indices below `count`, in random order.
    fn some(&mut self, count: usize, wanted: usize) -> Vec<usize>;
}

/// `numpy.random.default_rng(seed)`.
#[derive(Debug, Clone)]
pub struct Pcg64 {
    state: u128,
    increment: u128,
    /// The upper half of a number of which the lower one was drawn.
    half: Option<u32>,
}

impl Pcg64 {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        let words = seed_sequence(seed);
        let wide = |at: usize| u128::from(words[at]) << 64 | u128::from(words[at + 1]);
        let mut own = Self { state: 0, increment: wide(2) << 1 | 1, half: None };
        own.turn();
        own.state = own.state.wrapping_add(wide(0));
        own.turn();
        own
    }

    fn turn(&mut self) {
        const MULTIPLIER: u128 = 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645;
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.turn();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn next_u32(&mut self) -> u32 {
        if let Some(half) = self.half.take() {
            return half;
        }
        let both = self.next_u64();
        self.half = Some((both >> 32) as u32);
        both as u32
    }

    /// A number in 0 … 1, 1 excluded: numpy's `random()`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A normal number, by Box & Muller 1958: not numpy's.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.unit())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// 0 to `count` − 1 in random order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..count).collect();
        self.shuffle(&mut all, 1);
        all
    }

    /// A number from 0 to `largest`, by Lemire's multiplication.
    fn up_to(&mut self, largest: usize) -> usize {
        if largest == 0 {
            return 0;
        }
        let range = largest as u32 + 1;
        let mut product = u64::from(self.next_u32()) * u64::from(range);
        if (product as u32) < range {
            let threshold = (u32::MAX - largest as u32) % range;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(range);
            }
        }
        (product >> 32) as usize
    }

    fn shuffle(&mut self, items: &mut [usize], first: usize) {
        for i in (first..items.len()).rev() {
            items.swap(i, self.up_to(i));
        }
    }
}

impl Choose for Pcg64 {
    fn one(&mut self, count: usize) -> usize {
        self.up_to(count - 1)
    }

    fn some(&mut self, count: usize, wanted: usize) -> Vec<usize> {
        if count > 10_000 && wanted > count / 50 {
            // Numpy shuffles the tail of a long list of which many are wanted,
            let mut all: Vec<usize> = (0..count).collect();
            self.shuffle(&mut all, (count - wanted).max(1));
            return all.split_off(count - wanted);
        }
        // and else takes Floyd's way: a number that was drawn before stands for the largest that could be drawn.
        let mut drawn = std::collections::BTreeSet::new();
        let mut chosen = Vec::with_capacity(wanted);
        for largest in count - wanted..count {
            let index = self.up_to(largest);
            let index = if drawn.insert(index) { index } else { largest };
            drawn.insert(index);
            chosen.push(index);
        }
        self.shuffle(&mut chosen, 1);
        chosen
    }
}

/// Four words of 64 bits from a seed: numpy's SeedSequence with a pool of four words of 32 bits.
fn seed_sequence(seed: u64) -> [u64; 4] {
    const MULTIPLIER_A: u32 = 0x931E_8875;
    const MULTIPLIER_B: u32 = 0x58F3_8DED;
    let mut hash = 0x43B0_D7E5_u32;
    let mut hashed = |value: u32| {
        let mut value = value ^ hash;
        hash = hash.wrapping_mul(MULTIPLIER_A);
        value = value.wrapping_mul(hash);
        value ^ value >> 16
    };
    let mix = |a: u32, b: u32| {
        let mixed = 0xCA01_F9DD_u32.wrapping_mul(a).wrapping_sub(0x4973_F715_u32.wrapping_mul(b));
        mixed ^ mixed >> 16
    };
    let mut pool = [seed as u32, (seed >> 32) as u32, 0, 0].map(&mut hashed);
    for source in 0..4 {
        for target in 0..4 {
            if source != target {
                pool[target] = mix(pool[target], hashed(pool[source]));
            }
        }
    }
    let mut hash = 0x8B51_F9DD_u32;
    let mut word = |index: usize| {
        let mut value = pool[index % 4] ^ hash;
        hash = hash.wrapping_mul(MULTIPLIER_B);
        value = value.wrapping_mul(hash);
        value ^ value >> 16
    };
    let words: [u32; 8] = std::array::from_fn(&mut word);
    std::array::from_fn(|index| u64::from(words[2 * index]) | u64::from(words[2 * index + 1]) << 32)
}

/// `numpy.random.RandomState(seed)`.
#[derive(Debug, Clone)]
pub(super) struct MersenneTwister {
    state: Vec<u32>,
    next: usize,
}

const WORDS: usize = 624;
const AHEAD: usize = 397;

impl MersenneTwister {
    pub(super) fn new(seed: u32) -> Self {
        let mut state = vec![seed];
        for index in 1..WORDS as u32 {
            let last = state[index as usize - 1];
            state.push((last ^ last >> 30).wrapping_mul(1_812_433_253).wrapping_add(index));
        }
        Self { state, next: WORDS }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == WORDS {
            for index in 0..WORDS {
                let joined = self.state[index] & 0x8000_0000 | self.state[(index + 1) % WORDS] & 0x7FFF_FFFF;
                let twist = if joined & 1 == 1 { 0x9908_B0DF } else { 0 };
                self.state[index] = self.state[(index + AHEAD) % WORDS] ^ joined >> 1 ^ twist;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= y << 7 & 0x9D2C_5680;
        y ^= y << 15 & 0xEFC6_0000;
        y ^ y >> 18
    }

    /// A number from 0 to `largest`: draws under a mask until one fits.
    fn up_to(&mut self, largest: usize) -> usize {
        if largest == 0 {
            return 0;
        }
        let mask = u32::MAX >> (largest as u32).leading_zeros();
        loop {
            let value = (self.next_u32() & mask) as usize;
            if value <= largest {
                return value;
            }
        }
    }
}

impl Choose for MersenneTwister {
    fn one(&mut self, count: usize) -> usize {
        self.up_to(count - 1)
    }

    fn some(&mut self, count: usize, wanted: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            all.swap(i, self.up_to(i));
        }
        all.truncate(wanted);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generators_give_the_first_numbers_of_numpy() {
        // numpy 2.4: default_rng(1111).bit_generator.random_raw(2); RandomState(22222).randint(0, 2**32, 2).
        let mut pcg = Pcg64::new(1111);
        assert_eq!([pcg.next_u64(), pcg.next_u64()], [15_852_105_362_585_597_067, 12_115_427_431_398_542_507]);
        let mut twister = MersenneTwister::new(22_222);
        assert_eq!([twister.next_u32(), twister.next_u32()], [294_195_201, 1_847_582_594]);
    }
}
