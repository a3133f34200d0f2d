//! Cholesky factorisation of the stiffness of a long, thin body: a matrix that is zero far from its diagonal.
//!
//!   A = L Lᵀ,   L_IJ = (A_IJ − Σ_{K<J} L_IK L_JKᵀ) L_JJ⁻ᵀ   for J ≤ I ≤ last(J)
//!
//! in blocks of 4 × 4 unknowns; last(J) is the lowest block of column J that is not zero, and never less than that of
//! the columns before, so that the factor fills nothing outside. A particle touches its own ring and the next. The
//! particles of a ring are numbered from its dorsal side down both flanks to its ventral side: those that touch stand
//! at like places of their rings, and a column ends little more than one ring below its diagonal.
//!
//! Why not a library's sparse Cholesky: the ones in Rust choose their instructions, fused or not, by the
//! processor, so their bits differ between machines. Here every block operation is c ← c − a b lane by lane, rounded
//! once, in a fixed order: the same bits on any processor, and as wide as the processor allows. One that cannot fuse
//! works it out, slowly.
//!
//! Source: George & Liu 1981, Computer Solution of Large Sparse Positive Definite Systems, chapter 4 (envelopes);
//! Golub & Van Loan, Matrix Computations, 4th edition, section 4.2.9 (Cholesky by blocks).

use nalgebra::Matrix3;

use crate::body::particles::Tissue;
use crate::simd;

/// Unknowns along one side of a block.
const SIDE: usize = 4;

/// A block, column by column.
type Block = [[f64; SIDE]; SIDE];

/// The same in single precision.
type RoundedBlock = [[f32; SIDE]; SIDE];

/// Blocks below each other that are worked out together: as many sums as the registers hold.
const TOGETHER: usize = 2;

/// A symmetric matrix with three unknowns a particle; [`Envelope::factorise`] turns it into its Cholesky factor.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The columns of blocks, one after the other, each from its diagonal down.
    blocks: Vec<Block>,
    /// Where each column of blocks begins, and the end of the last.
    start: Vec<usize>,
    /// The first column that reaches down to each row of blocks.
    first: Vec<usize>,
    /// Row of the first unknown of each particle.
    row_of: Vec<usize>,
    /// Stiffness of each particle with itself, gathered here until the matrix is factorised.
    own: Vec<Matrix3<f64>>,
    /// The factor in single precision, where it was asked for.
    rounded: Vec<RoundedBlock>,
}

/// The matrix has a pivot that is not above zero: it is not positive definite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPositiveDefinite {
    /// The particle that the pivot belongs to.
    pub particle: usize,
}

impl Envelope {
    /// A zero matrix with room for all that the springs of a tissue join, and for all pairs of a ring.
    pub fn of(tissue: &Tissue) -> Self {
        let order: Vec<usize> = (0..tissue.rings()).flat_map(|ring| down_both_flanks(tissue, ring)).collect();
        let pairs = |ring: usize| tissue.ring(ring).flat_map(move |a| tissue.ring(ring).map(move |b| (a, b)));
        let springs = tissue.springs.iter().map(|spring| (spring.a, spring.b));
        Self::new(&order, (0..tissue.rings()).flat_map(pairs).chain(springs))
    }

    /// A zero matrix with room for these pairs of particles, which are eliminated in this order.
    fn new(order: &[usize], pairs: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut row_of = vec![0; order.len()];
        for (place, particle) in order.iter().enumerate() {
            row_of[*particle] = 3 * place;
        }
        let columns = (3 * order.len()).div_ceil(SIDE);
        let mut last: Vec<usize> = (0..columns).collect();
        for (a, b) in pairs {
            let (above, below) = (row_of[a].min(row_of[b]), row_of[a].max(row_of[b]));
            // The last row of the lower particle is what the first column of the upper one must reach.
            let column = above / SIDE;
            last[column] = last[column].max((below + 2) / SIDE);
        }
        for column in 1..columns {
            last[column] = last[column].max(last[column - 1]);
        }
        let mut start = vec![0];
        for column in 0..columns {
            start.push(start[column] + last[column] - column + 1);
        }
        let first = (0..columns).map(|row| last.partition_point(|last| *last < row)).collect();
        let blocks = vec![[[0.0; SIDE]; SIDE]; start[columns]];
        let mut matrix =
            Self { blocks, start, first, own: vec![Matrix3::zeros(); order.len()], row_of, rounded: Vec::new() };
        matrix.clear();
        matrix
    }

    /// Sets every entry to zero, keeping the shape.
    pub fn clear(&mut self) {
        self.blocks.fill([[0.0; SIDE]; SIDE]);
        self.own.fill(Matrix3::zeros());
        let rows = SIDE * self.first.len();
        for filler in 3 * self.row_of.len()..rows {
            // What fills up the last block is a matrix of its own.
            self.add_at(filler, filler, 1.0);
        }
    }

