//! One operation on the 64 values of a chunk, as a loop that fills the vector registers.
//!
//! An operand has a value for each lane, or one for all, which then stays in a register instead of in the first cache,
//! whose room decides how fast a program runs. Each kind of operand and each operation is a loop of its own, chosen
//! outside of it.

use crate::network::program::{Binary, Chunk, LANES, Unary};

/// What an operation reads.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a> {
    /// A value for each lane.
    Each(&'a Chunk),
    /// One value for all lanes.
    All(f64),
}

/// One value for all lanes.
struct Same(f64);

/// A value at a lane.
trait At {
    fn at(&self, lane: usize) -> f64;
}

impl At for &Chunk {
    #[inline(always)]
    fn at(&self, lane: usize) -> f64 {
        self[lane]
    }
}

impl At for Same {
    #[inline(always)]
    fn at(&self, _lane: usize) -> f64 {
        self.0
    }
}

/// Runs a loop for each kind of its operands, which keep their names.
macro_rules! with_operands {
    ([] $run:expr) => { $run };
    ([$name:ident $($rest:ident)*] $run:expr) => {
        match $name {
            Operand::Each($name) => {
                with_operands!([$($rest)*] $run)
            }
            Operand::All($name) => {
                let $name = Same($name);
                with_operands!([$($rest)*] $run)
            }
        }
    };
}

#[inline(always)]
fn each(out: &mut Chunk, value: impl Fn(usize) -> f64) {
    for (lane, out) in out.iter_mut().enumerate() {
        *out = value(lane);
    }
}

/// An operation on one operand.
#[inline(always)]
pub fn unary(operation: Unary, x: Operand<'_>, out: &mut Chunk) {
    let x = match x {
        Operand::Each(x) => x,
        // What follows from constants alone has left the program; the time has not.
        Operand::All(x) => &[x; LANES],
    };
    macro_rules! loops {
        ($($name:ident),*) => {
            match operation { $(Unary::$name => each(out, #[inline(always)] |lane| Unary::$name.of(x[lane])),)* }
        };
    }
    loops!(
        Negate, Exp, Logistic, Phi1, Log, Log10, Sqrt, Abs, Sin, Cos, Tan, Sinh, Cosh, Tanh, Asin, Acos, Atan, Ceil,
        Floor, Not, Heaviside
    )
}

/// An operation on two operands.
#[inline(always)]
pub fn binary(operation: Binary, a: Operand<'_>, b: Operand<'_>, out: &mut Chunk) {
    macro_rules! loops {
        ($($name:ident),*) => {
            match operation {
                $(Binary::$name => with_operands!([a b]
                    each(out, #[inline(always)] |lane| Binary::$name.of(a.at(lane), b.at(lane)))),)*
            }
        };
    }
    loops!(Add, Sub, Mul, Div, Pow, Less, LessEqual, Equal, NotEqual, And, Or, Phi2)
}

/// a b + c, rounded once.
#[inline(always)]
pub fn mul_add([a, b, c]: [Operand<'_>; 3], out: &mut Chunk) {
    with_operands!([a b c] each(out, #[inline(always)] |lane| a.at(lane).mul_add(b.at(lane), c.at(lane))));
}

/// a b − c, rounded once.
#[inline(always)]
pub fn mul_sub([a, b, c]: [Operand<'_>; 3], out: &mut Chunk) {
    with_operands!([a b c] each(out, #[inline(always)] |lane| a.at(lane).mul_add(b.at(lane), -c.at(lane))));
}

/// c − a b, rounded once.
#[inline(always)]
pub fn sub_mul([a, b, c]: [Operand<'_>; 3], out: &mut Chunk) {
    with_operands!([a b c] each(out, #[inline(always)] |lane| (-a.at(lane)).mul_add(b.at(lane), c.at(lane))));
}

/// a where c is not 0, else b.
#[inline(always)]
pub fn select([c, a, b]: [Operand<'_>; 3], out: &mut Chunk) {
    with_operands!([c a b] each(out, #[inline(always)] |lane| {
        // By a mask: a choice between two places would be a loop of one number at a time.
        let mask = if c.at(lane) != 0.0 { u64::MAX } else { 0 };
        f64::from_bits(a.at(lane).to_bits() & mask | b.at(lane).to_bits() & !mask)
    }));
}
