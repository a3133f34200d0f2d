//! A first answer for conjugate gradients: what is asked of many particles together is found on coarser and coarser
//! lattices, where a neighbour's word would take an iteration for each particle on its way.
//!
//!   z = D⁻¹ r + Σₗ Pₗ Dₗ⁻¹ Pₗᵀ r,      Pₗ(i, n) = φₙ(xᵢ),      Dₗ(n) = Σᵢ |∇φₙ(xᵢ)|²
//!
//! r what is left to find, D the diagonal of the equations, φₙ the hat function of node n of lattice l: 1 there and 0 at the
//! nodes around it, linear along each axis between. Each lattice has twice the spacing of the one before, down to one node along
//! each axis, whose hat is 1 everywhere: so every length has its lattice, and the number of iterations hardly depends on
//! the number of particles. The equations are those of a Laplacian, −∇²x = b with one row per particle, so the second sum is
//! what they are between hats; in it all particles of a cell of the first lattice stand in its middle. The last hat has no
//! slope: its D is what its particles hold on to by themselves. Particles of different groups have nothing in common, and
//! lattices of their own.
//!
//! Source: Bramble, Pasciak & Xu 1990, Parallel multilevel preconditioners, doi:10.1090/S0025-5718-1990-1023042-6.

use crate::body::particles::Vec3;
use crate::parallel;

/// Nodes of one lattice along each axis, and what they hold for each group.
#[derive(Debug, Clone, Default)]
struct Level {
    nodes: [usize; 3],
    /// Whether it has half the nodes of the lattice before along each axis.
    halved: [bool; 3],
    /// 1/D of each node, 0 where it stands for no particle.
    inverse: Vec<f64>,
    /// What is asked of each node, and then its answer.
    value: Vec<f64>,
}

/// Where a particle lies between the eight nodes of its cell.
#[derive(Debug, Clone, Copy, Default)]
struct Spot {
    /// The first node along each axis, and the second; with the group's offset in the first axis' numbers.
    nodes: [[u32; 2]; 3],
    /// Weight of the second.
    share: [f64; 3],
}

impl Spot {
    /// The weights of the eight corners; the bits of a corner say where it takes the second node: x, y, z.
    fn weights(&self) -> [f64; 8] {
        let [x, y, z] = self.share;
        let ([x0, x1], [y0, y1], [z0, z1]) = ([1.0 - x, x], [1.0 - y, y], [1.0 - z, z]);
        let (a, b, c, d) = (y0 * z0, y0 * z1, y1 * z0, y1 * z1);
        [x0 * a, x0 * b, x0 * c, x0 * d, x1 * a, x1 * b, x1 * c, x1 * d]
    }

    /// The nodes of the same corners, of a lattice with so many nodes along y and z.
    fn corners(&self, [_, y, z]: [usize; 3]) -> [usize; 8] {
        std::array::from_fn(|corner| {
            let node = |axis: usize, bit: usize| self.nodes[axis][(corner >> bit) & 1] as usize;
            (node(0, 2) * y + node(1, 1)) * z + node(2, 0)
        })
    }
}

/// The lattices over the particles as they lie.
#[derive(Debug, Clone, Default)]
pub struct Multilevel {
    levels: Vec<Level>,
    spots: Vec<Spot>,
    /// Cell of each particle in the first lattice, in the order of its groups; one past the last for those left out.
    cell: Vec<u32>,
    /// Where the particles of each cell begin in `members`.
    begin: Vec<u32>,
    members: Vec<u32>,
    /// What the particles of a cell ask of its corners.
    asked: Vec<[f64; 8]>,
    groups: usize,
    periodic: [bool; 3],
    /// 1/D of what all of a group have in common, and its answer.
    common: [(f64, f64); 2],
}

/// The particles that have an equation, and the space that they lie in.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Where they are [m]; inside the period.
    pub position: &'a [Vec3],
    /// Which have an equation.
    pub moves: &'a [bool],
    /// Which of two groups each belongs to; none where there is one.
    pub enclosed: &'a [bool],
    /// Lengths after which space repeats [m]; infinite where it does not.
    pub period: [f64; 3],
    /// About the spacing of the first lattice [m].
    pub spacing: f64,
    /// What each holds on to by itself, in the units of the equations.
    pub own: f64,
}

