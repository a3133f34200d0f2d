//! Which particles are within the smoothing length of each other: every pair, both ways, no cap.
//!
//! Space is cut into cubic bins as wide as the smoothing length; a particle's neighbours are in its own bin and
//! the 26 around it. Particles are sorted by bin, so the list depends on the positions alone, never on threads.
//!
//! Source: Green 2010, Particle simulation using CUDA (bins by sorting).

use crate::body::particles::Vec3;
use crate::parallel;

/// Neighbour lists of all particles, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Neighbors {
    lists: Vec<Vec<u32>>,
    order: Vec<(u64, u32)>,
}

/// Bins along one axis are numbered in 21 bits, so that three make a key; 2²⁰ bins to each side of the origin
/// are 26 m at 25 µm.
const BIN_BITS: u32 = 21;

/// Number of a bin along one axis; far places share the last bin.
fn bin_number(x: f64, width: f64) -> u64 {
    let middle = f64::from(1u32 << (BIN_BITS - 1));
    // A float to integer cast saturates, and a NaN becomes bin 0: nothing here can fail.
    ((x / width).floor() + middle).clamp(1.0, 2.0 * middle - 2.0) as u64
}

fn bin_key(bin: [u64; 3]) -> u64 {
    (bin[0] << (2 * BIN_BITS)) | (bin[1] << BIN_BITS) | bin[2]
}

impl Neighbors {
    /// Finds the neighbours of all particles of `position` within `reach` [m].
    pub fn rebuild(&mut self, position: &[Vec3], reach: f64) {
        let bin_of = |p: &Vec3| [bin_number(p.x, reach), bin_number(p.y, reach), bin_number(p.z, reach)];
        self.order.clear();
        self.order.extend(position.iter().enumerate().map(|(i, p)| (bin_key(bin_of(p)), i as u32)));
        self.order.sort_unstable();
        self.lists.resize_with(position.len(), Vec::new);
        let order = &self.order;
        parallel::for_each(&mut self.lists, |i, list| {
            list.clear();
            let here = position[i];
            let [x, y, z] = bin_of(&here);
            // Three bins in a row along z are one range of keys.
            for column in 0..9 {
                let (bin_x, bin_y) = (x + column / 3 - 1, y + column % 3 - 1);
                let from = order.partition_point(|(key, _)| *key < bin_key([bin_x, bin_y, z - 1]));
                let last = bin_key([bin_x, bin_y, z + 1]);
                let in_reach = order[from..]
                    .iter()
                    .take_while(|(key, _)| *key <= last)
                    .map(|(_, j)| *j)
                    .filter(|j| *j as usize != i && (position[*j as usize] - here).norm_squared() < reach * reach);
                list.extend(in_reach);
            }
            list.sort_unstable();
        });
    }

    /// The neighbours of particle `i`, in order of number.
    #[inline]
    pub fn of(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        self.lists[i].iter().map(|j| *j as usize)
    }

    /// How many neighbours particle `i` has.
    pub fn count(&self, i: usize) -> usize {
        self.lists[i].len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of a low-discrepancy sequence in a box of 10 × 6 × 4 reaches.
    fn scattered(count: u32) -> Vec<Vec3> {
        let fraction = |i: u32, step: f64| (f64::from(i) * step).fract();
        let point = |i| {
            Vec3::new(
                10.0 * fraction(i, 0.819_172_5) - 5.0,
                6.0 * fraction(i, 0.671_043_6),
                4.0 * fraction(i, 0.549_700_5),
            )
        };
        (0..count).map(point).collect()
    }

    #[test]
    fn neighbours_are_those_that_trying_every_pair_finds() {
        let position = scattered(700);
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 1.0);
        for i in 0..position.len() {
            let every: Vec<usize> =
                (0..position.len()).filter(|j| *j != i && (position[*j] - position[i]).norm_squared() < 1.0).collect();
            assert_eq!(neighbors.of(i).collect::<Vec<_>>(), every);
        }
    }

    #[test]
    fn a_lost_particle_does_no_harm() {
        let position = vec![Vec3::new(f64::NAN, 0.0, 0.0), Vec3::new(1e300, 0.0, 0.0), Vec3::zeros()];
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 1e-5);
        assert_eq!(neighbors.count(2), 0);
    }
}