    /// Adds to an entry of the diagonal, along one axis of a particle.
    #[inline]
    pub fn add(&mut self, particle: usize, axis: usize, value: f64) {
        self.own[particle][(axis, axis)] += value;
    }

    /// Adds a symmetric block of 3 × 3 entries: the stiffness between two particles, or of one with itself.
    #[inline]
    pub fn add_block(&mut self, a: usize, b: usize, values: &Matrix3<f64>) {
        if a == b {
            self.own[a] += values;
            return;
        }
        let (a, b) = (self.row_of[a], self.row_of[b]);
        let (row, column) = (a.max(b), a.min(b));
        let below = [place_in_column(row), place_in_column(row + 1), place_in_column(row + 2)];
        for c in 0..3 {
            let top = self.top_of(column + c);
            let entries = self.blocks.as_flattened_mut().as_flattened_mut();
            for (r, below) in below.iter().enumerate() {
                entries[top + below] += values[(r, c)];
            }
        }
    }

    /// Adds the same to all pairs of some particles of one ring, each with itself too, along one axis.
    pub fn add_to_all_pairs(&mut self, particles: std::ops::Range<usize>, axis: usize, value: f64) {
        let mut rows: Vec<usize> = self.row_of[particles].iter().map(|row| row + axis).collect();
        rows.sort_unstable();
        for (rank, column) in rows.iter().enumerate() {
            let top = self.top_of(*column);
            let entries = self.blocks.as_flattened_mut().as_flattened_mut();
            for row in &rows[rank..] {
                entries[top + place_in_column(*row)] += value;
            }
        }
    }

    /// Where a column would have its first row, if it went all the way up.
    #[inline]
    fn top_of(&self, column: usize) -> usize {
        let block = column / SIDE;
        // The columns of blocks before fill more than the rows above.
        SIDE * (SIDE * (self.start[block] - block) + column % SIDE)
    }

    #[inline]
    fn add_at(&mut self, row: usize, column: usize, value: f64) {
        let top = self.top_of(column);
        self.blocks.as_flattened_mut().as_flattened_mut()[top + place_in_column(row)] += value;
    }

    /// Replaces the matrix by its Cholesky factor, its diagonal by one over it.
    ///
    /// # Errors
    /// Names the particle whose pivot is not above zero.
    pub fn factorise(&mut self) -> Result<(), NotPositiveDefinite> {
        self.rounded.clear();
        for particle in 0..self.own.len() {
            let (row, own) = (self.row_of[particle], self.own[particle]);
            for (r, c) in [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)] {
                self.add_at(row + r, row + c, own[(r, c)]);
            }
        }
        simd::widest(
            #[inline(always)]
            || self.factorise_inlined(),
        )
        .map_err(|row| {
            let particle = self.row_of.iter().position(|first| row < first + 3 && row >= *first);
            NotPositiveDefinite { particle: particle.unwrap_or(0) }
        })
    }

    #[inline(always)]
    fn factorise_inlined(&mut self) -> Result<(), usize> {
        for column in 0..self.start.len() - 1 {
            let (done, rest) = self.blocks.split_at_mut(self.start[column]);
            let blocks = &mut rest[..self.start[column + 1] - self.start[column]];
            for (group, targets) in blocks.chunks_mut(TOGETHER).enumerate() {
                let row = column + group * TOGETHER;
                subtract_products(targets, row, column, done, &self.start, &self.first);
            }
            let Some((diagonal, below)) = blocks.split_first_mut() else { continue };
            factorise_diagonal(diagonal).map_err(|pivot| SIDE * column + pivot)?;
            for block in below {
                divide_by_diagonal(block, diagonal);
            }
        }
        Ok(())
    }

    /// Keeps the factor in single precision as well, for [`Envelope::solve_roughly`].
    pub fn round(&mut self) {
        self.rounded.clear();
        self.rounded.extend(self.blocks.iter().map(|block| block.map(|column| column.map(|value| value as f32))));
    }

    /// Solves A x = b in place, after [`Envelope::factorise`]; three numbers a particle.
    pub fn solve(&self, vector: &mut [f64]) {
        self.solve_by(&self.blocks, vector);
    }

    /// The same by the rounded factor, where there is one: in half the time, since a solve takes as long as reading the
    /// factor. What is added and multiplied is not rounded. For what is corrected until it fits.
    pub fn solve_roughly(&self, vector: &mut [f64]) {
        if self.rounded.is_empty() { self.solve(vector) } else { self.solve_by(&self.rounded, vector) }
    }

    fn solve_by<T: Copy + Into<f64>>(&self, factor: &[[[T; SIDE]; SIDE]], vector: &mut [f64]) {
        let mut rows = vec![[0.0; SIDE]; self.first.len()];
        for (row, x) in self.row_of.iter().zip(vector.as_chunks::<3>().0) {
            for (row, x) in (*row..).zip(x) {
                rows[row / SIDE][row % SIDE] = *x;
            }
        }
        simd::widest(
            #[inline(always)]
            || solve_inlined(factor, &self.start, &mut rows),
        );
        for (row, x) in self.row_of.iter().zip(vector.as_chunks_mut::<3>().0) {
            for (row, x) in (*row..).zip(x) {
                *x = rows[row / SIDE][row % SIDE];
            }
        }
    }
}