impl Multilevel {
    /// Lays lattices over the particles.
    pub fn lay(&mut self, scene: &Scene<'_>) {
        let (origin, spacing) = self.size(scene);
        let nodes = self.levels[0].nodes;
        let (cells, periodic) = (self.cells(), self.periodic);
        self.spots.resize(scene.position.len(), Spot::default());
        parallel::for_each(&mut self.spots, |i, spot| {
            let group = scene.enclosed.get(i).map_or(0, |inside| usize::from(*inside));
            for axis in 0..3 {
                let along = ((scene.position[i][axis] - origin[axis]) / spacing[axis]).max(0.0);
                let cell = (along as usize).min(cells[axis] - 1);
                let next = if periodic[axis] { (cell + 1) % nodes[axis] } else { cell + 1 };
                let first = if axis == 0 { group * nodes[0] } else { 0 };
                spot.nodes[axis] = [(first + cell) as u32, (first + next) as u32];
                spot.share[axis] = (along - cell as f64).clamp(0.0, 1.0);
            }
        });
        self.sort(scene.moves);
        self.weigh(spacing);
        let (spots, first) = (&self.spots, self.levels[0].nodes[0] as u32);
        for (group, (inverse, _)) in self.common.iter_mut().enumerate() {
            let belongs = |i: usize| scene.moves[i] && (spots[i].nodes[0][0] >= first) == (group == 1);
            let count = parallel::ordered_sum(spots.len(), |i| if belongs(i) { 1.0 } else { 0.0 });
            *inverse = if count * scene.own > 0.0 { 1.0 / (count * scene.own) } else { 0.0 };
        }
    }

    /// Cells of the first lattice along each axis.
    fn cells(&self) -> [usize; 3] {
        let nodes = self.levels[0].nodes;
        std::array::from_fn(|axis| if self.periodic[axis] { nodes[axis] } else { nodes[axis] - 1 })
    }

