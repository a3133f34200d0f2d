//! The flat program of one kind of thing, and the loop that runs it over columns of many.
//!
//! A program is a list of operations without branches. The values of 64 instances (a chunk) go through one operation
//! before the next one starts, so that the cost of choosing the operation is shared and its loop fills the vector
//! registers; temporaries of a chunk stay in the first cache.
//!
//! Source: the idea is that of vectorised query engines, Boncz, Zukowski & Nes 2005 (CIDR).

use std::borrow::Borrow;

use crate::math;
use crate::network::lanes::{self, Operand};

/// How many instances go through an operation at once: 512 bytes, a whole number of registers of every width.
pub const LANES: usize = 64;

/// The values of one variable of one chunk.
pub type Chunk = [f64; LANES];

/// A chunk of the program's own, which begins where a line of the cache begins.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Aligned(Chunk);

impl Borrow<Chunk> for Aligned {
    fn borrow(&self) -> &Chunk {
        &self.0
    }
}

/// An operation on one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Unary {
    Negate,
    Exp,
    /// 1/(1 + e⁻ˣ).
    Logistic,
    Phi1,
    Log,
    Log10,
    Sqrt,
    Abs,
    Sin,
    Cos,
    Tan,
    Sinh,
    Cosh,
    Tanh,
    Asin,
    Acos,
    Atan,
    Ceil,
    Floor,
    Not,
    Heaviside,
}

/// An operation on two numbers; a comparison gives 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Less,
    LessEqual,
    Equal,
    NotEqual,
    And,
    Or,
    /// φ₂(z) from z and φ₁(z).
    Phi2,
}

fn truth(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

impl Unary {
    /// The value for one number: the same bits as in a chunk.
    #[inline(always)]
    pub fn of(self, x: f64) -> f64 {
        match self {
            Self::Negate => -x,
            Self::Exp => math::exp(x),
            Self::Logistic => math::logistic(x),
            Self::Phi1 => math::phi_1(x),
            Self::Log => math::log(x),
            Self::Log10 => libm::log10(x),
            Self::Sqrt => x.sqrt(),
            Self::Abs => x.abs(),
            Self::Sin => libm::sin(x),
            Self::Cos => libm::cos(x),
            Self::Tan => libm::tan(x),
            Self::Sinh => libm::sinh(x),
            Self::Cosh => libm::cosh(x),
            Self::Tanh => math::tanh(x),
            Self::Asin => libm::asin(x),
            Self::Acos => libm::acos(x),
            Self::Atan => libm::atan(x),
            Self::Ceil => libm::ceil(x),
            Self::Floor => libm::floor(x),
            Self::Not => truth(x == 0.0),
            Self::Heaviside => truth(x >= 0.0),
        }
    }
}

impl Binary {
    /// The value for two numbers: the same bits as in a chunk.
    #[inline(always)]
    pub fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Pow => libm::pow(a, b),
            Self::Less => truth(a < b),
            Self::LessEqual => truth(a <= b),
            Self::Equal => truth(a == b),
            Self::NotEqual => truth(a != b),
            Self::And => truth(a != 0.0 && b != 0.0),
            Self::Or => truth(a != 0.0 || b != 0.0),
            Self::Phi2 => math::phi_2(a, b),
        }
    }
}

/// Where an operation finds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The result of an earlier operation.
    Temporary(u16),
    /// A column of the chunk.
    Column(u16),
    /// A value that is the same for all instances.
    Uniform(u16),
    /// A value that follows from the parameters of the component; becomes a column or a uniform when instances of
    /// many components are put together.
    Hoisted(u16),
    /// The time of this stage [s].
    Time,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Action {
    Unary(Unary, Source),
    Binary(Binary, Source, Source),
    Select(Source, Source, Source),
    /// a b + c, rounded once.
    MulAdd(Source, Source, Source),
    /// a b − c, rounded once.
    MulSub(Source, Source, Source),
    /// c − a b, rounded once.
    SubMul(Source, Source, Source),
}

/// Where the result of an operation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A temporary that no operand of the operation stands in.
    Temporary(u16),
    /// A column that this operation and those after it do not read.
    Column(u16),
}

/// One operation and where its result goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Where the result goes.
    pub into: Place,
}

/// A program over the columns of a chunk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Program {
    /// Operations in order.
    pub steps: Vec<Step>,
    /// Values that are copied to columns after all operations.
    pub stores: Vec<(Source, u16)>,
    /// How many temporaries it needs.
    pub temporaries: u16,
    /// Values that are the same for all instances, as bits so that they compare.
    pub uniforms: Vec<u64>,
}

/// Room for the temporaries of a chunk.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    temporaries: Vec<Aligned>,
}

/// All operands of a step: what lies below and above the place that takes the result.
struct Reader<'a> {
    temporaries: Split<'a, Aligned>,
    columns: Split<'a, Chunk>,
    uniforms: &'a [u64],
    time: f64,
}

/// A row of chunks without the one that is being written.
struct Split<'a, T> {
    below: &'a [T],
    above: &'a [T],
}

impl<'a, T: Borrow<Chunk>> Split<'a, T> {
    #[inline(always)]
    fn whole(all: &'a [T]) -> Self {
        Self { below: all, above: &[] }
    }

