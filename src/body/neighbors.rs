//! Which particles are within the smoothing length of each other: every pair, both ways, no cap.
//!
//! Space is cut into cubic bins as wide as the smoothing length; a particle's neighbours are in its own bin and
//! the 26 around it. Particles are sorted by bin, so the list depends on the positions alone, never on threads.
//!
//! Source: Green 2010, Particle simulation using CUDA (bins by sorting).

use crate::body::particles::Vec3;
use crate::parallel::{self, CHUNK};
use crate::simd;

/// Particles by bin.
#[derive(Debug, Clone, Default)]
pub struct Bins {
    /// The bin's key and the particle's number, sorted.
    order: Vec<(u64, u32)>,
    /// Key of each occupied bin, and where it begins in `order`.
    occupied: Vec<(u64, u32)>,
}

/// Stretches of the sorted particles that hold the nine columns of three bins around a bin.
pub type Columns = [(u32, u32); 9];

/// Neighbour lists of all particles.
#[derive(Debug, Clone, Default)]
pub struct Neighbors {
    chunks: Vec<Chunk>,
    /// Lengths after which space repeats along x, y and z [m]; infinite where it does not.
    period: Option<[f64; 3]>,
    /// Whether a particle is so near to where space repeats that it may have neighbours beyond.
    at_edge: Vec<bool>,
    bins: Bins,
    /// Where the sorted particles are [m], and their numbers; an image has that of what it is an image of.
    places: Vec<Vec3>,
    numbers: Vec<u32>,
    /// Of each occupied bin, its columns.
    columns: Vec<Columns>,
    /// The bin, in `columns`, of each particle.
    bin_of: Vec<u32>,
}

/// The lists of [`CHUNK`] particles in a row, one after the other: compact, and each chunk is one task's.
#[derive(Debug, Clone, Default)]
struct Chunk {
    partners: Vec<u32>,
    /// Where each particle's list begins, where those that move end in it, and where it ends.
    spans: Vec<[u32; 3]>,
    /// Who of the lists does not move, with repetitions.
    touched: Vec<u32>,
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
        self.order.resize(position.len(), (0, 0));
        parallel::for_each(&mut self.order, |i, place| *place = (key_of(&position[i], width), i as u32));
        parallel::sort(&mut self.order);
        self.occupied.clear();
        for (place, (key, _)) in self.order.iter().enumerate() {
            if self.occupied.last().is_none_or(|(last, _)| last != key) {
                self.occupied.push((*key, place as u32));
            }
        }
    }

    /// Key of each occupied bin, and where it begins among the sorted particles.
    pub fn occupied(&self) -> &[(u64, u32)] {
        &self.occupied
    }

    /// The columns around each bin of `around`, whose keys rise: both lists are walked along once.
    pub fn columns(&self, around: &[(u64, u32)], found: &mut Vec<Columns>) {
        found.clear();
        let end = self.order.len() as u32;
        let begin = |bin: usize| self.occupied.get(bin).map_or(end, |(_, begin)| *begin);
        let mut at = [(0, 0); 9];
        for (key, _) in around {
            let mut columns = [(0, 0); 9];
            for (column, (from, to)) in at.iter_mut().enumerate() {
                // Three bins in a row along z are one stretch of keys.
                let middle = neighbour_key(*key, column / 3, column % 3);
                let passed = |bin: usize, last: u64| self.occupied.get(bin).is_some_and(|(key, _)| *key < last);
                while passed(*from, middle - 1) {
                    *from += 1;
                }
                while passed(*to, middle + 2) {
                    *to += 1;
                }
                columns[column] = (begin(*from), begin(*to));
            }
            found.push(columns);
        }
    }

    /// Every particle, bin by bin.
    pub fn by_bin(&self) -> impl Iterator<Item = usize> + '_ {
        self.order.iter().map(|(_, i)| *i as usize)
    }

    /// For each particle, the place of its bin in [`Bins::occupied`].
    pub fn number_bins(&self, bin_of: &mut Vec<u32>) {
        bin_of.resize(self.order.len(), 0);
        for (bin, (_, begin)) in self.occupied.iter().enumerate() {
            let end = self.occupied.get(bin + 1).map_or(self.order.len(), |(_, end)| *end as usize);
            for (_, particle) in &self.order[*begin as usize..end] {
                bin_of[*particle as usize] = bin as u32;
            }
        }
    }
}

