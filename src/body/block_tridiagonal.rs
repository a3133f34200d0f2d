//! Cholesky factorisation of a symmetric positive definite matrix that joins neighbours in a row only.
//!
//!   A = | D₀ B₀ᵀ       |     Lₛ = chol(Dₛ − Cₛ₋₁ Cₛ₋₁ᵀ),  Cₛ = Bₛ Lₛ⁻ᵀ
//!       | B₀ D₁  B₁ᵀ   |
//!       |    B₁  D₂ …  |
//!
//! A worm is long and thin: particles of a ring touch their own ring and the next, so its stiffness matrix
//! has this shape, and its factor fills nothing outside it. Block s holds the columns [Dₛ; Bₛ] of one ring.
//!
//! Why not a library's sparse Cholesky: the ones in Rust choose their instructions, fused or not, by the
//! processor, so their bits differ between machines. Here every column operation is y ← y + a x lane by lane, rounded
//! once, in a fixed order: the same bits on any processor, and as wide as the processor allows. One that cannot fuse
//! works it out, slowly.
//!
//! Source: Golub & Van Loan, Matrix Computations, 4th edition, section 4.5.1 (block tridiagonal systems).

use nalgebra::Matrix3;

use crate::simd;

/// One block column of the matrix, then of its factor: rows of this block and of the next.
#[derive(Debug, Clone)]
struct BlockColumn {
    /// Unknowns of this block.
    size: usize,
    /// Rows: unknowns of this block and of the next one.
    rows: usize,
    /// `rows × size`, column by column.
    values: Vec<f64>,
}

/// A symmetric block tridiagonal matrix; [`BlockTridiagonal::factorise`] turns it into its factor.
#[derive(Debug, Clone)]
pub struct BlockTridiagonal {
    blocks: Vec<BlockColumn>,
    /// First unknown of each block, and their number at the end.
    start: Vec<usize>,
    /// Block of each unknown.
    block_of: Vec<u32>,
}

/// The matrix has a pivot that is not above zero: it is not positive definite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPositiveDefinite {
    /// The unknown whose pivot failed.
    pub unknown: usize,
}

impl BlockTridiagonal {
    /// A zero matrix whose blocks have these sizes.
    pub fn new(sizes: &[usize]) -> Self {
        let mut start = vec![0];
        let mut block_of = Vec::new();
        let mut blocks = Vec::new();
        for (index, &size) in sizes.iter().enumerate() {
            let rows = size + sizes.get(index + 1).copied().unwrap_or(0);
            blocks.push(BlockColumn { size, rows, values: vec![0.0; rows * size] });
            start.push(start[index] + size);
            block_of.extend(std::iter::repeat_n(index as u32, size));
        }
        Self { blocks, start, block_of }
    }

    /// Sets every entry to zero, keeping the shape.
    pub fn clear(&mut self) {
        for block in &mut self.blocks {
            block.values.fill(0.0);
        }
    }

    /// Adds to entry (row, column) of the lower triangle; the upper one mirrors it.
    ///
    /// `row` must be in the block of `column` or in the next.
    #[inline]
    pub fn add(&mut self, row: usize, column: usize, value: f64) {
        debug_assert!(row >= column);
        let index = self.block_of[column] as usize;
        let first = self.start[index];
        let block = &mut self.blocks[index];
        block.values[(column - first) * block.rows + (row - first)] += value;
    }

    /// Adds a 3 × 3 block whose first entry is (row, column): the stiffness between two particles.
    ///
    /// On the diagonal the whole block is taken; what lies above the diagonal is read by nobody.
    #[inline]
    pub fn add_block(&mut self, row: usize, column: usize, values: &Matrix3<f64>) {
        debug_assert!(row >= column);
        let index = self.block_of[column] as usize;
        let first = self.start[index];
        let block = &mut self.blocks[index];
        for c in 0..3 {
            let at = (column + c - first) * block.rows + (row - first);
            let target = &mut block.values[at..at + 3];
            for (r, target) in target.iter_mut().enumerate() {
                *target += values[(r, c)];
            }
        }
    }