    /// The row without the chunk at `at`, and that chunk.
    #[inline(always)]
    fn around(all: &'a mut [T], at: u16) -> Option<(Self, &'a mut T)> {
        let (below, rest) = all.split_at_mut(at as usize);
        let (chunk, above) = rest.split_first_mut()?;
        Some((Self { below, above }, chunk))
    }

    #[inline(always)]
    fn get(&self, index: u16) -> &'a Chunk {
        match self.below.get(index as usize) {
            Some(chunk) => chunk.borrow(),
            None => self.above[index as usize - self.below.len() - 1].borrow(),
        }
    }
}

impl Reader<'_> {
    #[inline(always)]
    fn get(&self, source: Source) -> Operand<'_> {
        match source {
            Source::Temporary(index) => Operand::Each(self.temporaries.get(index)),
            Source::Column(index) => Operand::Each(self.columns.get(index)),
            Source::Uniform(index) => Operand::All(f64::from_bits(self.uniforms[index as usize])),
            Source::Time | Source::Hoisted(_) => Operand::All(self.time),
        }
    }
}

impl Program {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.stores.is_empty()
    }

    /// The index of a uniform of that value.
    pub fn uniform(&mut self, value: f64) -> u16 {
        let bits = value.to_bits();
        let index = self.uniforms.iter().position(|known| *known == bits).unwrap_or_else(|| {
            self.uniforms.push(bits);
            self.uniforms.len() - 1
        });
        index as u16
    }

    /// Runs over all chunks of a group; `data` holds `columns` chunks per chunk of instances, one after another.
    pub fn run(&self, data: &mut [f64], columns: usize, time: f64, scratch: &mut Scratch) {
        scratch.temporaries.resize(scratch.temporaries.len().max(self.temporaries as usize), Aligned([0.0; LANES]));
        let (chunks, _) = data.as_chunks_mut::<LANES>();
        crate::simd::widest(
            #[inline(always)]
            || {
                for block in chunks.chunks_exact_mut(columns) {
                    self.run_chunk(block, time, &mut scratch.temporaries);
                }
            },
        );
    }

    #[inline(always)]
    fn run_chunk(&self, block: &mut [Chunk], time: f64, temporaries: &mut [Aligned]) {
        for step in &self.steps {
            // The result never goes where an operand stands (see `Graph::emit`).
            let (temporaries, columns, out): (Split<'_, Aligned>, Split<'_, Chunk>, &mut Chunk) = match step.into {
                Place::Temporary(into) => {
                    let Some((temporaries, out)) = Split::around(temporaries, into) else { return };
                    (temporaries, Split::whole(block), &mut out.0)
                }
                Place::Column(into) => {
                    let Some((columns, out)) = Split::around(block, into) else { return };
                    (Split::whole(temporaries), columns, out)
                }
            };
            let reader = Reader { temporaries, columns, uniforms: &self.uniforms, time };
            match step.action {
                Action::Unary(operation, a) => lanes::unary(operation, reader.get(a), out),
                Action::Binary(operation, a, b) => lanes::binary(operation, reader.get(a), reader.get(b), out),
                Action::MulAdd(a, b, c) => lanes::mul_add([reader.get(a), reader.get(b), reader.get(c)], out),
                Action::MulSub(a, b, c) => lanes::mul_sub([reader.get(a), reader.get(b), reader.get(c)], out),
                Action::SubMul(a, b, c) => lanes::sub_mul([reader.get(a), reader.get(b), reader.get(c)], out),
                Action::Select(c, a, b) => lanes::select([reader.get(c), reader.get(a), reader.get(b)], out),
            }
        }
        for (source, column) in &self.stores {
            match source {
                Source::Temporary(index) => block[*column as usize] = temporaries[*index as usize].0,
                Source::Column(index) => block.copy_within(*index as usize..*index as usize + 1, *column as usize),
                Source::Uniform(index) => block[*column as usize].fill(f64::from_bits(self.uniforms[*index as usize])),
                Source::Time | Source::Hoisted(_) => block[*column as usize].fill(time),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_gives_the_bits_of_one_number_at_a_time() {
        let mut program = Program { temporaries: 2, ..Program::default() };
        let two = program.uniform(2.0);
        program.steps = vec![
            Step { action: Action::Unary(Unary::Exp, Source::Column(0)), into: Place::Temporary(0) },
            Step {
                action: Action::Binary(Binary::Div, Source::Temporary(0), Source::Uniform(two)),
                into: Place::Temporary(1),
            },
            Step {
                action: Action::Select(Source::Column(0), Source::Temporary(1), Source::Time),
                into: Place::Temporary(0),
            },
        ];
        program.stores = vec![(Source::Temporary(0), 1)];
        let mut data = vec![0.0; 2 * 2 * LANES];
        for chunk in 0..2 {
            for lane in 0..LANES {
                data[chunk * 2 * LANES + lane] = (lane as f64 - 30.0) * 0.37 * (chunk as f64 + 1.0);
            }
        }
        program.run(&mut data, 2, 7.0, &mut Scratch::default());
        for chunk in 0..2 {
            for lane in 0..LANES {
                let x = data[chunk * 2 * LANES + lane];
                let expected = if x != 0.0 { math::exp(x) / 2.0 } else { 7.0 };
                assert_eq!(data[(chunk * 2 + 1) * LANES + lane].to_bits(), expected.to_bits());
            }
        }
    }
}