/// What lies in the bins around one bin, copied together: it serves every particle of that bin.
#[derive(Debug, Default)]
pub struct Around {
    /// Where they are [m].
    place: [Vec<f64>; 3],
    number: Vec<u32>,
    /// Squares of their distances from the particle asked for last [m²].
    square: Vec<f64>,
}

impl Around {
    /// Takes what stands in some stretches of the sorted `places`, with their `numbers`.
    pub fn take(&mut self, columns: &Columns, places: &[Vec3], numbers: &[u32]) {
        let stretches = || columns.iter().map(|(from, to)| *from as usize..*to as usize);
        self.number.clear();
        stretches().for_each(|stretch| self.number.extend_from_slice(&numbers[stretch]));
        for (axis, place) in self.place.iter_mut().enumerate() {
            place.clear();
            stretches().for_each(|stretch| place.extend(places[stretch].iter().map(|x| x[axis])));
        }
        self.square.resize(self.number.len(), 0.0);
    }

    /// Appends the numbers of those nearer than `reach` to `here`, but for `itself`.
    pub fn find(&mut self, here: &Vec3, reach: f64, itself: u32, list: &mut Vec<u32>) {
        let ([x, y, z], squares) = (&self.place, &mut self.square);
        simd::widest(
            #[inline(always)]
            || {
                for (((square, x), y), z) in squares.iter_mut().zip(x).zip(y).zip(z) {
                    let (x, y, z) = (x - here.x, y - here.y, z - here.z);
                    *square = x * x + y * y + z * z;
                }
            },
        );
        let mut found = list.len();
        list.resize(found + self.number.len(), 0);
        for (square, number) in self.square.iter().zip(&self.number) {
            // Each is written down and one in six is kept: a jump there would be foretold wrongly too often.
            list[found] = *number;
            found += usize::from(*square < reach * reach && *number != itself);
        }
        list.truncate(found);
    }
}

impl Neighbors {
    /// Finds the neighbours of all particles of `position` within `reach` [m].
    pub fn rebuild(&mut self, position: &[Vec3], reach: f64) {
        self.search(position, reach, None, None);
    }

    /// Finds the neighbours within `reach` [m] of the particles that move, and of all that are near one of them.
    /// The others' lists are left empty. Where a `period` is given, space repeats as in [`Neighbors::rebuild_in`].
    pub fn rebuild_around(&mut self, position: &[Vec3], reach: f64, moves: &[bool], period: Option<[f64; 3]>) {
        self.search(position, reach, Some(moves), period);
    }

    /// Finds the neighbours of all particles within `reach` [m] in a space that repeats after `period` along each
    /// axis [m]; give an infinite one where it does not. Where it does, particles lie between 0 and the period, which is
    /// at least twice the reach.
    pub fn rebuild_in(&mut self, position: &[Vec3], reach: f64, period: [f64; 3]) {
        self.search(position, reach, None, Some(period));
    }

    /// Lengths after which space repeats along each axis [m]; infinite where it does not.
    pub fn period(&self) -> [f64; 3] {
        self.period.unwrap_or([f64::INFINITY; 3])
    }

    fn search(&mut self, position: &[Vec3], reach: f64, moves: Option<&[bool]>, period: Option<[f64; 3]>) {
        self.period = period;
        if let Some(period) = period {
            // The images are sorted in, looked at by the originals, and forgotten.
            let (all, original) = self.with_images(position, reach, period);
            self.sort_into_bins(&all, reach, |i| original[i as usize]);
        } else {
            self.sort_into_bins(position, reach, |i| i);
        }
        let mut chunks = std::mem::take(&mut self.chunks);
        chunks.resize_with(position.len().div_ceil(CHUNK), Chunk::default);
        let moving = |i: usize| moves.is_none_or(|moves| moves[i]);
        parallel::for_each_large(&mut chunks, |chunk_index, chunk| {
            let Chunk { partners, spans, touched } = chunk;
            partners.clear();
            spans.clear();
            touched.clear();
            let mut around = (u32::MAX, Around::default());
            for i in chunk_index * CHUNK..((chunk_index + 1) * CHUNK).min(position.len()) {
                let from = partners.len();
                if moving(i) {
                    self.find(position, i, reach, &mut around, partners);
                    touched.extend(partners[from..].iter().filter(|j| !moving(**j as usize)));
                }
                let to = partners.len() as u32;
                spans.push([from as u32, to, to]);
            }
        });
        if let Some(moves) = moves {
            let mut near = vec![false; position.len()];
            for wall in chunks.iter().flat_map(|chunk| &chunk.touched) {
                near[*wall as usize] = true;
            }
            parallel::for_each_large(&mut chunks, |chunk_index, chunk| {
                let first = chunk_index * CHUNK;
                let (mut resting, mut around) = (Vec::new(), (u32::MAX, Around::default()));
                for i in (first..(first + CHUNK).min(position.len())).filter(|i| near[*i]) {
                    let from = chunk.partners.len();
                    self.find(position, i, reach, &mut around, &mut chunk.partners);
                    resting.clear();
                    resting.extend(chunk.partners[from..].iter().filter(|j| !moves[**j as usize]));
                    let mut kept = from;
                    for n in from..chunk.partners.len() {
                        let j = chunk.partners[n];
                        chunk.partners[kept] = j;
                        kept += usize::from(moves[j as usize]);
                    }
                    chunk.partners[kept..].copy_from_slice(&resting);
                    chunk.spans[i - first] = [from as u32, kept as u32, chunk.partners.len() as u32];
                }
            });
        }
        self.chunks = chunks;
    }

