//! Numbers in 16 bits: value = low + step · code, the code 65535 for what is not a number.
//!
//! The largest error is half a step: 1/131068 of the range, 15 nm on a way of 2 mm.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The code of what is not a number.
const NOT_A_NUMBER: u16 = u16::MAX;

/// Numbers of this shape, quantised over their range, little end first, in base 64.
pub(super) fn packed(values: &[f32], shape: &[usize]) -> Value {
    let finite = || values.iter().copied().filter(|value| value.is_finite()).map(f64::from);
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let step = if high > low { (high - low) / f64::from(NOT_A_NUMBER - 1) } else { 1.0 };
    let code = |value: &f32| {
        let value = f64::from(*value);
        if value.is_finite() { ((value - low) / step).round() as u16 } else { NOT_A_NUMBER }
    };
    let bytes: Vec<u8> = values.iter().flat_map(|value| code(value).to_le_bytes()).collect();
    let low = if low.is_finite() { low } else { 0.0 };
    json!({ "shape": shape, "low": low, "step": step, "data": STANDARD.encode(bytes) })
}

/// Whole numbers below 65536 of this shape.
pub(super) fn whole(values: &[u16], shape: &[usize]) -> Value {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    json!({ "shape": shape, "low": 0, "step": 1, "data": STANDARD.encode(bytes) })
}

/// Every how many-th row is kept so that no more than `most` are.
pub(super) fn stride(rows: usize, most: usize) -> usize {
    rows.div_ceil(most.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: &Value) -> Vec<f64> {
        let bytes = STANDARD.decode(packed["data"].as_str().expect("text")).expect("base 64");
        let value = |code: &[u8; 2]| match u16::from_le_bytes(*code) {
            NOT_A_NUMBER => f64::NAN,
            code => packed["low"].as_f64().expect("low") + packed["step"].as_f64().expect("step") * f64::from(code),
        };
        bytes.as_chunks().0.iter().map(value).collect()
    }

    #[test]
    fn numbers_come_back_to_half_a_step_and_what_is_none_stays_none() {
        let values = [-0.25_f32, 0.0, f32::NAN, 1.75, 0.333, f32::INFINITY];
        let packed = packed(&values, &[6]);
        for (value, back) in values.iter().zip(unpacked(&packed)) {
            // Half of a 65534th of the range of 2, and the rounding of f64.
            assert!(back.is_nan() && !value.is_finite() || (f64::from(*value) - back).abs() <= 1.0 / 65534.0 + 1e-12);
        }
    }

    #[test]
    fn numbers_that_are_all_the_same_or_none_can_be_packed() {
        assert_eq!(unpacked(&packed(&[3.0; 4], &[4])), [3.0; 4]);
        assert_eq!(unpacked(&packed(&[], &[0])), [0.0; 0]);
        assert!(unpacked(&packed(&[f32::NAN], &[1]))[0].is_nan());
    }

    #[test]
    fn no_more_rows_are_kept_than_may_be() {
        for (rows, most, stride) in [(1001, 2000, 1), (2001, 2000, 2), (10_001, 2000, 6), (0, 5, 1), (5, 0, 5)] {
            assert_eq!(super::stride(rows, most), stride, "{rows} of {most}");
        }
    }
}
