//! Equations of what particles exchange pair by pair, solved by conjugate gradients.
//!
//!   aᵢ xᵢ + Σⱼ cᵢⱼ (xᵢ − xⱼ) = bᵢ,   cᵢⱼ = cⱼᵢ ≥ 0,   aᵢ ≥ 0
//!
//! x is what is exchanged: velocities by viscosity, pressures by the motion that they cause. a is what an unknown holds
//! on to by itself, inertia for one; pairs with what is known, a wall, go into a and b. The matrix is symmetric and has
//! no negative eigenvalue, so conjugate gradients, scaled by the diagonal, find x. Sums have a fixed order: the same
//! bits on any number of threads.
//!
//! Source: Hestenes & Stiefel 1952, doi:10.6028/jres.049.044.

use std::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};

use crate::body::particles::Vec3;
use crate::parallel::{self, CHUNK};

/// What can be exchanged: a number or a vector of them.
pub trait Amount:
    Copy
    + Default
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + AddAssign
    + SubAssign
{
    /// The scalar product of two.
    fn times(&self, other: &Self) -> f64;
}

impl Amount for f64 {
    fn times(&self, other: &Self) -> f64 {
        self * other
    }
}

impl Amount for Vec3 {
    fn times(&self, other: &Self) -> f64 {
        self.dot(other)
    }
}

/// The equations of [`CHUNK`] unknowns in a row, as one task writes them.
#[derive(Debug, Default)]
pub struct Rows<T> {
    /// aᵢ + Σ cᵢⱼ.
    diagonal: Vec<f64>,
    /// bᵢ.
    wanted: Vec<T>,
    /// Pairs with other unknowns, all rows one after the other: whose, and cᵢⱼ.
    other: Vec<u32>,
    weight: Vec<f64>,
    /// Where the pairs of each row end.
    end: Vec<u32>,
}

impl<T> Rows<T> {
    /// Adds a pair with unknown `other` to the row that is being written.
    pub fn pair(&mut self, other: u32, weight: f64) {
        self.other.push(other);
        self.weight.push(weight);
    }

    /// Ends the row: its diagonal aᵢ + Σ cᵢⱼ, pairs with what is known included, and bᵢ.
    pub fn end(&mut self, diagonal: f64, wanted: T) {
        self.diagonal.push(diagonal);
        self.wanted.push(wanted);
        self.end.push(self.other.len() as u32);
    }
}

/// All equations.
#[derive(Debug)]
pub struct Exchange<T> {
    rows: Vec<Rows<T>>,
    count: usize,
}

impl<T: Amount> Exchange<T> {
    /// The equations of `count` unknowns, each written by `write(unknown, rows)`, which ends one row.
    pub fn new(count: usize, write: impl Fn(usize, &mut Rows<T>) + Sync + Send) -> Self {
        let rows = parallel::map(count.div_ceil(CHUNK), |chunk| {
            let mut rows = Rows::default();
            for unknown in chunk * CHUNK..((chunk + 1) * CHUNK).min(count) {
                write(unknown, &mut rows);
            }
            rows
        });
        Self { rows, count }
    }

    fn diagonal(&self, k: usize) -> f64 {
        self.rows[k / CHUNK].diagonal[k % CHUNK]
    }

    fn wanted(&self, k: usize) -> T {
        self.rows[k / CHUNK].wanted[k % CHUNK]
    }

    /// (A x) of one row.
    fn product(&self, x: &[T], k: usize) -> T {
        let (rows, n) = (&self.rows[k / CHUNK], k % CHUNK);
        let range = if n == 0 { 0 } else { rows.end[n - 1] as usize }..rows.end[n] as usize;
        x[k] * rows.diagonal[n] - from_others(&rows.other[range.clone()], &rows.weight[range], x)
    }

    /// Improves `x` until the residual is at most `tolerance` times b, or for `most` iterations; gives their number.
    pub fn solve(&self, x: &mut [T], tolerance: f64, most: usize) -> usize {
        let count = self.count;
        let mut residual = vec![T::default(); count];
        parallel::for_each(&mut residual, |k, residual| *residual = self.wanted(k) - self.product(x, k));
        let mut direction = vec![T::default(); count];
        parallel::for_each(&mut direction, |k, direction| *direction = residual[k] / self.diagonal(k));
        let mut product = vec![T::default(); count];
        let size = |a: &[T]| parallel::ordered_sum(count, |k| a[k].times(&a[k]));
        let scaled = |a: &[T]| parallel::ordered_sum(count, |k| a[k].times(&a[k]) / self.diagonal(k));
        let wanted = parallel::ordered_sum(count, |k| self.wanted(k).times(&self.wanted(k)));
        let small = tolerance * tolerance * wanted;
        let mut along = scaled(&residual);
        for iteration in 0..most {
            if size(&residual) <= small {
                return iteration;
            }
            parallel::for_each(&mut product, |k, product| *product = self.product(&direction, k));
            let step = along / parallel::ordered_sum(count, |k| direction[k].times(&product[k]));
            parallel::for_each(x, |k, x| *x += direction[k] * step);
            parallel::for_each(&mut residual, |k, residual| *residual -= product[k] * step);
            let next = scaled(&residual);
            parallel::for_each(&mut direction, |k, direction| {
                *direction = residual[k] / self.diagonal(k) + *direction * (next / along);
            });
            along = next;
        }
        most
    }
}

/// Σⱼ cᵢⱼ xⱼ over the pairs of a row, in four sums side by side, so that none waits for the one before.
#[inline]
fn from_others<T: Amount>(other: &[u32], weight: &[f64], x: &[T]) -> T {
    let mut sums = [T::default(); 4];
    let (others, rest) = other.as_chunks::<4>();
    let (weights, weights_of_rest) = weight.split_at(4 * others.len());
    for (others, weights) in others.iter().zip(weights.as_chunks::<4>().0) {
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

    /// A row of unknowns, each tied to the next, the ends to walls of 0 and 1.
    fn chain(count: usize) -> Exchange<f64> {
        Exchange::new(count, |k, rows| {
            if k > 0 {
                rows.pair(k as u32 - 1, 1.0);
            }
            if k + 1 < count {
                rows.pair(k as u32 + 1, 1.0);
            }
            rows.end(2.0, if k + 1 == count { 1.0 } else { 0.0 });
        })
    }

    #[test]
    fn a_chain_between_two_walls_is_a_straight_line() {
        let mut x = vec![0.0; 600];
        let iterations = chain(600).solve(&mut x, 1e-12, 2000);
        // In exact arithmetic there are no more iterations than unknowns.
        assert!(iterations <= 601, "{iterations}");
        for (k, x) in x.iter().enumerate() {
            assert!((x - (k as f64 + 1.0) / 601.0).abs() < 1e-8, "{x} at {k}");
        }
    }

    #[test]
    fn a_good_answer_is_left_alone() {
        let mut x: Vec<f64> = (0..600).map(|k| (f64::from(k) + 1.0) / 601.0).collect();
        let before = x.clone();
        assert_eq!(chain(600).solve(&mut x, 1e-9, 2000), 0);
        assert_eq!(x, before);
    }
}
