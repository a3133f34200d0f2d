//! Which particles of a scene feel each other: movers their nearest neighbours, boundary particles the movers.
//!
//! Everything within the smoothing length h is a neighbour, but a particle keeps only its 32 nearest. Candidates
//! within h + skin are found once and serve until something has moved by half the skin: then no pair can have been
//! missed. Boundary particles that no mover is near take no part.
//!
//! What is of pairs is f32, in the file's unit of length, as in the peer: in a scene laid out on a lattice as wide as
//! half of h, rounding decides who is a neighbour.
//!
//! Source: the cap is Sibernetic's, 0.0.6; the skin Verlet's: 1967, doi:10.1103/PhysRev.159.98.

use crate::body::neighbors::{Around, Bins};
use crate::body::particles::Vec3;
use crate::body::scene::group::{Copied, Group, MOST, SIDE, Side, beside};
use crate::parallel;

/// Skin as a share of h. At 0.14 a worm at 15 mm/s finds its candidates anew every third step, and a third of them
/// are beyond h. Chosen by trying 0.1 and 0.14, of which neither was clearly faster.
const SKIN: f64 = 0.14;

/// Candidates for which there is room without asking for memory: three times what a dense liquid has.
const ROOM: usize = 192;

/// Candidates of all movers, and the boundary particles among them.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    /// h [m].
    reach: f64,
    /// The file's unit of length [m].
    unit: f64,
    bins: Bins,
    sorted: Sorted,
    wall_bins: Bins,
    sorted_walls: Sorted,
    /// Where the movers were when candidates were last found.
    found_at: Vec<Vec3>,
    /// What was found last, in the order of bins.
    found: Vec<Found>,
    /// Of each mover, movers, then places in `near_walls` raised by the number of movers; one after the other.
    candidates: Vec<u32>,
    /// Where those of each mover begin, and where the last end.
    begin: Vec<u32>,
    /// Boundary particles near a mover, sorted.
    pub near_walls: Vec<u32>,
    /// Of each of `near_walls`, the movers near it.
    pub movers_of_wall: Vec<Vec<u32>>,
}

/// Candidates of one mover: movers, then boundary particles.
#[derive(Debug, Clone, Default)]
struct Found {
    list: Vec<u32>,
    movers: usize,
}

/// Particles in the order of their bins.
#[derive(Debug, Clone, Default)]
struct Sorted {
    /// Where they are [m].
    places: Vec<Vec3>,
    numbers: Vec<u32>,
}

impl Sorted {
    fn take(&mut self, bins: &Bins, position: &[Vec3]) {
        self.numbers.clear();
        self.numbers.extend(bins.by_bin().map(|i| i as u32));
        self.places.clear();
        self.places.extend(self.numbers.iter().map(|i| position[*i as usize]));
    }
}

impl Pairs {
    /// Pairs within `reach` h [m] of movers among themselves and with the boundary particles `wall`; `unit` is the
    /// file's [m].
    pub fn new(reach: f64, unit: f64, wall: &[Vec3]) -> Self {
        let mut pairs = Self { reach, unit, ..Self::default() };
        pairs.wall_bins.sort(wall, reach * (1.0 + SKIN));
        pairs.sorted_walls.take(&pairs.wall_bins, wall);
        pairs
    }

    /// Makes sure that the candidates hold every pair within reach; says whether they are new.
    pub fn refresh(&mut self, position: &[Vec3]) -> bool {
        let most = (0.5 * SKIN * self.reach).powi(2);
        let moved = |(now, then): (&Vec3, &Vec3)| (now - then).norm_squared() < most;
        if self.found_at.len() == position.len() && position.iter().zip(&self.found_at).all(moved) {
            return false;
        }
        self.found_at.clear();
        self.found_at.extend_from_slice(position);
        let width = self.reach * (1.0 + SKIN);
        self.bins.sort(position, width);
        let (mut columns, mut wall_columns, mut bin_of) = (Vec::new(), Vec::new(), Vec::new());
        self.bins.columns(self.bins.occupied(), &mut columns);
        self.wall_bins.columns(self.bins.occupied(), &mut wall_columns);
        self.bins.number_bins(&mut bin_of);
        self.sorted.take(&self.bins, position);
        let mut found = std::mem::take(&mut self.found);
        found.resize_with(position.len(), Found::default);
        let (sorted, sorted_walls) = (&self.sorted, &self.sorted_walls);
        parallel::for_each_chunk(&mut found, |first, found| {
            let (mut around, mut walls_around, mut bin) = (Around::default(), Around::default(), u32::MAX);
            for (n, found) in found.iter_mut().enumerate() {
                let (i, here) = (sorted.numbers[first + n], &sorted.places[first + n]);
                if bin != bin_of[i as usize] {
                    bin = bin_of[i as usize];
                    around.take(&columns[bin as usize], &sorted.places, &sorted.numbers);
                    walls_around.take(&wall_columns[bin as usize], &sorted_walls.places, &sorted_walls.numbers);
                }
                found.list.clear();
                around.find(here, width, i, &mut found.list);
                found.movers = found.list.len();
                walls_around.find(here, width, u32::MAX, &mut found.list);
            }
        });
        self.keep(&found);
        self.found = found;
        true
    }

