//! exp, log and their kin without branches, so that a loop over them fills the vector registers.
//!
//! ```text
//! eˣ = 2ᵏ eʳ,  k = round(x / ln 2),  |r| ≤ ln 2 / 2,  eʳ = 1 + r + r² p(r)
//! ```
//!
//! Only additions, multiplications, fused multiply-adds, divisions and integer operations, each rounded once as IEEE 754
//! says, so that every processor gives the same bits: one without a fused operation works it out, slowly. Rare functions
//! come from the `libm` crate.
//!
//! Source: Muller et al., Handbook of Floating-Point Arithmetic, 2nd edition (2018), chapter 11; the series of log
//! is that of FreeBSD's e_log.c (Sun Microsystems 1993). φ₁ and φ₂: Hochbruck & Ostermann 2010,
//! doi:10.1017/S0962492910000048.

/// 1.5 · 2⁵²: added to a number below 2⁵¹ it leaves the nearest whole number in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts; the first has its low 32 bits zero, so that k times it is exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// (eʳ − 1 − r)/r² for |r| ≤ ln 2 / 2 within 1.1e-16, the highest power first: the polynomial of ninth degree through the
/// Chebyshev points, worked out in 40 digits.
const SERIES: [f64; 10] = [
    2.510038549551032e-8,
    2.7620088445409746e-7,
    2.7557268459997064e-6,
    2.4801521295954376e-5,
    1.9841269863053618e-4,
    1.3888888917213717e-3,
    8.333333333330062e-3,
    4.166666666662413e-2,
    1.6666666666666669e-1,
    0.5000000000000001,
];
/// Above it eˣ is infinite in double precision.
const LARGEST: f64 = 709.782_712_893_384;
/// Below it eˣ is not a normal number and is given as 0.
const SMALLEST: f64 = -708.0;

/// (eʳ − 1, 2ᵏ⁻¹) with x = k ln 2 + r; x is cut to the range where 2ᵏ⁻¹ is a normal number.
#[inline(always)]
fn split_exp(x: f64) -> (f64, f64) {
    let x = if x > LARGEST { LARGEST } else { x };
    let x = if x < SMALLEST { SMALLEST } else { x };
    let shifted = x.mul_add(std::f64::consts::LOG2_E, ROUNDER);
    let k = shifted - ROUNDER;
    let r = (-k).mul_add(LN2_LOW, (-k).mul_add(LN2_HIGH, x));
    let mut series = SERIES[0];
    for coefficient in &SERIES[1..] {
        series = series.mul_add(r, *coefficient);
    }
    let half_scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1022 << 52));
    ((r * r).mul_add(series, r), half_scale)
}

/// eˣ within 1 ulp; 0 below −708, where the result would not be a normal number.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let (em1, half_scale) = split_exp(x);
    let value = (1.0 + em1) * half_scale * 2.0;
    let value = if x > LARGEST { f64::INFINITY } else { value };
    if x < SMALLEST { 0.0 } else { value }
}

/// 1/(1 + e⁻ˣ).
#[inline(always)]
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// ln(1 + eˣ), a stored number as a positive one; x itself above 20, where the difference is below 2·10⁻⁹ and torch drops it
/// too.
pub fn softplus(x: f64) -> f64 {
    if x > 20.0 { x } else { libm::log1p(libm::exp(x)) }
}

/// 1/(1 + eˣ), the logistic function of −x, for loops that are nearly all logistic functions: x is cut to −708 … 709, where
/// nothing changes any more in the sums that it goes into.
#[inline(always)]
pub fn logistic_of_minus(x: f64) -> f64 {
    let (em1, half_scale) = split_exp(x);
    0.5 / (1.0 + em1).mul_add(half_scale, 0.5)
}

/// eˣ − 1 within 2 ulp, also where x is small.
#[inline(always)]
pub fn exp_minus_1(x: f64) -> f64 {
    let (em1, half_scale) = split_exp(x);
    let value = 2.0 * em1.mul_add(half_scale, half_scale - 0.5);
    let value = if x > LARGEST { f64::INFINITY } else { value };
    if x < SMALLEST { -1.0 } else { value }
}

/// φ₁(z) = (eᶻ − 1)/z, and 1 at 0.
#[inline(always)]
pub fn phi_1(z: f64) -> f64 {
    let value = exp_minus_1(z) / z;
    if z == 0.0 { 1.0 } else { value }
}

/// φ₂(z) = (φ₁(z) − 1)/z, and ½ at 0; to 1e-13 of its value. Takes φ₁(z), which its caller has.
#[inline(always)]
pub fn phi_2(z: f64, phi_1: f64) -> f64 {
    let value = (phi_1 - 1.0) / z;
    // Near 0 the difference loses digits; there the series to z⁴ is good to z⁵/5040 < 2e-14.
    let series = 0.5 + z * (1.0 / 6.0 + z * (1.0 / 24.0 + z * (1.0 / 120.0 + z * (1.0 / 720.0))));
    if z < 0.01 && z > -0.01 { series } else { value }
}

