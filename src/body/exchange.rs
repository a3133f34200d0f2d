//! Equations of what particles exchange pair by pair, solved by conjugate gradients.
//!
//!   aᵢ xᵢ + Σⱼ cᵢⱼ (xᵢ − xⱼ) = bᵢ,   cᵢⱼ = cⱼᵢ ≥ 0,   aᵢ ≥ 0
//!
//! x is what is exchanged, pressures by the motion that they cause. a is what an unknown holds on to by itself; pairs
//! with what is known go into a and b. The matrix is symmetric and has no negative eigenvalue, so conjugate gradients find x,
//! their first answers those of particles alone and of lattices over them (`multilevel.rs`). Sums have a fixed order: the
//! same bits on any number of threads.
//!
//! Source: Hestenes & Stiefel 1952, doi:10.6028/jres.049.044.

use crate::body::multilevel::{Multilevel, Scene};
use crate::body::neighbors::Neighbors;
use crate::parallel::{self, CHUNK};

/// What the equations are made of.
#[derive(Debug)]
pub struct Equations<'a, Own, Pair, Asked> {
    /// Who is near whom.
    pub neighbors: &'a Neighbors,
    /// Which particles have an equation; what the others have is known.
    pub moves: &'a [bool],
    /// aᵢ of particle i.
    pub own: Own,
    /// cᵢⱼ of particle i with its neighbour j.
    pub pair: Pair,
    /// bᵢ of particle i, whose first guess is given, without what neighbours that are known give.
    pub asked: Asked,
}

/// Room to solve such equations in, kept from step to step.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// Iterations of the last solve.
    pub iterations: usize,
    rows: Vec<Rows>,
    multilevel: Multilevel,
    /// The first answer to what is left.
    answer: Vec<f64>,
    /// Where the next iteration looks; zero where x is known.
    direction: Vec<f64>,
}

/// The equations of [`CHUNK`] particles in a row; those of what is known ask for nothing.
///
/// Memory sets the pace: partners are those of the lists of neighbours. cᵢⱼ in 32 bits would be less to read, but what
/// it rounds is enough to disturb a liquid that rests on a lattice.
#[derive(Debug, Clone, Default)]
struct Rows {
    /// cᵢⱼ, in the order of the neighbours of each.
    weight: Vec<f64>,
    /// aᵢ + Σ cᵢⱼ.
    diagonal: Vec<f64>,
    /// What is not balanced yet.
    residual: Vec<f64>,
    /// The matrix times the direction.
    product: Vec<f64>,
    /// What x changes by.
    change: Vec<f64>,
    /// Sums over these particles, whichever were asked for last.
    sums: [f64; 2],
}

impl Rows {
    /// Writes the equations of the particles from `first` on, of which `x` is the first guess. Sums: the squares of b,
    /// and of what is left.
    fn write<Own: Fn(usize) -> f64, Pair: Fn(usize, usize) -> f64, Asked: Fn(usize, f64) -> f64>(
        &mut self,
        equations: &Equations<'_, Own, Pair, Asked>,
        first: usize,
        x: &[f64],
    ) {
        let Equations { neighbors, moves, .. } = equations;
        let count = CHUNK.min(x.len() - first);
        self.weight.clear();
        for list in [&mut self.residual, &mut self.product, &mut self.change] {
            list.clear();
            list.resize(count, 0.0);
        }
        self.diagonal.clear();
        self.diagonal.resize(count, 1.0);
        self.sums = [0.0; 2];
        for n in (0..count).filter(|n| moves[first + n]) {
            let i = first + n;
            let mut wanted = (equations.asked)(i, x[i]);
            self.diagonal[n] = (equations.own)(i);
            self.residual[n] = wanted - x[i] * self.diagonal[n];
            self.weight.resize(neighbors.begin_in_chunk(i), 0.0);
            for j in neighbors.of(i) {
                let weight = (equations.pair)(i, j);
                self.weight.push(weight);
                self.diagonal[n] += weight;
                self.residual[n] += (x[j] - x[i]) * weight;
                if !moves[j] {
                    wanted += x[j] * weight;
                }
            }
            self.sums[0] += wanted * wanted;
            self.sums[1] += self.residual[n] * self.residual[n];
        }
    }

    /// The matrix times the direction. Sum: that times the direction.
    fn multiply(&mut self, neighbors: &Neighbors, moves: &[bool], first: usize, direction: &[f64]) {
        self.sums = [0.0; 2];
        for n in (0..self.product.len()).filter(|n| moves[first + n]) {
            let i = first + n;
            let (others, begin) = (neighbors.list(i), neighbors.begin_in_chunk(i));
            let weights = &self.weight[begin..begin + others.len()];
            self.product[n] = direction[i] * self.diagonal[n] - from_others(others, weights, direction);
            self.sums[0] += direction[i] * self.product[n];
        }
    }

    /// Goes a step along the direction. Sum: what is left, squared.
    fn advance(&mut self, step: f64, direction: &[f64]) {
        self.sums = [0.0; 2];
        let rows = self.change.iter_mut().zip(&mut self.residual).zip(&self.product);
        for (((change, residual), product), direction) in rows.zip(direction) {
            *change += *direction * step;
            *residual -= *product * step;
            self.sums[0] += *residual * *residual;
        }
    }

    /// First answers of the particles from `first` on. Sum: these times what is left.
    fn answer(&mut self, multilevel: &Multilevel, moves: &[bool], first: usize, answer: &mut [f64]) {
        self.sums = [0.0; 2];
        for (n, answer) in answer.iter_mut().enumerate().filter(|(n, _)| moves[first + n]) {
            *answer = self.residual[n] / self.diagonal[n] + multilevel.at(first + n);
            self.sums[0] += *answer * self.residual[n];
        }
    }
}