    /// The boundary particles near a mover of a group.
    pub fn walls<'a>(&'a self, group: &'a Group, lane: usize) -> impl Iterator<Item = usize> + 'a {
        let movers = self.found_at.len();
        group.partners(lane).filter(move |j| *j >= movers).map(move |j| self.near_walls[j - movers] as usize)
    }

    /// Keeps what was `found` for the sorted movers, in their own order; boundary particles become places in `near_walls`.
    fn keep(&mut self, found: &[Found]) {
        let movers = found.len();
        let mut place = vec![0; self.sorted_walls.numbers.len()];
        let walls = found.iter().flat_map(|found| &found.list[found.movers..]);
        walls.for_each(|wall| place[*wall as usize] = 1);
        self.near_walls.clear();
        for (wall, place) in place.iter_mut().enumerate().filter(|(_, place)| **place > 0) {
            *place = (movers + self.near_walls.len()) as u32;
            self.near_walls.push(wall as u32);
        }
        self.movers_of_wall.resize_with(self.near_walls.len(), Vec::new);
        self.movers_of_wall.iter_mut().for_each(Vec::clear);
        let mut sorted = vec![0; movers];
        self.sorted.numbers.iter().enumerate().for_each(|(n, i)| sorted[*i as usize] = n);
        self.candidates.clear();
        self.begin.clear();
        for (i, n) in sorted.into_iter().enumerate() {
            self.begin.push(self.candidates.len() as u32);
            let (near, walls) = found[n].list.split_at(found[n].movers);
            self.candidates.extend_from_slice(near);
            for wall in walls {
                let place = place[*wall as usize];
                self.candidates.push(place);
                self.movers_of_wall[place as usize - movers].push(i as u32);
            }
        }
        self.begin.push(self.candidates.len() as u32);
    }

    /// The neighbours of the movers from `first` on and their `distance`; `place` are the positions of movers, then of the
    /// near walls, in the file's unit; `copied` is room to work in.
    #[inline(always)]
    pub fn fill(
        &self,
        first: usize,
        place: &[[f32; 4]],
        group: &mut Group,
        distance: &mut [Side; MOST],
        copied: &mut Copied<4>,
    ) {
        let movers = self.found_at.len();
        let reach = (self.reach / self.unit) as f32;
        let (mut names, mut squares) = ([0; ROOM], [f32::INFINITY; ROOM]);
        let (mut more_names, mut more_squares) = (Vec::new(), Vec::new());
        let mut here = [[0.0; 4]; SIDE];
        for lane in 0..SIDE {
            let i = if first + lane < movers { first + lane } else { 0 };
            here[lane] = place[i];
            let candidates = &self.candidates[self.begin[i] as usize..self.begin[i + 1] as usize];
            let (names, squares): (&mut [u32], &mut [f32]) = if candidates.len() < ROOM {
                (&mut names, &mut squares)
            } else {
                // One place more than there are candidates, and a whole number of vectors.
                more_names.resize(candidates.len() + MOST, 0);
                more_squares.resize((candidates.len() / MOST + 1) * MOST, f32::INFINITY);
                (&mut more_names, &mut more_squares)
            };
            let count = nearest(candidates, place, &here[lane], reach * reach, names, squares);
            names[count..MOST].fill(i as u32);
            for n in 0..MOST {
                group.partner[n][lane] = names[n];
                distance[n][lane] = squares[n];
            }
            // Those of the boundary are the last.
            group.at_the_wall[lane] = count > 0 && names[count - 1] as usize >= movers;
            group.count[lane] = if first + lane < movers { count as u32 } else { 0 };
        }
        group.most = group.count.iter().fold(0, |most, count| most.max(*count)) as usize;
        let mut there = [[[0.0; SIDE]; MOST]; 4];
        group.gather(place, copied, &mut there);
        let here = beside(&here);
        for ((away, here), there) in group.away.iter_mut().zip(&here).zip(&there) {
            for (away, there) in away.iter_mut().zip(&there[..group.most]) {
                for lane in 0..SIDE {
                    away[lane] = here[lane] - there[lane];
                }
            }
        }
        for (n, row) in distance.iter_mut().enumerate() {
            for (distance, count) in row.iter_mut().zip(&group.count) {
                *distance = if (n as u32) < *count { distance.sqrt() } else { reach };
            }
        }
    }
}