    /// Sets the sizes of all lattices; gives the place of the first node, and the spacings of the first lattice [m].
    fn size(&mut self, scene: &Scene<'_>) -> ([f64; 3], [f64; 3]) {
        self.groups = 1 + usize::from(scene.enclosed.iter().any(|inside| *inside));
        self.periodic = scene.period.map(f64::is_finite);
        let moving = || scene.position.iter().zip(scene.moves).filter(|(_, moves)| **moves).map(|(x, _)| x);
        let (mut origin, mut spacing, mut cells) = ([0.0; 3], [scene.spacing; 3], [1; 3]);
        for axis in 0..3 {
            let mut length = scene.period[axis];
            if !self.periodic[axis] {
                let (low, high) =
                    moving().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x[axis]), b.max(x[axis])));
                (origin[axis], length) = if high > low { (low, high - low) } else { (0.0, scene.spacing) };
            }
            // A number that can be halved to the end.
            while (cells[axis] * cells[axis] * 2) as f64 * scene.spacing * scene.spacing < length * length {
                cells[axis] *= 2;
            }
            spacing[axis] = length / cells[axis] as f64;
        }
        self.levels.clear();
        let mut halved = [false; 3];
        let mut nodes: [usize; 3] = std::array::from_fn(|axis| cells[axis] + usize::from(!self.periodic[axis]));
        loop {
            let count = self.groups * nodes.iter().product::<usize>();
            self.levels.push(Level { nodes, halved, inverse: vec![0.0; count], value: vec![0.0; count] });
            halved = nodes.map(|nodes| nodes > 1);
            if !halved.contains(&true) {
                return (origin, spacing);
            }
            // Two nodes at the ends of a single cell become one.
            nodes = std::array::from_fn(|axis| match nodes[axis] {
                1 | 2 => 1,
                nodes => nodes.div_ceil(2),
            });
        }
    }

    /// Sorts the particles that have an equation into the cells of the first lattice.
    fn sort(&mut self, moves: &[bool]) {
        let Level { nodes, .. } = &self.levels[0];
        let count = self.groups * nodes.iter().product::<usize>();
        self.cell.resize(self.spots.len(), 0);
        let (spots, [_, y, z]) = (&self.spots, *nodes);
        // A cell has the number of its first node.
        parallel::for_each(&mut self.cell, |i, cell| {
            let [a, b, c] = spots[i].nodes.map(|[first, _]| first as usize);
            *cell = if moves[i] { ((a * y + b) * z + c) as u32 } else { count as u32 };
        });
        self.begin.clear();
        self.begin.resize(count + 2, 0);
        for cell in &self.cell {
            self.begin[*cell as usize + 1] += 1;
        }
        for cell in 0..=count {
            self.begin[cell + 1] += self.begin[cell];
        }
        let mut next = self.begin.clone();
        self.members.resize(self.spots.len(), 0);
        for (i, cell) in self.cell.iter().enumerate() {
            self.members[next[*cell as usize] as usize] = i as u32;
            next[*cell as usize] += 1;
        }
        self.asked.resize(count, [0.0; 8]);
    }

    /// Works out 1/D of every node; `spacing` that of the first lattice [m].
    fn weigh(&mut self, spacing: [f64; 3]) {
        let (begin, first, periodic, groups) = (&self.begin, self.levels[0].nodes, self.periodic, self.groups);
        let mut halvings = [0; 3];
        let scales: Vec<[i32; 3]> = self
            .levels
            .iter()
            .map(|level| {
                halvings = std::array::from_fn(|axis| halvings[axis] + i32::from(level.halved[axis]));
                halvings
            })
            .collect();
        parallel::for_each_large(&mut self.levels, |l, level| {
            let nodes = level.nodes;
            // Node, weight and slope of both ends of a cell, for each number of a fine cell along each axis.
            let ends: [Vec<[(usize, f64, f64); 2]>; 3] = std::array::from_fn(|axis| {
                let scale = f64::from(1 << scales[l][axis]);
                let slope = 1.0 / (scale * spacing[axis]);
                let of_cell = |cell: usize| {
                    let along = (cell as f64 + 0.5) / scale;
                    let node = along as usize;
                    let share = along - node as f64;
                    let next = if periodic[axis] { (node + 1) % nodes[axis] } else { (node + 1).min(nodes[axis] - 1) };
                    if nodes[axis] == 1 {
                        return [(0, 1.0, 0.0), (0, 0.0, 0.0)];
                    }
                    [(node.min(nodes[axis] - 1), 1.0 - share, slope), (next, share, slope)]
                };
                (0..first[axis]).map(of_cell).collect()
            });
            for cell in 0..groups * first.iter().product::<usize>() {
                let count = f64::from(begin[cell + 1] - begin[cell]);
                if count == 0.0 {
                    continue;
                }
                let place = [cell / (first[1] * first[2]) % first[0], cell / first[2] % first[1], cell % first[2]];
                let group = cell / first.iter().product::<usize>();
                for corner in 0..8 {
                    let [x, y, z] = std::array::from_fn(|axis| ends[axis][place[axis]][corner >> (2 - axis) & 1]);
                    let energy = (x.2 * y.1 * z.1).powi(2) + (x.1 * y.2 * z.1).powi(2) + (x.1 * y.1 * z.2).powi(2);
                    level.inverse[((group * nodes[0] + x.0) * nodes[1] + y.0) * nodes[2] + z.0] += count * energy;
                }
            }
            for inverse in &mut level.inverse {
                *inverse = if *inverse > 0.0 { 1.0 / *inverse } else { 0.0 };
            }
        });
    }

    /// What particles ask, summed at the nodes of the first lattice.
    fn gather(&mut self, of: impl Fn(usize) -> f64 + Sync) {
        let (members, begin, spots) = (&self.members, &self.begin, &self.spots);
        parallel::for_each(&mut self.asked, |cell, asked| {
            *asked = [0.0; 8];
            for i in &members[begin[cell] as usize..begin[cell + 1] as usize] {
                let value = of(*i as usize);
                for (asked, weight) in asked.iter_mut().zip(spots[*i as usize].weights()) {
                    *asked += weight * value;
                }
            }
        });
        let (asked, Level { nodes, value, .. }, periodic) = (&self.asked, &mut self.levels[0], self.periodic);
        let [x, y, z] = *nodes;
        parallel::for_each(value, |node, value| {
            let place = [node / (y * z), node / z % y, node % z];
            *value = 0.0;
            for (corner, bits) in (0..8).map(|corner| (corner, [corner >> 2, corner >> 1 & 1, corner & 1])) {
                let mut cell = [0; 3];
                let mut exists = true;
                for axis in 0..3 {
                    let count = [x, y, z][axis];
                    let (group, at) = (place[axis] / count * count, place[axis] % count);
                    exists &= at >= bits[axis] || periodic[axis];
                    cell[axis] = group + (at + count - bits[axis]) % count;
                }
                if exists {
                    *value += asked[(cell[0] * y + cell[1]) * z + cell[2]][corner];
                }
            }
        });
    }

    /// What is asked of each lattice, from that before.
    fn restrict(&mut self) {
        for l in 1..self.levels.len() {
            let (fine, coarse) = self.levels.split_at_mut(l);
            let (fine, coarse) = (&fine[l - 1], &mut coarse[0]);
            let (nodes, halved, periodic) = (coarse.nodes, coarse.halved, self.periodic);
            parallel::for_each(&mut coarse.value, |node, value| {
                let [x, y, z] = nodes;
                let place = [node / (y * z) % x, node / z % y, node % z];
                let group = node / (x * y * z);
                let around = |axis: usize| Around::of(place[axis], fine.nodes[axis], halved[axis], periodic[axis]);
                let [along_x, along_y, along_z] = [around(0), around(1), around(2)];
                *value = 0.0;
                for (a, by_a) in along_x.nodes() {
                    for (b, by_b) in along_y.nodes() {
                        let row = ((group * fine.nodes[0] + a) * fine.nodes[1] + b) * fine.nodes[2];
                        for (c, by_c) in along_z.nodes() {
                            *value += by_a * by_b * by_c * fine.value[row + c];
                        }
                    }
                }
            });
        }
    }

    /// Answers of the coarser lattices, added to those of the finer.
    fn prolong(&mut self) {
        for l in (0..self.levels.len()).rev() {
            let (fine, coarse) = self.levels.split_at_mut(l + 1);
            let fine = &mut fine[l];
            let inverse = &fine.inverse;
            let (nodes, periodic) = (fine.nodes, self.periodic);
            let coarse = coarse.first();
            parallel::for_each(&mut fine.value, |node, value| {
                *value *= inverse[node];
                let Some(coarse) = coarse else { return };
                let [x, y, z] = nodes;
                let place = [node / (y * z) % x, node / z % y, node % z];
                let group = node / (x * y * z);
                let between =
                    |axis: usize| between(place[axis], coarse.nodes[axis], coarse.halved[axis], periodic[axis]);
                let [along_x, along_y, along_z] = [between(0), between(1), between(2)];
                for (a, by_a) in along_x {
                    for (b, by_b) in along_y {
                        let row = ((group * coarse.nodes[0] + a) * coarse.nodes[1] + b) * coarse.nodes[2];
                        for (c, by_c) in along_z {
                            *value += by_a * by_b * by_c * coarse.value[row + c];
                        }
                    }
                }
            });
        }
    }

    /// Finds the answers of all lattices to what is `left` of each particle's equation.
    pub fn answer(&mut self, left: impl Fn(usize) -> f64 + Sync) {
        self.gather(left);
        let nodes = self.levels[0].nodes.iter().product::<usize>();
        for (group, (inverse, answer)) in self.common.iter_mut().enumerate().take(self.groups) {
            let value = &self.levels[0].value[group * nodes..];
            *answer = *inverse * parallel::ordered_sum(nodes, |node| value[node]);
        }
        self.restrict();
        self.prolong();
    }

    /// The answer at particle `i`, which has an equation.
    #[inline]
    pub fn at(&self, i: usize) -> f64 {
        let (spot, level) = (&self.spots[i], &self.levels[0]);
        let corners = spot.corners(level.nodes);
        let common = self.common[usize::from(spot.nodes[0][0] as usize >= level.nodes[0])].1;
        corners.iter().zip(spot.weights()).map(|(node, weight)| level.value[*node] * weight).sum::<f64>() + common
    }
}

