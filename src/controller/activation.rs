//! What a neuron of a backbone makes of its input, and the slope there.
//!
//! Source: lecun_tanh: LeCun et al. 1998, Efficient BackProp, section 4.4, with the digits of ncps 1.0.1; GELU: Hendrycks &
//! Gimpel 2016, arXiv:1606.08415, with the error function and not its approximation.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::lanes::Row;
use crate::math::{logistic, tanh};

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// 1.7159 tanh(0.666 x).
    #[default]
    LecunTanh,
    /// x σ(x).
    Silu,
    /// max(0, x).
    Relu,
    /// tanh x.
    Tanh,
    /// x Φ(x), Φ the normal distribution.
    Gelu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::LecunTanh, Self::Silu, Self::Relu, Self::Tanh, Self::Gelu];

    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::LecunTanh => "lecun_tanh",
            Self::Silu => "silu",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Gelu => "gelu",
        }
    }

    /// The activation of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|activation| activation.name() == name)
    }

    /// `y` ← f(`x`).
    #[inline(always)]
    pub(super) fn apply<const L: usize>(self, x: &[Row<L>], y: &mut [Row<L>]) {
        let pairs = x.as_flattened().iter().zip(y.as_flattened_mut());
        match self {
            Self::LecunTanh => pairs.for_each(|(x, y)| *y = 1.7159 * tanh(0.666 * x)),
            Self::Silu => pairs.for_each(|(x, y)| *y = x * logistic(*x)),
            Self::Relu => pairs.for_each(|(x, y)| *y = x.max(0.0)),
            Self::Tanh => pairs.for_each(|(x, y)| *y = tanh(*x)),
            Self::Gelu => pairs.for_each(|(x, y)| *y = x * normal(*x)),
        }
    }

    /// `d` ← `d` f′(`x`), where `y` is f(`x`).
    #[inline(always)]
    pub(super) fn back<const L: usize>(self, x: &[Row<L>], y: &[Row<L>], d: &mut [Row<L>]) {
        let triples = x.as_flattened().iter().zip(y.as_flattened()).zip(d.as_flattened_mut());
        match self {
            Self::LecunTanh => triples.for_each(|((_, y), d)| {
                let t = y / 1.7159;
                *d *= 1.7159 * 0.666 * (1.0 - t * t);
            }),
            Self::Silu => triples.for_each(|((x, _), d)| {
                let s = logistic(*x);
                *d *= s * (1.0 + x * (1.0 - s));
            }),
            Self::Relu => triples.for_each(|((x, _), d)| *d = if *x > 0.0 { *d } else { 0.0 }),
            Self::Tanh => triples.for_each(|((_, y), d)| *d *= 1.0 - y * y),
            Self::Gelu => triples.for_each(|((x, _), d)| {
                *d *= normal(*x) + x * libm::exp(-0.5 * x * x) / (2.0 * PI).sqrt();
            }),
        }
    }
}

/// Φ(x).
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}
