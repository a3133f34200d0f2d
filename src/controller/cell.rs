//! What every recurrent cell is: a step forward in time, and the same step in reverse.
//!
//!   h′ = step(h, u, T; θ)        h state, u inputs, T elapsed time, θ weights
//!   ∂L/∂h, ∂L/∂u, ∂L/∂T, ∂L/∂θ  from  ∂L/∂h′
//!
//! The reverse is written by hand from the equations of each cell and is exact: it differentiates what the step computes,
//! not what the step approximates. A few samples run side by side, in lanes (see `lanes.rs`); one sample gives the same bits
//! whichever lane it has. A cell knows neither names of senses nor files.

use std::fmt::Debug;

/// A named list of weights, as it stands in a state dict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name: "rnn_cell.gleak".
    pub name: String,
    /// Its shape in the file.
    pub shape: Vec<usize>,
    /// Where its weights stand in the dense tensor, if not all of it is there: the synapses that a mask leaves.
    pub places: Option<Vec<usize>>,
}

impl Tensor {
    /// A tensor that is there as a whole.
    pub fn whole(name: impl Into<String>, shape: &[usize]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), places: None }
    }

    /// A tensor of which only `places` are weights.
    pub fn sparse(name: impl Into<String>, shape: &[usize], places: Vec<usize>) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), places: Some(places) }
    }

    /// How many numbers the dense tensor has.
    pub fn volume(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many of them are weights.
    pub fn weights(&self) -> usize {
        self.places.as_ref().map_or_else(|| self.volume(), Vec::len)
    }

    /// The dense tensor of `weights`, 0 where there is none.
    pub fn dense(&self, weights: &[f64]) -> Vec<f64> {
        let Some(places) = &self.places else { return weights.to_vec() };
        let mut dense = vec![0.0; self.volume()];
        for (place, weight) in places.iter().zip(weights) {
            dense[*place] = *weight;
        }
        dense
    }

    /// The weights of a dense tensor.
    pub fn gather(&self, dense: &[f64]) -> Vec<f64> {
        match &self.places {
            Some(places) => places.iter().map(|place| dense[*place]).collect(),
            None => dense.to_vec(),
        }
    }
}

/// How many weights all of `tensors` have.
pub fn count(tensors: &[Tensor]) -> usize {
    tensors.iter().map(Tensor::weights).sum()
}

/// What a step reads: arrays are \[unit\]\[lane\], flat.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// How many samples run side by side: 1 or [`super::lanes::LANES`].
    pub lanes: usize,
    /// T of each lane, above 0, in the cell's own unit of time.
    pub elapsed: &'a [f64],
    /// u.
    pub inputs: &'a [f64],
}

/// Where a step in reverse adds what it finds.
pub struct Adjoint<'a> {
    /// In: ∂L/∂h′. Out: ∂L/∂h, instead.
    pub state: &'a mut [f64],
    /// ∂L/∂u, added to what is there.
    pub inputs: &'a mut [f64],
    /// ∂L/∂T of each lane, added.
    pub elapsed: &'a mut [f64],
    /// ∂L/∂θ summed over the lanes, added.
    pub weights: &'a mut [f64],
    /// Sums that the cell keeps over many steps, [`Cell::sums`] per lane, and turns into ∂L/∂θ in [`Cell::settle`].
    pub sums: &'a mut [f64],
}

/// A recurrent cell. Lengths that do not fit its shape are a defect of the caller.
pub trait Cell: Debug + Send + Sync {
    /// How many inputs a step reads.
    fn inputs(&self) -> usize;

    /// How many numbers its state has.
    fn states(&self) -> usize;

    /// How many of them its readout sees, the first ones.
    fn visible(&self) -> usize {
        self.states()
    }

    /// Its weights, in their order.
    fn tensors(&self) -> Vec<Tensor>;

    /// Its constants: tensors that are stored beside the weights and never trained.
    fn masks(&self) -> Vec<(Tensor, Vec<f64>)> {
        Vec::new()
    }

    /// What the tensors do not tell, as it stands in a file's metadata.
    fn settings(&self) -> Vec<(&'static str, String)>;

    /// Takes up weights, one for each of [`Cell::tensors`].
    fn take(&mut self, weights: &[f64]);

    /// Moves weights back to where they may be, after a step of training.
    fn constrain(&self, _weights: &mut [f64]) {}

    /// How many numbers per lane a step leaves behind for its reverse.
    fn trace(&self) -> usize;

    /// How many numbers per lane a step or its reverse needs to work with.
    fn work(&self) -> usize;

    /// How many sums per lane it keeps over steps in reverse.
    fn sums(&self) -> usize {
        0
    }

    /// One step; `state` is h and becomes h′.
    fn step(&self, moment: &Moment, state: &mut [f64], trace: &mut [f64], work: &mut [f64]);

    /// The same step in reverse, from what it left in `trace`.
    fn step_back(&self, moment: &Moment, trace: &[f64], work: &mut [f64], adjoint: &mut Adjoint);

    /// Adds what the sums of `lanes` lanes amount to to ∂L/∂θ.
    fn settle(&self, _lanes: usize, _sums: &[f64], _weights: &mut [f64]) {}

    /// The papers that it comes from.
    fn papers(&self) -> &'static [&'static str];

    /// A copy.
    fn copy(&self) -> Box<dyn Cell>;
}

impl Clone for Box<dyn Cell> {
    fn clone(&self) -> Self {
        self.copy()
    }
}