/// A block as numbers in double precision.
#[inline(always)]
fn exact<T: Copy + Into<f64>>(block: &[[T; SIDE]; SIDE]) -> Block {
    let mut exact = [[0.0; SIDE]; SIDE];
    for (exact, column) in exact.iter_mut().zip(block) {
        for (exact, value) in exact.iter_mut().zip(column) {
            *exact = (*value).into();
        }
    }
    exact
}

/// L Lᵀ x = b, downwards and back up, of a factor whose columns begin at `start`.
#[inline(always)]
fn solve_inlined<T: Copy + Into<f64>>(factor: &[[[T; SIDE]; SIDE]], start: &[usize], x: &mut [[f64; SIDE]]) {
    for column in 0..x.len() {
        let Some((diagonal, below)) = factor[start[column]..start[column + 1]].split_first() else { continue };
        let diagonal = exact(diagonal);
        let mut own = x[column];
        for k in 0..SIDE {
            own[k] *= diagonal[k][k];
            for r in k + 1..SIDE {
                own[r] = (-diagonal[k][r]).mul_add(own[k], own[r]);
            }
        }
        x[column] = own;
        for (x, block) in x[column + 1..].iter_mut().zip(below) {
            let block = exact(block);
            for k in 0..SIDE {
                subtract_scaled(x, own[k], &block[k]);
            }
        }
    }
    for column in (0..x.len()).rev() {
        let Some((diagonal, below)) = factor[start[column]..start[column + 1]].split_first() else { continue };
        let diagonal = exact(diagonal);
        let mut sums = [[0.0; SIDE]; SIDE];
        for (x, block) in x[column + 1..].iter().zip(below) {
            let block = exact(block);
            for k in 0..SIDE {
                subtract_products_of(&mut sums[k], &block[k], x);
            }
        }
        for k in (0..SIDE).rev() {
            let [a, b, c, d] = sums[k];
            let mut sum = x[column][k] + ((a + c) + (b + d));
            for r in k + 1..SIDE {
                sum = (-diagonal[k][r]).mul_add(x[column][r], sum);
            }
            x[column][k] = sum * diagonal[k][k];
        }
    }
}

/// How far below its top a column has the entry of this row.
#[inline]
fn place_in_column(row: usize) -> usize {
    SIDE * SIDE * (row / SIDE) + row % SIDE
}

/// The particles of a ring from the dorsal side down both flanks to the ventral one, by their place at rest.
fn down_both_flanks(tissue: &Tissue, ring: usize) -> Vec<usize> {
    let range = tissue.ring(ring);
    let middle = tissue.position[range.clone()].iter().sum::<nalgebra::Vector3<f64>>() / range.len() as f64;
    let turn = |i: &usize| {
        let out = tissue.position[*i] - middle;
        // What lies on the axis goes between the sides.
        let thin = out.y.abs() + out.z.abs() < 1e-9;
        if thin { std::f64::consts::FRAC_PI_2 } else { libm::atan2(out.z.abs(), out.y) }
    };
    let mut order: Vec<usize> = range.collect();
    order.sort_by(|a, b| turn(a).total_cmp(&turn(b)));
    order
}

/// `targets`, blocks of one column from `row` down, lose what the columns before say.
#[inline(always)]
fn subtract_products(
    targets: &mut [Block],
    row: usize,
    column: usize,
    done: &[Block],
    start: &[usize],
    first: &[usize],
) {
    let common = first[row + targets.len() - 1];
    // Columns that do not reach all of the targets.
    for (offset, target) in targets.iter_mut().enumerate() {
        for before in first[row + offset]..common.min(column) {
            let source = &done[start[before] + row + offset - before];
            let across = &done[start[before] + column - before];
            subtract_product(std::array::from_mut(target), std::array::from_ref(source), across);
        }
    }
    if let Ok(targets) = <&mut [Block; TOGETHER]>::try_from(&mut *targets) {
        let mut sums = *targets;
        for before in common..column {
            let at = start[before] + row - before;
            let Some(source) = done[at..].first_chunk::<TOGETHER>() else { continue };
            subtract_product(&mut sums, source, &done[start[before] + column - before]);
        }
        *targets = sums;
        return;
    }
    for (offset, target) in targets.iter_mut().enumerate() {
        for before in common..column {
            let source = &done[start[before] + row + offset - before];
            let across = &done[start[before] + column - before];
            subtract_product(std::array::from_mut(target), std::array::from_ref(source), across);
        }
    }
}

