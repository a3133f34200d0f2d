//! Random numbers that are a pure function of who draws them and when.
//!
//! ```text
//! u = (⌊mix(mix(mix(mix(seed) ⊕ entity) ⊕ step) ⊕ draw) / 2¹¹⌋ + ½) / 2⁵³,   0 < u < 1
//! ```
//!
//! Nothing is remembered between draws, so that the order of work and a restart change nothing. *entity* is a cell or
//! what is attached to one, *draw* counts the `random()` of its equations.
//!
//! Source of mix: Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195 (SplitMix64). Not for cryptography.

/// A number between 0 and 1, never either of them, so that its logarithm is finite.
pub fn uniform(seed: u64, entity: u64, step: u64, draw: u64) -> f64 {
    let bits = [entity, step, draw].into_iter().fold(mix(seed), |bits, word| mix(bits ^ word));
    ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_neighbours_know_nothing_of_each_other() {
        // 100 entities × 100 steps: the mean of 10⁴ even numbers is ½ ± 1/√12/100, here within four of these; the
        // correlation of neighbours is 0 ± 1/100.
        let at = |entity, step| uniform(7, entity, step, 0) - 0.5;
        let pairs = || (0..100).flat_map(|entity| (0..100).map(move |step| (entity, step)));
        let mean = pairs().map(|(e, s)| at(e, s)).sum::<f64>() / 1e4;
        assert!(mean.abs() < 4.0 / 12f64.sqrt() / 100.0, "{mean}");
        let in_time = pairs().map(|(e, s)| 12.0 * at(e, s) * at(e, s + 1)).sum::<f64>() / 1e4;
        let in_space = pairs().map(|(e, s)| 12.0 * at(e, s) * at(e + 1, s)).sum::<f64>() / 1e4;
        assert!(in_time.abs() < 0.04 && in_space.abs() < 0.04, "{in_time} {in_space}");
        assert_ne!(at(3, 4), uniform(8, 3, 4, 0) - 0.5);
    }
}
