//! Factorisation of a symmetric matrix whose entries lie near the diagonal.
//!
//!   A = L D Lᵀ,   Lⱼⱼ = 1,   Lᵢⱼ = 0 for i − j > 5
//!
//! A rod of many short links joins each joint to the next only: three unknowns and the next three, so nothing lies
//! farther than five places from the diagonal, in the matrix and in its factor. One column is six numbers, and a
//! factorisation of 147 columns takes about two microseconds. No pivoting: drag and springs make the matrix
//! positive definite but for what compressed springs take away, and a solution that is no number is seen by its user.
//! Not `envelope.rs`, whose columns are of a hundred unknowns.
//!
//! Source: Golub & Van Loan, Matrix Computations, 4th edition, section 4.3.6 (band systems).

/// Entries of a column: the diagonal and what lies below it.
pub const BAND: usize = 6;

/// A symmetric band matrix, or, after [`Banded::factorise`], its factor.
///
/// Behind the last unknown stand five more that are 0 and touch nothing, so that every column is of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Banded {
    /// Column j from its diagonal down; in the factor 1/Dⱼ and Lᵢⱼ.
    columns: Vec<[f64; BAND]>,
    size: usize,
}

impl Banded {
    /// A zero matrix of `size` unknowns.
    pub fn new(size: usize) -> Self {
        Self { columns: vec![[0.0; BAND]; Self::padded(size)], size }
    }

    /// The length of a right-hand side of `size` unknowns.
    pub fn padded(size: usize) -> usize {
        size + BAND - 1
    }

    /// The column from its diagonal down; entry i is row `column + i`.
    #[inline(always)]
    pub fn column(&mut self, column: usize) -> &mut [f64; BAND] {
        &mut self.columns[column]
    }

    /// Replaces the matrix by its factor.
    #[inline(always)]
    pub fn factorise(&mut self) {
        for j in 0..self.size {
            let Some(columns) = self.columns[j..].first_chunk_mut::<BAND>() else { return };
            let below = columns[0];
            let inverse = 1.0 / below[0];
            let lower: [f64; BAND] = std::array::from_fn(|i| below[i] * inverse);
            columns[0] = lower;
            columns[0][0] = inverse;
            for i in 1..BAND {
                for k in i..BAND {
                    columns[i][k - i] -= lower[i] * below[k];
                }
            }
        }
    }

    /// Solves A x = b in place, after [`Banded::factorise`]; `x` has its padding, which holds zeros and keeps them.
    #[inline(always)]
    pub fn solve(&self, x: &mut [f64]) {
        let columns = &self.columns[..self.size];
        for (j, column) in columns.iter().enumerate() {
            let Some(x) = x[j..].first_chunk_mut::<BAND>() else { return };
            for i in 1..BAND {
                x[i] -= column[i] * x[0];
            }
        }
        x[self.size..].fill(0.0);
        for (j, column) in columns.iter().enumerate().rev() {
            let Some(x) = x[j..].first_chunk_mut::<BAND>() else { return };
            let far = (column[1] * x[1] + column[2] * x[2]) + (column[3] * x[3] + column[4] * x[4]) + column[5] * x[5];
            x[0] = x[0] * column[0] - far;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_solves_the_system_to_rounding() {
        let size = 40;
        let mut matrix = Banded::new(size);
        let wanted: Vec<f64> = (0..size).map(|i| 1.0 + (i as f64) * 0.37).collect();
        let mut x = vec![0.0; Banded::padded(size)];
        for j in 0..size {
            for i in 0..BAND.min(size - j) {
                let value = if i == 0 { 9.0 + (j % 3) as f64 } else { 1.0 / (1.0 + (3 * i + j) as f64) };
                matrix.column(j)[i] = value;
                x[j + i] += value * wanted[j];
                if i > 0 {
                    x[j] += value * wanted[j + i];
                }
            }
        }
        matrix.factorise();
        matrix.solve(&mut x);
        for (found, wanted) in x.iter().zip(&wanted) {
            // Condition number below 3: a few units in the last place of values up to 16.
            assert!((found - wanted).abs() < 1e-13, "{found} {wanted}");
        }
    }
}