impl Exchange {
    /// Improves `x` of those that move until the residual is at most `tolerance` times b, or for `most` iterations;
    /// `scene` says where they lie.
    pub fn solve<Own, Pair, Asked>(
        &mut self,
        equations: &Equations<'_, Own, Pair, Asked>,
        scene: &Scene<'_>,
        x: &mut [f64],
        tolerance: f64,
        most: usize,
    ) where
        Own: Fn(usize) -> f64 + Sync,
        Pair: Fn(usize, usize) -> f64 + Sync,
        Asked: Fn(usize, f64) -> f64 + Sync,
    {
        let (neighbors, moves) = (equations.neighbors, equations.moves);
        self.rows.resize_with(x.len().div_ceil(CHUNK), Rows::default);
        let guess = &*x;
        parallel::for_each_large(&mut self.rows, |chunk, rows| rows.write(equations, chunk * CHUNK, guess));
        let [wanted, mut left] = self.sums();
        let small = tolerance * tolerance * wanted;
        self.iterations = 0;
        if left > small {
            self.multilevel.lay(scene);
        }
        for list in [&mut self.answer, &mut self.direction] {
            list.clear();
            list.resize(x.len(), 0.0);
        }
        let mut before = 0.0;
        while left > small && self.iterations < most {
            let along = self.answer(moves);
            let kept = if self.iterations > 0 { along / before } else { 0.0 };
            let answer = &self.answer;
            parallel::for_each(&mut self.direction, |i, direction| *direction = answer[i] + *direction * kept);
            let direction = &self.direction;
            parallel::for_each_large(&mut self.rows, |chunk, rows| {
                rows.multiply(neighbors, moves, chunk * CHUNK, direction);
            });
            let step = along / self.sums()[0];
            let direction = &self.direction;
            parallel::for_each_large(&mut self.rows, |chunk, rows| rows.advance(step, &direction[chunk * CHUNK..]));
            left = self.sums()[0];
            before = along;
            self.iterations += 1;
        }
        let rows = &self.rows;
        parallel::for_each_chunk(x, |first, x| {
            x.iter_mut().zip(&rows[first / CHUNK].change).for_each(|(x, change)| *x += *change);
        });
    }

    /// Finds first answers to what is left; gives these times what is left.
    fn answer(&mut self, moves: &[bool]) -> f64 {
        let rows = &self.rows;
        self.multilevel.answer(|i| rows[i / CHUNK].residual[i % CHUNK]);
        let multilevel = &self.multilevel;
        parallel::for_each_with_chunk(&mut self.rows, &mut self.answer, |chunk, rows, answer| {
            rows.answer(multilevel, moves, chunk * CHUNK, answer);
        });
        self.sums()[0]
    }

    /// The sums of all rows, added in their order.
    fn sums(&self) -> [f64; 2] {
        self.rows.iter().fold([0.0; 2], |[a, b], rows| [a + rows.sums[0], b + rows.sums[1]])
    }
}

/// Σⱼ cᵢⱼ xⱼ over the neighbours of a particle, in four sums side by side, so that none waits for the one before.
#[inline]
fn from_others(others: &[u32], weights: &[f64], x: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (fours, rest) = others.as_chunks::<4>();
    let (weights, weights_of_rest) = weights.split_at(4 * fours.len());
    for (others, weights) in fours.iter().zip(weights.as_chunks::<4>().0) {
        for n in 0..4 {
            sums[n] += x[others[n] as usize] * weights[n];
        }
    }
    for (n, (other, weight)) in rest.iter().zip(weights_of_rest).enumerate() {
        sums[n] += x[*other as usize] * *weight;
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::particles::Vec3;

    /// Particles in a row, each beside the next; what the first is asked for, the last is asked to give.
    fn solve(x: &mut [f64], tolerance: f64) -> usize {
        let count = x.len();
        let position: Vec<Vec3> = (0..count).map(|n| Vec3::new(n as f64, 0.0, 0.0)).collect();
        let moves = vec![true; count];
        let mut neighbors = Neighbors::default();
        neighbors.rebuild(&position, 1.5);
        let asked = |i: usize, _| f64::from(u8::from(i == count - 1)) - f64::from(u8::from(i == 0));
        let equations = Equations { neighbors: &neighbors, moves: &moves, own: |_| 0.0, pair: |_, _| 1.0, asked };
        let period = [f64::INFINITY; 3];
        let scene = Scene { position: &position, moves: &moves, enclosed: &[], period, spacing: 2.0, own: 0.0 };
        let mut exchange = Exchange::default();
        exchange.solve(&equations, &scene, x, tolerance, 2000);
        exchange.iterations
    }

    #[test]
    fn what_passes_along_a_chain_takes_as_few_iterations_however_long_it_is() {
        for length in [62, 602, 6002] {
            let mut x = vec![0.0; length];
            // By particles alone it takes as many iterations as there are particles between.
            let iterations = solve(&mut x, 1e-9);
            assert!(iterations < 60, "{iterations} for {length}");
            for n in 1..length {
                assert!((x[n] - x[n - 1] - 1.0).abs() < 1e-6, "{} at {n} of {length}", x[n] - x[n - 1]);
            }
        }
    }

    #[test]
    fn a_good_answer_is_left_alone() {
        let mut x: Vec<f64> = (0..602).map(f64::from).collect();
        let before = x.clone();
        assert_eq!(solve(&mut x, 1e-9), 0);
        assert_eq!(x, before);
    }
}