    /// All particles and their images beyond the faces of a space that repeats, and whose image each is.
    fn with_images(&mut self, position: &[Vec3], reach: f64, period: [f64; 3]) -> (Vec<Vec3>, Vec<u32>) {
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
        (all, original)
    }

    /// Appends what the bins around particle `i` hold within `reach` of it; `around` is what they hold, kept for the next
    /// particle of the bin, with the bin's number.
    fn find(&self, position: &[Vec3], i: usize, reach: f64, around: &mut (u32, Around), list: &mut Vec<u32>) {
        let bin = self.bin_of[i];
        if around.0 != bin {
            around.0 = bin;
            around.1.take(&self.columns[bin as usize], &self.places, &self.numbers);
        }
        around.1.find(&position[i], reach, i as u32, list);
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

    /// Whether the way from particle `i` to a neighbour may lead through where space repeats.
    #[inline]
    pub fn is_at_edge(&self, i: usize) -> bool {
        self.period.is_some() && self.at_edge[i]
    }

    /// Sorts particles into bins of `width`; `number` is what a list calls each.
    fn sort_into_bins(&mut self, position: &[Vec3], width: f64, number: impl Fn(u32) -> u32 + Sync) {
        self.bins.sort(position, width);
        self.bins.columns(&self.bins.occupied, &mut self.columns);
        self.bins.number_bins(&mut self.bin_of);
        let order = &self.bins.order;
        self.places.resize(position.len(), Vec3::zeros());
        parallel::for_each(&mut self.places, |n, place| *place = position[order[n].1 as usize]);
        self.numbers.resize(position.len(), 0);
        parallel::for_each(&mut self.numbers, |n, place| *place = number(order[n].1));
    }

    /// The neighbours of particle `i`, in an order that follows from the positions; of particles at rest that stand
    /// around some that move, those that move come first.
    #[inline]
    pub fn list(&self, i: usize) -> &[u32] {
        let chunk = &self.chunks[i / CHUNK];
        let [from, _, to] = chunk.spans[i % CHUNK];
        &chunk.partners[from as usize..to as usize]
    }

    /// How many of the neighbours of particle `i`, the first of them, may come nearer or move away while it rests; all,
    /// if it moves itself.
    #[inline]
    pub fn moving(&self, i: usize) -> usize {
        let [from, moving, _] = self.chunks[i / CHUNK].spans[i % CHUNK];
        (moving - from) as usize
    }

    /// Where the list of particle `i` begins in that of its chunk, particles `i − i % CHUNK` and on.
    #[inline]
    pub fn begin_in_chunk(&self, i: usize) -> usize {
        self.chunks[i / CHUNK].spans[i % CHUNK][0] as usize
    }

    /// The neighbours of particle `i`, in the same order.
    #[inline]
    pub fn of(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        self.list(i).iter().map(|j| *j as usize)
    }

    /// How many neighbours particle `i` has.
    pub fn count(&self, i: usize) -> usize {
        self.list(i).len()
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
        let moves: Vec<bool> = (0..700).map(|i| i >= 690).collect();
        around.rebuild_around(&position, 1.0, &moves, None);
        for i in 0..700 {
            let wanted = moves[i] || all.of(i).any(|j| moves[j]);
            let mut expected: Vec<usize> = all.of(i).filter(|_| wanted).collect();
            if !moves[i] {
                expected.sort_by_key(|j| !moves[*j]);
                assert!(around.of(i).take(around.moving(i)).all(|j| moves[j]));
            }
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
