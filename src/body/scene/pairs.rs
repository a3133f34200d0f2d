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

use crate::body::neighbors::Bins;
use crate::body::particles::Vec3;
use crate::parallel;

/// Neighbours that a particle keeps.
pub const MOST: usize = 32;

/// Skin as a share of h. At 0.1 a worm at 15 mm/s finds its candidates anew every fourth step, and a third of them
/// are beyond h. Chosen by trying 0.05 to 0.2.
const SKIN: f64 = 0.1;

/// Candidates for which there is room without asking for memory: three times what a dense liquid has.
const ROOM: usize = 192;

/// The neighbours of one moving particle, with room for [`MOST`]; places beyond the last hold the particle itself at
/// distance h, where all smoothing functions are zero. Lengths are in the file's unit.
#[derive(Debug, Clone)]
pub struct Row {
    /// Who they are: below the number of movers a mover, from there on a place in [`Pairs::near_walls`].
    pub partner: [u32; MOST],
    /// From them to the particle, along x, y and z.
    pub away: [[f32; MOST]; 3],
    /// How far they are.
    pub distance: [f32; MOST],
    /// How many there are.
    pub count: usize,
    /// Whether any of them is of the boundary.
    pub at_the_wall: bool,
}

/// Candidates of all movers, and the boundary particles among them.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    /// h [m].
    reach: f64,
    /// The file's unit of length [m].
    unit: f64,
    bins: Bins,
    wall_bins: Bins,
    /// Where the movers were when candidates were last found.
    found_at: Vec<Vec3>,
    /// Movers, then places in `near_walls` raised by the number of movers.
    candidates: Vec<Vec<u32>>,
    /// Boundary particles near a mover, sorted.
    pub near_walls: Vec<u32>,
    /// Of each of `near_walls`, the movers near it.
    pub movers_of_wall: Vec<Vec<u32>>,
}

impl Row {
    /// A row without neighbours.
    pub const EMPTY: Self =
        Self { partner: [0; MOST], away: [[0.0; MOST]; 3], distance: [0.0; MOST], count: 0, at_the_wall: false };

    /// The neighbours.
    #[inline]
    pub fn partners(&self) -> impl Iterator<Item = usize> + '_ {
        self.partner[..self.count].iter().map(|j| *j as usize)
    }
}

impl Pairs {
    /// Pairs within `reach` h [m] of movers among themselves and with the boundary particles `wall`; `unit` is the
    /// file's [m].
    pub fn new(reach: f64, unit: f64, wall: &[Vec3]) -> Self {
        let mut pairs = Self { reach, unit, ..Self::default() };
        pairs.wall_bins.sort(wall, reach * (1.0 + SKIN));
        pairs
    }

    /// Makes sure that the candidates hold every pair within reach; says whether they are new.
    pub fn refresh(&mut self, position: &[Vec3], wall: &[Vec3]) -> bool {
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
        self.candidates.resize_with(position.len(), Vec::new);
        let (bins, wall_bins, movers) = (&self.bins, &self.wall_bins, position.len());
        parallel::for_each(&mut self.candidates, |i, list| {
            let bin = bin_of[i] as usize;
            let (columns, wall_columns) = (&columns[bin], &wall_columns[bin]);
            let near = |other: &Vec3| (other - position[i]).norm_squared() < width * width;
            list.clear();
            list.extend(bins.in_columns(columns).filter(|j| *j != i && near(&position[*j])).map(|j| j as u32));
            let walls = wall_bins.in_columns(wall_columns).filter(|j| near(&wall[*j]));
            list.extend(walls.map(|j| (movers + j) as u32));
        });
        self.number_walls(movers);
        true
    }