/// The nodes of a finer lattice that a coarser node stands for along one axis.
#[derive(Clone, Copy)]
struct Around([(usize, f64); 3]);

impl Around {
    fn of(place: usize, fine: usize, halved: bool, periodic: bool) -> Self {
        if !halved {
            return Self([(place, 1.0), (0, 0.0), (0, 0.0)]);
        }
        if fine == 2 {
            return Self([(0, 1.0), (1, 1.0), (0, 0.0)]);
        }
        let middle = 2 * place;
        let before = if middle > 0 { Some(middle - 1) } else { periodic.then_some(fine - 1) };
        let after = if middle + 1 < fine { Some(middle + 1) } else { periodic.then_some(0) };
        let beside = |node: Option<usize>| node.map_or((0, 0.0), |node| (node, 0.5));
        Self([(middle, 1.0), beside(before), beside(after)])
    }

    fn nodes(self) -> impl Iterator<Item = (usize, f64)> {
        self.0.into_iter().filter(|(_, weight)| *weight > 0.0)
    }
}

/// The two nodes of a coarser lattice between which a finer node lies along one axis, and their weights.
fn between(place: usize, coarse: usize, halved: bool, periodic: bool) -> [(usize, f64); 2] {
    if !halved {
        return [(place, 1.0), (0, 0.0)];
    }
    let first = place / 2;
    if place.is_multiple_of(2) || coarse == 1 {
        return [(first, 1.0), (0, 0.0)];
    }
    let second = if periodic { (first + 1) % coarse } else { first + 1 };
    [(first, 0.5), (second, 0.5)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: f64 = 1e-3;

    /// A box that repeats along x and y, its particles beside their places; every third has no equation, and some of the
    /// others are of the second group.
    fn laid() -> (Multilevel, Vec<bool>, Vec<bool>) {
        let askew = |n: usize, step: f64| 0.4 * (n as f64 * step).fract();
        let position: Vec<Vec3> = (0..12 * 10 * 5)
            .map(|n| {
                let place = [n % 12, n / 12 % 10, n / 120].map(|k| k as f64);
                Vec3::from(place) + Vec3::new(askew(n, 0.819), askew(n, 0.671), askew(n, 0.549))
            })
            .collect();
        let moves: Vec<bool> = (0..position.len()).map(|n| n % 3 > 0).collect();
        let enclosed: Vec<bool> = position.iter().map(|x| x.x > 4.0 && x.x < 7.0).collect();
        let mut multilevel = Multilevel::default();
        let period = [12.0, 10.0, f64::INFINITY];
        let scene = Scene { position: &position, moves: &moves, enclosed: &enclosed, period, spacing: 1.2, own: OWN };
        multilevel.lay(&scene);
        (multilevel, moves, enclosed)
    }

    /// Answers to what is left of every particle's equation.
    fn answers(multilevel: &mut Multilevel, moves: &[bool], left: &[f64]) -> Vec<f64> {
        multilevel.answer(|i| left[i]);
        (0..left.len()).map(|i| if moves[i] { multilevel.at(i) } else { 0.0 }).collect()
    }

    #[test]
    fn answers_are_as_much_one_way_as_the_other_and_never_against_what_is_asked() {
        let (mut multilevel, moves, _) = laid();
        assert!(multilevel.levels.len() > 2, "{}", multilevel.levels.len());
        let asked = |step: f64| -> Vec<f64> {
            moves.iter().enumerate().map(|(n, m)| if *m { libm::sin(step * n as f64) } else { 0.0 }).collect()
        };
        let (one, other) = (asked(1.7), asked(0.3));
        let times = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (by_one, by_other) = (answers(&mut multilevel, &moves, &one), answers(&mut multilevel, &moves, &other));
        let (there, back) = (times(&by_one, &other), times(&by_other, &one));
        // Rounding of some thousand terms; conjugate gradients need no less.
        assert!((there - back).abs() < 1e-12 * times(&by_one, &one), "{there} {back}");
        assert!(times(&by_one, &one) > 0.0 && times(&by_other, &other) > 0.0);
    }

    #[test]
    fn what_a_group_has_in_common_is_held_by_what_each_holds_on_to() {
        let (mut multilevel, moves, enclosed) = laid();
        let inside = |n: usize| moves[n] && enclosed[n];
        let number = (0..moves.len()).filter(|n| inside(*n)).count() as f64;
        let left: Vec<f64> = (0..moves.len()).map(|n| if inside(n) { 1.0 } else { 0.0 }).collect();
        let found = answers(&mut multilevel, &moves, &left);
        let mean = (0..moves.len()).filter(|n| inside(*n)).map(|n| found[n]).sum::<f64>() / number;
        // 1 for each asks for 1/a; what slopes answer beside it is small, as they hold on so much more.
        assert!((mean * OWN - 1.0).abs() < 0.05, "{mean}");
        assert!((0..moves.len()).filter(|n| !inside(*n)).all(|n| found[n] == 0.0));
    }

    #[test]
    fn what_is_asked_of_particles_arrives_at_nodes_whole() {
        let (mut multilevel, moves, _) = laid();
        let asked = |n: usize| if moves[n] { 1.0 + 0.01 * n as f64 } else { 0.0 };
        let all: f64 = (0..moves.len()).map(asked).sum();
        multilevel.gather(asked);
        multilevel.restrict();
        for level in &multilevel.levels {
            // Hats sum to 1 everywhere.
            assert!((level.value.iter().sum::<f64>() / all - 1.0).abs() < 1e-12);
        }
    }
}