    /// Replaces the matrix by its Cholesky factor.
    ///
    /// # Errors
    /// Names the unknown whose pivot is not above zero.
    pub fn factorise(&mut self) -> Result<(), NotPositiveDefinite> {
        for index in 0..self.blocks.len() {
            let (done, rest) = self.blocks.split_at_mut(index + 1);
            let block = &mut done[index];
            simd::widest(
                #[inline(always)]
                || factorise_block(block),
            )
            .map_err(|column| NotPositiveDefinite { unknown: self.start[index] + column })?;
            if let Some(next) = rest.first_mut() {
                simd::widest(
                    #[inline(always)]
                    || subtract_square(block, next),
                );
            }
        }
        Ok(())
    }

    /// Solves A x = b in place, after [`BlockTridiagonal::factorise`].
    pub fn solve(&self, x: &mut [f64]) {
        simd::widest(
            #[inline(always)]
            || self.solve_inlined(x),
        );
    }

    #[inline(always)]
    fn solve_inlined(&self, x: &mut [f64]) {
        for (block, first) in self.blocks.iter().zip(&self.start) {
            let x = &mut x[*first..first + block.rows];
            for j in 0..block.size {
                let column = &block.values[j * block.rows..(j + 1) * block.rows];
                x[j] /= column[j];
                let pivot = x[j];
                subtract_scaled(&mut x[j + 1..], pivot, &column[j + 1..]);
            }
        }
        for (block, first) in self.blocks.iter().zip(&self.start).rev() {
            let x = &mut x[*first..first + block.rows];
            for j in (0..block.size).rev() {
                let column = &block.values[j * block.rows..(j + 1) * block.rows];
                x[j] = (x[j] - dot(&x[j + 1..], &column[j + 1..])) / column[j];
            }
        }
    }
}

/// Columns that are reduced together: four of them share every load of the columns before.
const PANEL: usize = 4;

/// Cholesky of a block column from the left: a panel of columns loses what the columns before say, then its
/// own columns are finished one by one.
#[inline(always)]
fn factorise_block(block: &mut BlockColumn) -> Result<(), usize> {
    let rows = block.rows;
    for first in (0..block.size).step_by(PANEL) {
        let width = PANEL.min(block.size - first);
        let (before, panel) = block.values.split_at_mut(first * rows);
        let panel = &mut panel[..width * rows];
        subtract_products(panel, rows, first, before, rows, first, first);
        for j in 0..width {
            let (done, column) = panel.split_at_mut(j * rows);
            let column = &mut column[first + j..rows];
            for earlier in done.chunks_exact(rows) {
                subtract_scaled(column, earlier[first + j], &earlier[first + j..]);
            }
            let pivot = column[0];
            if pivot.is_nan() || pivot <= 0.0 {
                return Err(first + j);
            }
            let scale = 1.0 / pivot.sqrt();
            for value in column {
                *value *= scale;
            }
        }
    }
    Ok(())
}

/// D of the next block loses C Cᵀ, panel by panel of its lower triangle.
#[inline(always)]
fn subtract_square(block: &BlockColumn, next: &mut BlockColumn) {
    let rows = next.rows;
    for first in (0..next.size).step_by(PANEL) {
        let width = PANEL.min(next.size - first);
        let panel = &mut next.values[first * rows..(first + width) * rows];
        subtract_products(panel, rows, first, &block.values, block.rows, block.size + first, block.size);
    }
}