/// ln x within 1 ulp for normal x; −∞ at 0 (and for smaller numbers than 2⁻¹⁰²²), not a number below.
#[inline(always)]
pub fn log(x: f64) -> f64 {
    const SQRT_HALF_BITS: u64 = 0x3FE6_A09E_667F_3BCD;
    let shifted = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    // The exponent as a small whole number, made a float through the bits of 2⁵² + 2¹¹ + k.
    let k =
        f64::from_bits(0x4330_0000_0000_0000 | ((shifted >> 52).wrapping_add(2048) & 0xFFF)) - 4_503_599_627_370_496.0;
    let k = if k >= 3072.0 { k - 4096.0 } else { k } - 2048.0;
    let k = if k < -2048.0 { k + 4096.0 } else { k };
    let mantissa = f64::from_bits((shifted & 0x000F_FFFF_FFFF_FFFF).wrapping_add(SQRT_HALF_BITS));
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
    let t2 = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
    let half_square = 0.5 * f * f;
    let value = k * LN2_HIGH - ((half_square - (s * (half_square + t1 + t2) + k * LN2_LOW)) - f);
    let value = if x == f64::INFINITY { f64::INFINITY } else { value };
    let value = if x < f64::MIN_POSITIVE { f64::NEG_INFINITY } else { value };
    if x < 0.0 || x.is_nan() { f64::NAN } else { value }
}

/// tanh x = −m/(m + 2), m = e^(−2|x|) − 1, with the sign of x.
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let m = exp_minus_1(-2.0 * x.abs());
    (-m / (m + 2.0)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units of the last place of the reference.
    fn ulps(found: f64, reference: f64) -> f64 {
        (found - reference).abs() / (f64::from_bits(reference.abs().to_bits() + 1) - reference.abs())
    }

    fn worst(f: impl Fn(f64) -> f64, reference: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
        let n = 200_000;
        (0..=n)
            .map(|i| low + (high - low) * f64::from(i) / f64::from(n))
            .map(|x| ulps(f(x), reference(x)))
            .fold(0.0, f64::max)
    }

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        assert!(worst(exp, libm::exp, -707.9, 709.7) < 2.0);
        assert!(worst(exp, libm::exp, -1.0, 1.0) < 2.0);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1e9), 0.0);
        assert_eq!(exp(1e9), f64::INFINITY);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn both_logistic_functions_agree() {
        let own = worst(logistic_of_minus, |x| 1.0 / (1.0 + libm::exp(x)), -40.0, 40.0);
        // The reference is three roundings away itself.
        assert!(own < 4.0, "{own}");
        assert!(logistic_of_minus(1e9) < 1e-300 && logistic_of_minus(-1e9) == 1.0 && logistic_of_minus(0.0) == 0.5);
        assert!(logistic_of_minus(f64::NAN).is_nan());
    }

    #[test]
    fn exp_minus_1_keeps_its_digits_near_zero() {
        assert!(worst(exp_minus_1, libm::expm1, -40.0, 40.0) < 4.0);
        assert!(worst(exp_minus_1, libm::expm1, -1e-3, 1e-3) < 4.0);
    }

    #[test]
    fn log_is_within_two_units_in_the_last_place() {
        assert!(worst(log, libm::log, 1e-3, 10.0) < 2.0);
        assert!(worst(log, libm::log, 10.0, 1e9) < 2.0);
        assert!(worst(|e| log(10f64.powf(e)), |e| libm::log(10f64.powf(e)), -307.0, 308.0) < 2.0);
        assert_eq!(log(1.0), 0.0);
        assert_eq!(log(0.0), f64::NEG_INFINITY);
        assert!(log(-1.0).is_nan() && log(f64::NAN).is_nan());
    }

    #[test]
    fn tanh_and_the_phi_functions_are_right_at_both_ends() {
        assert!(worst(tanh, libm::tanh, -20.0, 20.0) < 6.0);
        // φ₁(z) = ∫₀¹ e^(zs) ds and φ₂(z) = ∫₀¹ e^(zs)(1 − s) ds, by Simpson's rule on 2000 intervals (error < 1e-12).
        for z in [-30.0, -1.0, -0.011, -0.009, -1e-7, 0.0, 1e-7, 0.009, 0.5, 3.0] {
            let simpson = |f: &dyn Fn(f64) -> f64| {
                let h = 1.0 / 2000.0;
                (0..1000)
                    .map(|i| {
                        h / 3.0
                            * (f(2.0 * i as f64 * h)
                                + 4.0 * f((2.0 * i as f64 + 1.0) * h)
                                + f((2.0 * i as f64 + 2.0) * h))
                    })
                    .sum::<f64>()
            };
            let one = simpson(&|s| libm::exp(z * s));
            let two = simpson(&|s| libm::exp(z * s) * (1.0 - s));
            assert!((phi_1(z) / one - 1.0).abs() < 1e-9, "φ₁({z})");
            assert!((phi_2(z, phi_1(z)) / two - 1.0).abs() < 1e-9, "φ₂({z})");
        }
    }
}