    /// The boundary particles in a row.
    pub fn walls<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = usize> + 'a {
        let movers = self.candidates.len();
        row.partners().filter(move |j| *j >= movers).map(move |j| self.near_walls[j - movers] as usize)
    }

    /// Boundary particles in the candidates become places in `near_walls`.
    fn number_walls(&mut self, movers: usize) {
        self.near_walls.clear();
        for list in &self.candidates {
            self.near_walls.extend(list[split(list, movers)..].iter().map(|j| j - movers as u32));
        }
        self.near_walls.sort_unstable();
        self.near_walls.dedup();
        self.movers_of_wall.resize_with(self.near_walls.len(), Vec::new);
        self.movers_of_wall.iter_mut().for_each(Vec::clear);
        for (i, list) in self.candidates.iter_mut().enumerate() {
            let from = split(list, movers);
            for j in &mut list[from..] {
                let place = self.near_walls.partition_point(|wall| *wall < *j - movers as u32);
                self.movers_of_wall[place].push(i as u32);
                *j = (movers + place) as u32;
            }
        }
    }

    /// The neighbours of mover `i`; `place` are the positions of movers, then of the near walls, in the file's unit.
    #[inline(always)]
    pub fn fill(&self, i: usize, place: &[[f32; 4]], row: &mut Row) {
        let candidates = &self.candidates[i];
        let (mut stack, mut heap) = ([0.0; ROOM], Vec::new());
        let squares: &mut [f32] = if candidates.len() <= ROOM {
            &mut stack[..candidates.len()]
        } else {
            heap.resize(candidates.len(), 0.0);
            &mut heap
        };
        let [x, y, z, _] = place[i];
        let reach = (self.reach / self.unit) as f32;
        for (square, j) in squares.iter_mut().zip(candidates) {
            let there = place[*j as usize];
            let (x, y, z) = (x - there[0], y - there[1], z - there[2]);
            *square = x * x + y * y + z * z;
        }
        let within = reach * reach;
        let mut near = squares.iter().map(|square| u32::from(*square < within)).sum::<u32>() as usize;
        // Written always and kept by counting on: half of the candidates are too far, and no branch foresees which.
        let mut kept = [i as u32; MOST + 1];
        let mut count = 0;
        if near <= MOST {
            for (square, j) in squares.iter().zip(candidates) {
                kept[count.min(MOST)] = *j;
                count += usize::from(*square < within);
            }
        } else {
            // Of more than there is room for, the farthest are left out; of equally far ones those that come last.
            let mut sorted = [0.0; ROOM];
            let mut many = Vec::new();
            let sorted = if near < ROOM {
                &mut sorted[..]
            } else {
                many.resize(near + 1, 0.0);
                &mut many
            };
            near = 0;
            for square in squares.iter() {
                sorted[near] = *square;
                near += usize::from(*square < within);
            }
            let limit = *sorted[..near].select_nth_unstable_by(MOST - 1, f32::total_cmp).1;
            let mut at_the_limit = MOST - sorted[..MOST].iter().filter(|square| **square < limit).count();
            for (square, j) in squares.iter().zip(candidates) {
                kept[count.min(MOST)] = *j;
                let at_it = *square == limit && at_the_limit > 0;
                at_the_limit -= usize::from(at_it);
                count += usize::from(*square < limit || at_it);
            }
        }
        kept[count.min(MOST)..].fill(i as u32);
        row.count = count;
        row.partner.copy_from_slice(&kept[..MOST]);
        for (n, j) in row.partner.iter().enumerate() {
            let there = place[*j as usize];
            (row.away[0][n], row.away[1][n], row.away[2][n]) = (x - there[0], y - there[1], z - there[2]);
        }
        for (n, distance) in row.distance.iter_mut().enumerate() {
            let [x, y, z] = [row.away[0][n], row.away[1][n], row.away[2][n]];
            *distance = (x * x + y * y + z * z).sqrt();
        }
        row.distance[row.count..].fill(reach);
        let is_wall = |j: &u32| *j as usize >= self.candidates.len();
        row.at_the_wall = row.partner[..row.count].iter().any(is_wall);
    }
}

/// Where the boundary particles begin in a list of candidates, which has them last.
fn split(list: &[u32], movers: usize) -> usize {
    list.partition_point(|j| (*j as usize) < movers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The row of one particle in the middle of a ball of `others`, at distances 1, 2 … of 0.01 units.
    fn crowd(others: u32) -> Row {
        let direction = |k: f64| Vec3::new(libm::sin(k), libm::cos(k), libm::sin(0.7 * k)).normalize();
        let mut position = vec![Vec3::zeros()];
        position.extend((1..=others).map(|k| direction(f64::from(k)) * f64::from(k) * 0.01));
        let mut pairs = Pairs::new(1.0, 1.0, &[Vec3::new(0.0, -0.5, 0.0)]);
        assert!(pairs.refresh(&position, &[Vec3::new(0.0, -0.5, 0.0)]));
        let mut place: Vec<[f32; 4]> = position.iter().map(|x| [x.x as f32, x.y as f32, x.z as f32, 0.0]).collect();
        place.push([0.0, -0.5, 0.0, 0.0]);
        let mut row = Row::EMPTY;
        pairs.fill(0, &place, &mut row);
        row
    }

    #[test]
    fn a_particle_keeps_the_32_nearest() {
        let row = crowd(90);
        let mut kept: Vec<usize> = row.partners().collect();
        kept.sort_unstable();
        assert_eq!(kept, (1..=32).collect::<Vec<usize>>());
        assert!(!row.at_the_wall);
    }

    #[test]
    fn a_lonely_particle_sees_the_boundary_and_the_rest_of_its_places_weigh_nothing() {
        let row = crowd(3);
        let mut kept: Vec<usize> = row.partners().collect();
        kept.sort_unstable();
        assert_eq!(kept, [1, 2, 3, 4]);
        assert!(row.at_the_wall);
        assert!(row.distance[4..].iter().all(|r| *r == 1.0) && row.partner[4..].iter().all(|j| *j == 0));
    }
}