/// Each target loses its source times `across` transposed.
#[inline(always)]
fn subtract_product<const N: usize>(targets: &mut [Block; N], source: &[Block; N], across: &Block) {
    for k in 0..SIDE {
        for (target, source) in targets.iter_mut().zip(source) {
            for t in 0..SIDE {
                subtract_scaled(&mut target[t], across[k][t], &source[k]);
            }
        }
    }
}

/// Cholesky of one block, with one over its diagonal on it; what stands above the diagonal is read by nobody.
#[inline(always)]
fn factorise_diagonal(block: &mut Block) -> Result<(), usize> {
    for j in 0..SIDE {
        for k in 0..j {
            let before = block[k];
            subtract_scaled(&mut block[j], before[j], &before);
        }
        let pivot = block[j][j];
        if pivot.is_nan() || pivot <= 0.0 {
            return Err(j);
        }
        let scale = 1.0 / pivot.sqrt();
        block[j] = block[j].map(|value| value * scale);
        block[j][j] = scale;
    }
    Ok(())
}

/// `block` times the inverse of the transposed diagonal block.
#[inline(always)]
fn divide_by_diagonal(block: &mut Block, diagonal: &Block) {
    for j in 0..SIDE {
        for k in 0..j {
            let before = block[k];
            subtract_scaled(&mut block[j], diagonal[k][j], &before);
        }
        block[j] = block[j].map(|value| value * diagonal[j][j]);
    }
}

/// Each sum loses a product.
#[inline(always)]
fn subtract_products_of(sums: &mut [f64; SIDE], a: &[f64; SIDE], b: &[f64; SIDE]) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum = (-a).mul_add(*b, *sum);
    }
}

/// y ← y − a x.
#[inline(always)]
fn subtract_scaled(y: &mut [f64; SIDE], a: f64, x: &[f64; SIDE]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = (-a).mul_add(*x, *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seven particles in a chain that also touch the next but one, in an odd order; and the product of their matrix
    /// with a known vector.
    fn example() -> (Envelope, Vec<f64>, Vec<f64>) {
        let order = [6, 0, 2, 1, 3, 5, 4];
        let pairs = || (0..7_usize).flat_map(|a| (a..(a + 3).min(7)).map(move |b| (a, b)));
        let mut matrix = Envelope::new(&order, pairs());
        let x: Vec<f64> = (0..21).map(|i| 1.0 + f64::from(i) * 0.37).collect();
        let mut b = vec![0.0; 21];
        for (one, other) in pairs() {
            let value = |r: usize, c: usize| match (one == other, r == c) {
                (true, true) => 40.0 + (one + r) as f64,
                _ => 1.0 / (1 + one + other + r + c) as f64,
            };
            matrix.add_block(one, other, &Matrix3::from_fn(value));
            for (r, c) in (0..9).map(|n| (n / 3, n % 3)) {
                b[3 * one + r] += value(r, c) * x[3 * other + c];
                if one != other {
                    b[3 * other + c] += value(r, c) * x[3 * one + r];
                }
            }
        }
        (matrix, x, b)
    }

    #[test]
    fn the_factor_solves_the_system_to_rounding() {
        let (mut matrix, x, mut b) = example();
        matrix.factorise().expect("diagonally dominant");
        matrix.solve(&mut b);
        for (found, wanted) in b.iter().zip(&x) {
            // Condition number below 10: a few units in the last place of values up to 9.
            assert!((found - wanted).abs() < 1e-13, "{found} {wanted}");
        }
    }

    #[test]
    fn the_rounded_factor_solves_it_to_single_precision_and_not_better() {
        let (mut matrix, x, b) = example();
        matrix.factorise().expect("diagonally dominant");
        let off = |matrix: &Envelope| {
            let mut found = b.clone();
            matrix.solve_roughly(&mut found);
            found.iter().zip(&x).map(|(found, wanted)| (found / wanted - 1.0).abs()).fold(0.0, f64::max)
        };
        assert!(off(&matrix) < 1e-13, "without a rounded factor the exact one serves");
        matrix.round();
        // An f32 is off by 6e-8 at most, and the condition number is below 10.
        assert!((1e-9..1e-6).contains(&off(&matrix)), "{}", off(&matrix));
    }

    #[test]
    fn an_indefinite_matrix_names_the_particle() {
        let (mut matrix, ..) = example();
        matrix.add(3, 2, -100.0);
        assert_eq!(matrix.factorise(), Err(NotPositiveDefinite { particle: 3 }));
    }
}
