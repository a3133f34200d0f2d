//! Which particles are within the smoothing length of each other: every pair, both ways, no cap.
//!
//! Space is cut into cubic bins as wide as the smoothing length; a particle's neighbours are in its own bin and
//! the 26 around it. Particles are sorted by bin, so the list depends on the positions alone, never on threads.
//!
//! Source: Green 2010, Particle simulation using CUDA (bins by sorting).

use crate::body::particles::Vec3;
use crate::parallel;

/// Particles by bin.
#[derive(Debug, Clone, Default)]
pub struct Bins {
    /// The bin's key and the particle's number, sorted.
    order: Vec<(u64, u32)>,
}

/// Neighbour lists of all particles, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Neighbors {
    lists: Vec<Vec<u32>>,
    /// Lengths after which space repeats along x, y and z [m]; infinite where it does not.
    period: Option<[f64; 3]>,
    bins: Bins,
    /// Of each occupied bin, the stretches of `order` that hold its nine columns of three bins.
    columns: Vec<[(u32, u32); 9]>,
    /// The bin, in `columns`, of each particle.
    bin_of: Vec<u32>,
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

/// Key of the bin that lies `x − 1` and `y − 1` bins away along the first two axes.
fn neighbour_key(key: u64, x: usize, y: usize) -> u64 {
    let step = 1 << (2 * BIN_BITS);
    key + x as u64 * step + ((y as u64) << BIN_BITS) - step - (1 << BIN_BITS)
}

/// Key of the bin in which a point lies.
fn key_of(point: &Vec3, width: f64) -> u64 {
    bin_key([point.x, point.y, point.z].map(|x| bin_number(x, width)))
}

impl Bins {
    /// Sorts particles into bins of `width` [m].
    pub fn sort(&mut self, position: &[Vec3], width: f64) {
        self.order.clear();
        self.order.extend(position.iter().enumerate().map(|(i, p)| (key_of(p, width), i as u32)));
        self.order.sort_unstable();
    }

    /// Stretches of the sorted particles that hold the nine columns of three bins around the bin `key`.
    pub fn columns(&self, key: u64) -> [(u32, u32); 9] {
        std::array::from_fn(|column| {
            // Three bins in a row along z are one stretch of keys.
            let middle = neighbour_key(key, column / 3, column % 3);
            let from = self.order.partition_point(|(other, _)| *other < middle - 1);
            let length = self.order[from..].iter().take_while(|(other, _)| *other <= middle + 1).count();
            (from as u32, (from + length) as u32)
        })
    }

    /// The particles of such stretches.
    pub fn in_columns<'a>(&'a self, columns: &'a [(u32, u32); 9]) -> impl Iterator<Item = usize> + 'a {
        let stretch = |(from, to): &(u32, u32)| &self.order[*from as usize..*to as usize];
        columns.iter().flat_map(stretch).map(|(_, i)| *i as usize)
    }

    /// Every particle with the key of its bin, bin by bin.
    pub fn by_bin(&self) -> impl Iterator<Item = (u64, usize)> + '_ {
        self.order.iter().map(|(key, i)| (*key, *i as usize))
    }
}

impl Neighbors {
    /// Finds the neighbours of all particles of `position` within `reach` [m].
    pub fn rebuild(&mut self, position: &[Vec3], reach: f64) {
        self.period = None;
        self.sort_into_bins(position, reach);
        self.lists.resize_with(position.len(), Vec::new);
        let (order, columns, bin_of) = (&self.bins.order, &self.columns, &self.bin_of);
        let reach_squared = reach * reach;
        parallel::for_each(&mut self.lists, |i, list| {
            list.clear();
            let here = position[i];
            for (from, to) in columns[bin_of[i] as usize] {
                for (_, j) in &order[from as usize..to as usize] {
                    if (position[*j as usize] - here).norm_squared() < reach_squared && *j as usize != i {
                        list.push(*j);
                    }
                }
            }
        });
    }

    /// Finds the neighbours of all particles within `reach` [m] in a space that repeats after `period` along each
    /// axis [m]; give an infinite one where it does not. Where it does, particles lie between 0 and the period, which is
    /// at least twice the reach.
    pub fn rebuild_in(&mut self, position: &[Vec3], reach: f64, period: [f64; 3]) {
        let mut all = position.to_vec();
        let mut original: Vec<u32> = (0..position.len() as u32).collect();
        for axis in (0..3).filter(|axis| period[*axis].is_finite()) {
            for i in 0..all.len() {
                let x = all[i][axis];
                for (near, shift) in [(x < reach, period[axis]), (x > period[axis] - reach, -period[axis])] {
                    if near {
                        all.push(all[i]);
                        original.push(original[i]);
                        let last = all.len() - 1;
                        all[last][axis] += shift;
                    }
                }
            }
        }
        // The images are sorted in, looked at by the originals, and forgotten.
        self.sort_into_bins(&all, reach);
        self.lists.resize_with(position.len(), Vec::new);
        let (order, columns, bin_of) = (&self.bins.order, &self.columns, &self.bin_of);
        parallel::for_each(&mut self.lists, |i, list| {
            list.clear();
            for (from, to) in columns[bin_of[i] as usize] {
                for (_, j) in &order[from as usize..to as usize] {
                    let near = (all[*j as usize] - position[i]).norm_squared() < reach * reach;
                    if near && *j as usize != i {
                        list.push(original[*j as usize]);
                    }
                }
            }
        });
        self.period = Some(period);
    }

    /// From particle `j` to particle `i` by the shortest way.
    #[inline]
    pub fn away(&self, position: &[Vec3], i: usize, j: usize) -> Vec3 {
        let mut away = position[i] - position[j];
        if let Some(period) = self.period {
            for axis in 0..3 {
                // Never true of an infinite period.
                if away[axis] > 0.5 * period[axis] {
                    away[axis] -= period[axis];
                } else if away[axis] < -0.5 * period[axis] {
                    away[axis] += period[axis];
                }
            }
        }
        away
    }

    fn sort_into_bins(&mut self, position: &[Vec3], width: f64) {
        self.bins.sort(position, width);
        self.bin_of.resize(position.len(), 0);
        self.columns.clear();
        let mut last_key = None;
        for (key, particle) in self.bins.by_bin() {
            if last_key != Some(key) {
                last_key = Some(key);
                self.columns.push(self.bins.columns(key));
            }
            self.bin_of[particle] = (self.columns.len() - 1) as u32;
        }
    }

    /// The neighbours of particle `i`, in an order that follows from the positions.
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
            let mut found: Vec<usize> = neighbors.of(i).collect();
            found.sort_unstable();
            assert_eq!(found, every);
        }
    }

    #[test]
    fn neighbours_are_found_through_the_faces_of_a_space_that_repeats() {
        let period = [10.0, 6.0, f64::INFINITY];
        let position: Vec<Vec3> = scattered(700).iter().map(|x| x + Vec3::new(5.0, 0.0, 0.0)).collect();
        let mut neighbors = Neighbors::default();
        neighbors.rebuild_in(&position, 1.0, period);
        for i in 0..position.len() {
            let near = |j: &usize| *j != i && neighbors.away(&position, i, *j).norm_squared() < 1.0;
            let every: Vec<usize> = (0..position.len()).filter(near).collect();
            let mut found: Vec<usize> = neighbors.of(i).collect();
            found.sort_unstable();
            assert_eq!(found, every);
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