/// Panel column t loses Σₖ Mₖ[row + t] · Mₖ[row ..], from its row `first` on, over the first `count` columns Mₖ
/// of a matrix with `matrix_rows` rows. Rows that stand above the diagonal get numbers that nobody reads.
#[inline(always)]
fn subtract_products(
    panel: &mut [f64],
    panel_rows: usize,
    first: usize,
    matrix: &[f64],
    matrix_rows: usize,
    row: usize,
    count: usize,
) {
    let len = (panel_rows - first).min(matrix_rows - row);
    let source = |k: usize| &matrix[k * matrix_rows + row..k * matrix_rows + row + len];
    if panel.len() < PANEL * panel_rows {
        for (t, column) in panel.chunks_exact_mut(panel_rows).enumerate() {
            for k in 0..count {
                let m = source(k);
                subtract_scaled(&mut column[first..first + len], m[t], m);
            }
        }
        return;
    }
    let (c0, rest) = panel.split_at_mut(panel_rows);
    let (c1, rest) = rest.split_at_mut(panel_rows);
    let (c2, c3) = rest.split_at_mut(panel_rows);
    let c0 = &mut c0[first..first + len];
    let c1 = &mut c1[first..first + len];
    let c2 = &mut c2[first..first + len];
    let c3 = &mut c3[first..first + len];
    let mut k = 0;
    while k + 4 <= count {
        let (m0, m1, m2, m3) = (source(k), source(k + 1), source(k + 2), source(k + 3));
        let a: [[f64; 4]; 4] = [m0, m1, m2, m3].map(|m| [m[0], m[1], m[2], m[3]]);
        for i in 0..len {
            let (x0, x1, x2, x3) = (m0[i], m1[i], m2[i], m3[i]);
            let less = |c: f64, t: usize| {
                let c = (-a[0][t]).mul_add(x0, c);
                let c = (-a[1][t]).mul_add(x1, c);
                let c = (-a[2][t]).mul_add(x2, c);
                (-a[3][t]).mul_add(x3, c)
            };
            (c0[i], c1[i], c2[i], c3[i]) = (less(c0[i], 0), less(c1[i], 1), less(c2[i], 2), less(c3[i], 3));
        }
        k += 4;
    }
    for k in k..count {
        let m = source(k);
        subtract_scaled(c0, m[0], m);
        subtract_scaled(c1, m[1], m);
        subtract_scaled(c2, m[2], m);
        subtract_scaled(c3, m[3], m);
    }
}

#[inline(always)]
fn subtract_scaled(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = (-a).mul_add(*x, *y);
    }
}

/// Σ aᵢ bᵢ in eight running sums, added in a fixed order.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] = x[lane].mul_add(y[lane], sums[lane]);
        }
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A diagonally dominant matrix with blocks of uneven size, and its product with a known vector.
    fn example() -> (BlockTridiagonal, Vec<f64>, Vec<f64>) {
        let sizes = [3, 7, 1, 12, 5];
        let mut matrix = BlockTridiagonal::new(&sizes);
        let n: usize = sizes.iter().sum();
        let block_of: Vec<usize> = sizes.iter().enumerate().flat_map(|(i, s)| vec![i; *s]).collect();
        let x: Vec<f64> = (0..n).map(|i| 1.0 + (i as f64) * 0.37).collect();
        let mut b = vec![0.0; n];
        for column in 0..n {
            for row in column..n {
                if block_of[row] - block_of[column] > 1 {
                    continue;
                }
                let value = if row == column { 40.0 + row as f64 } else { 1.0 / (1.0 + (row * 3 + column) as f64) };
                matrix.add(row, column, value);
                b[row] += value * x[column];
                if row != column {
                    b[column] += value * x[row];
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
            // Condition number below 10: a few units in the last place of values up to 11.
            assert!((found - wanted).abs() < 1e-13, "{found} {wanted}");
        }
    }

    #[test]
    fn an_indefinite_matrix_names_the_unknown() {
        let (mut matrix, ..) = example();
        matrix.add(11, 11, -100.0);
        assert_eq!(matrix.factorise(), Err(NotPositiveDefinite { unknown: 11 }));
    }
}