/// Puts the neighbours among the `candidates` to the front of `names`, with squares of their distances; says how many.
#[inline(always)]
fn nearest(
    candidates: &[u32],
    place: &[[f32; 4]],
    here: &[f32; 4],
    within: f32,
    names: &mut [u32],
    squares: &mut [f32],
) -> usize {
    // Written always and kept by counting on: of the candidates many are too far, and no branch foresees which.
    let mut count = 0;
    for j in candidates {
        let there = &place[*j as usize];
        let (x, y, z) = (here[0] - there[0], here[1] - there[1], here[2] - there[2]);
        let square = x * x + y * y + z * z;
        (names[count], squares[count]) = (*j, square);
        count += usize::from(square < within);
    }
    if count > MOST {
        keep_nearest(names, squares, count, within);
    }
    count.min(MOST)
}

/// Moves the [`MOST`] nearest of the first `count` to the front, in their order; of equally far ones those that come last
/// are left out. Their `squares` of distances are below `within`.
///
/// A limit that exactly so many are below is looked for by halving: squares are positive, so their bits, read as whole
/// numbers, are in the order of the numbers, and counting needs no branch.
#[inline(always)]
fn keep_nearest(names: &mut [u32], squares: &mut [f32], count: usize, within: f32) {
    let used = count.next_multiple_of(MOST);
    squares[count..used].fill(f32::INFINITY);
    let below = |limit: u32| squares[..used].iter().map(|square| u32::from(square.to_bits() < limit)).sum::<u32>();
    let most = MOST as u32;
    // Fewer than asked for are below `low`, and more below `high`.
    let (mut low, mut high) = ((0.5 * within).to_bits(), within.to_bits());
    let mut nearer = below(low);
    if nearer > most {
        (low, high, nearer) = (0, low, 0);
    }
    while nearer < most && high - low > 1 {
        let middle = low.midpoint(high);
        let found = below(middle);
        if found > most { high = middle } else { (low, nearer) = (middle, found) }
    }
    // Where `nearer` are fewer, all that are missing are equally far, at `low`.
    let mut missing = most - nearer;
    let mut kept = 0;
    for n in 0..count {
        let (name, square) = (names[n], squares[n]);
        (names[kept], squares[kept]) = (name, square);
        let at_the_limit = square.to_bits() == low && missing > 0;
        missing -= u32::from(at_the_limit);
        kept += usize::from(square.to_bits() < low || at_the_limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The group of one particle in the middle of a ball of `others`, at distances 1, 2 … of 0.01 units.
    fn crowd(others: u32) -> (Group, [Side; MOST]) {
        let direction = |k: f64| Vec3::new(libm::sin(k), libm::cos(k), libm::sin(0.7 * k)).normalize();
        let mut position = vec![Vec3::zeros()];
        position.extend((1..=others).map(|k| direction(f64::from(k)) * f64::from(k) * 0.01));
        let mut pairs = Pairs::new(1.0, 1.0, &[Vec3::new(0.0, -0.5, 0.0)]);
        assert!(pairs.refresh(&position));
        let mut place: Vec<[f32; 4]> = position.iter().map(|x| [x.x as f32, x.y as f32, x.z as f32, 0.0]).collect();
        place.push([0.0, -0.5, 0.0, 0.0]);
        let (mut group, mut distance) = (Group::EMPTY, [[0.0; SIDE]; MOST]);
        pairs.fill(0, &place, &mut group, &mut distance, &mut [[[0.0; 4]; SIDE]; MOST]);
        (group, distance)
    }

    #[test]
    fn a_particle_keeps_the_32_nearest() {
        let (group, _) = crowd(90);
        let mut kept: Vec<usize> = group.partners(0).collect();
        kept.sort_unstable();
        assert_eq!(kept, (1..=32).collect::<Vec<usize>>());
        assert!(!group.at_the_wall[0]);
    }

    #[test]
    fn of_more_than_32_that_are_equally_far_the_last_are_left_out() {
        let mut names: Vec<u32> = (0..64).collect();
        // 20 near ones, then 30 at one distance, of which 12 have room.
        let mut squares: Vec<f32> = (0..64).map(|n| if n < 20 { 0.3 + 0.01 * n as f32 } else { 0.75 }).collect();
        keep_nearest(&mut names, &mut squares, 50, 1.0);
        assert_eq!(names[..MOST], (0..32).collect::<Vec<u32>>());
        // 40 so near that the first guess of a limit has too many below it.
        let mut names: Vec<u32> = (0..64).collect();
        let mut squares: Vec<f32> = (0..64).map(|n| 0.001 * (40 - n) as f32).collect();
        keep_nearest(&mut names, &mut squares, 40, 1.0);
        assert_eq!(names[..MOST], (8..40).collect::<Vec<u32>>());
    }

    #[test]
    fn a_lonely_particle_sees_the_boundary_and_the_rest_of_its_places_weigh_nothing() {
        let (group, distance) = crowd(3);
        let mut kept: Vec<usize> = group.partners(0).collect();
        kept.sort_unstable();
        assert_eq!(kept, [1, 2, 3, 4]);
        assert!(group.at_the_wall[0]);
        assert!(distance[4..].iter().all(|r| r[0] == 1.0) && group.partner[4..].iter().all(|j| j[0] == 0));
    }
}
