//! The only file that knows the vector units: runs a loop compiled for the widest
//! registers that the processor has.
//!
//! The loops inside are plain slices that the compiler vectorises lane by lane. It never
//! reorders or fuses floating-point operations, so every width gives the same bits.

/// Runs `work` with the widest vector instructions that this processor offers.
///
/// `work`, the closure itself too, must be `#[inline(always)]` all the way down: what is not inlined here is
/// compiled for the narrowest processor.
#[inline(always)]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnOnce() -> R> pulp::WithSimd for Work<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, simd: S) -> R {
            simd.vectorize(Wrapped(self.0))
        }
    }
    struct Wrapped<F>(F);
    impl<R, F: FnOnce() -> R> pulp::NullaryFnOnce for Wrapped<F> {
        type Output = R;
        #[inline(always)]
        fn call(self) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

/// The vector instructions that [`widest`] uses on this processor.
pub fn name() -> String {
    format!("{:?}", pulp::Arch::new()).split('(').next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_registers_give_the_bits_of_the_narrowest() {
        #[inline(always)]
        fn axpy(y: &mut [f64], a: f64, x: &[f64]) {
            for (y, x) in y.iter_mut().zip(x) {
                *y += a * x;
            }
        }
        let x: Vec<f64> = (0..1001).map(|i| 1.0 / (3.0 + f64::from(i))).collect();
        let mut narrow = vec![0.1; 1001];
        let mut wide = narrow.clone();
        axpy(&mut narrow, 0.3, &x);
        widest(
            #[inline(always)]
            || axpy(&mut wide, 0.3, &x),
        );
        assert!(narrow.iter().zip(&wide).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
