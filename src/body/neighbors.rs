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
    /// Whether a particle is so near to where space repeats that it may have neighbours beyond.
    at_edge: Vec<bool>,
    bins: Bins,
    /// Where the sorted particles are [m], and their numbers; an image has that of what it is an image of.
    places: Vec<Vec3>,
    numbers: Vec<u32>,
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
        self.rebuild_around(position, reach, 0);
    }

    /// Finds the neighbours within `reach` [m] of the particles from `first` on, and of all that are near one of them.
    /// The others' lists are left empty.
    pub fn rebuild_around(&mut self, position: &[Vec3], reach: f64, first: usize) {
        self.period = None;
        self.sort_into_bins(position, reach, |i| i);
        let mut lists = std::mem::take(&mut self.lists);
        lists.resize_with(position.len(), Vec::new);
        let (before, from_first) = lists.split_at_mut(first);
        parallel::for_each(from_first, |k, list| self.find(position, first + k, reach, list));
        let mut near = vec![false; first];
        for j in from_first.iter().flatten().filter(|j| (**j as usize) < first) {
            near[*j as usize] = true;
        }
        parallel::for_each(before, |i, list| {
            list.clear();
            if near[i] {
                self.find(position, i, reach, list);
            }
        });
        self.lists = lists;
    }

    /// Finds the neighbours of all particles within `reach` [m] in a space that repeats after `period` along each
    /// axis [m]; give an infinite one where it does not. Where it does, particles lie between 0 and the period, which is
    /// at least twice the reach.
    pub fn rebuild_in(&mut self, position: &[Vec3], reach: f64, period: [f64; 3]) {
        let mut all = position.to_vec();
        let mut original: Vec<u32> = (0..position.len() as u32).collect();
        self.at_edge.clear();
        self.at_edge.resize(position.len(), false);
        for axis in (0..3).filter(|axis| period[*axis].is_finite()) {
            for i in 0..all.len() {
                let x = all[i][axis];
                for (near, shift) in [(x < reach, period[axis]), (x > period[axis] - reach, -period[axis])] {
                    if near {
                        self.at_edge[original[i] as usize] = true;
                        all.push(all[i]);
                        original.push(original[i]);
                        let last = all.len() - 1;
                        all[last][axis] += shift;
                    }
                }
            }
        }
        // The images are sorted in, looked at by the originals, and forgotten.
        self.sort_into_bins(&all, reach, |i| original[i as usize]);
        let mut lists = std::mem::take(&mut self.lists);
        lists.resize_with(position.len(), Vec::new);
        parallel::for_each(&mut lists, |i, list| self.find(position, i, reach, list));
        self.lists = lists;
        self.period = Some(period);
    }

    /// Lists what the bins around particle `i` hold within `reach` of it.
    fn find(&self, position: &[Vec3], i: usize, reach: f64, list: &mut Vec<u32>) {
        let (here, columns) = (position[i], &self.columns[self.bin_of[i] as usize]);
        let candidates: u32 = columns.iter().map(|(from, to)| to - from).sum();
        list.resize(candidates as usize, 0);
        let mut found = 0;
        for (from, to) in columns {
            let stretch = *from as usize..*to as usize;
            for (place, number) in self.places[stretch.clone()].iter().zip(&self.numbers[stretch]) {
                // Each is written down and one in six is kept: a jump there would be foretold wrongly too often.
                list[found] = *number;
                found += usize::from((place - here).norm_squared() < reach * reach && *number as usize != i);
            }
        }
        list.truncate(found);
    }

    /// From particle `j` to particle `i` by the shortest way.
    #[inline]
    pub fn away(&self, position: &[Vec3], i: usize, j: usize) -> Vec3 {
        let mut away = position[i] - position[j];
        if let Some(period) = self.period.filter(|_| self.at_edge[i]) {
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

    /// Sorts particles into bins of `width`; `number` is what a list calls each.
    fn sort_into_bins(&mut self, position: &[Vec3], width: f64, number: impl Fn(u32) -> u32) {
        self.bins.sort(position, width);
        self.bin_of.resize(position.len(), 0);
        self.columns.clear();
        self.places.clear();
        self.numbers.clear();
        let mut last_key = None;
        for (key, particle) in self.bins.by_bin() {
            if last_key != Some(key) {
                last_key = Some(key);
                self.columns.push(self.bins.columns(key));
            }
            self.bin_of[particle] = (self.columns.len() - 1) as u32;
            self.places.push(position[particle]);
            self.numbers.push(number(particle as u32));
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
    fn around_some_particles_lists_are_whole_and_elsewhere_they_are_empty() {
        let position = scattered(700);
        let (mut all, mut around) = (Neighbors::default(), Neighbors::default());
        all.rebuild(&position, 1.0);
        around.rebuild_around(&position, 1.0, 690);
        for i in 0..700 {
            let wanted = i >= 690 || all.of(i).any(|j| j >= 690);
            let expected: Vec<usize> = all.of(i).filter(|_| wanted).collect();
            assert_eq!(around.of(i).collect::<Vec<_>>(), expected);
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
