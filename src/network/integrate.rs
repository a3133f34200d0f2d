//! How states move through one time step: the equations of a step, made from the equations of the rates.
//!
//! Default, exponential Runge–Kutta of second order with the diagonal of the Jacobian as its linear part:
//!
//! ```text
//! J = ∂f/∂x,  a = x + dt φ₁(dt J) f(x),  x' = a + dt φ₂(dt J) (f(a) − f(x) − J (a − x))
//! ```
//!
//! x one state variable, f its rate, a the prediction, J how the rate depends on the variable itself, found by
//! symbolic differentiation; for a membrane potential J holds the conductance of channels, synapses and gap
//! junctions. A gate or a leaky membrane under constant conditions is solved exactly for any dt. Where f does not
//! depend on x this is Heun's method; a J above zero (the upstroke of a spike) is taken as zero.
//! Not the staggered scheme of NEURON (cnexp), which is of first order in networks.
//!
//! What the step costs in time, measured on c302's C1_Full (397 cells, 101 ms, upward crossings of −20 mV against steps
//! of 0.003125 ms): at most 0.37, 0.098 and 0.024 ms late at steps of 0.05, 0.025 and 0.0125 ms. A cell that crosses
//! just before the end of a window can so cross after it: ADFL does, at 99.9 ms when converged and at 100.24 ms in
//! steps of 0.05 ms.
//!
//! Source: Cox & Matthews 2002, doi:10.1006/jcph.2002.6995, equation 22 (ETD2RK); Hochbruck & Ostermann 2010,
//! doi:10.1017/S0962492910000048.

use crate::network::flat::{Flat, Input};
use crate::network::graph::{Id, Node};
use crate::network::program::{Binary, Unary};

/// How states move through a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Exponential Runge–Kutta of second order.
    #[default]
    Exponential,
    /// Forward Euler: x' = x + dt f(x). First order; for comparison with simulators that use it.
    Euler,
}

/// Where a stage writes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A state at the end of the step.
    State(usize),
    /// A state as predicted by the first stage.
    Trial(usize),
    /// An input column, by index.
    Input(usize),
}

/// What both stages compute.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    /// The first stage: from states to predictions.
    pub predict: Vec<(Id, Target)>,
    /// The second stage: from predictions (in the place of the states) to states.
    pub correct: Vec<(Id, Target)>,
}

/// Makes the equations of a step of `dt` [s].
pub fn stages(flat: &mut Flat, method: Method, dt: f64) -> Stages {
    let mut stages = Stages::default();
    for state in 0..flat.states.len() {
        let Some(rate) = flat.states[state].rate else { continue };
        let slope = slope(flat, state, rate);
        flat.states[state].slope = Some(slope);
        let x = flat.graph.leaf(Node::State(state));
        let dt = flat.graph.literal(dt);
        match method {
            Method::Euler => {
                let move_by = flat.graph.binary(Binary::Mul, dt, rate);
                let end = flat.graph.binary(Binary::Add, x, move_by);
                stages.predict.push((end, Target::Trial(state)));
                stages.correct.push((x, Target::State(state)));
            }
            Method::Exponential => exponential(flat, &mut stages, state, (rate, slope), x, dt),
        }
    }
    stages
}

fn exponential(flat: &mut Flat, stages: &mut Stages, state: usize, (rate, slope): (Id, Id), x: Id, dt: Id) {
    use Binary::{Add, Mul, Sub};
    let graph = &mut flat.graph;
    let z = graph.binary(Mul, dt, slope);
    // The slope of a rate that does not depend on its variable is the literal 0.
    let flat_rate = matches!(graph.node(z), Node::Literal(0));
    let (phi_1, phi_2) = if flat_rate {
        (graph.literal(1.0), graph.literal(0.5))
    } else {
        let phi_1 = graph.unary(Unary::Phi1, z);
        (phi_1, graph.binary(Binary::Phi2, z, phi_1))
    };
    let step_1 = graph.binary(Mul, dt, phi_1);
    let move_by = graph.binary(Mul, step_1, rate);
    let trial = graph.binary(Add, x, move_by);
    let linear = graph.binary(Mul, slope, move_by);
    let expected = graph.binary(Add, rate, linear);
    let step_2 = graph.binary(Mul, dt, phi_2);
    stages.predict.push((trial, Target::Trial(state)));
    let kept = keep(flat, stages, expected, Input::KeptRate(state));
    // A factor that follows from parameters needs no column.
    let factor = match flat.graph.value(step_2) {
        Some(_) => step_2,
        None => keep(flat, stages, step_2, Input::KeptFactor(state)),
    };
    let graph = &mut flat.graph;
    let missed = graph.binary(Sub, rate, kept);
    let correction = graph.binary(Mul, factor, missed);
    let end = graph.binary(Add, x, correction);
    stages.correct.push((end, Target::State(state)));
}

fn keep(flat: &mut Flat, stages: &mut Stages, value: Id, input: Input) -> Id {
    let leaf = flat.input(input);
    if let Node::Input(index) = flat.graph.node(leaf) {
        stages.predict.push((value, Target::Input(index)));
    }
    leaf
}

/// ∂f/∂x, never above zero where it changes; what is attached to the cell counts.
fn slope(flat: &mut Flat, state: usize, rate: Id) -> Id {
    let mut slope = flat.graph.differentiate(rate, Node::State(state));
    if flat.states[state].node == 0 {
        let name = flat.states[state].name.clone();
        for (index, input) in flat.inputs.clone().into_iter().enumerate() {
            let Input::Attached(exposure) = input else { continue };
            let outer = flat.graph.differentiate(rate, Node::Input(index));
            let inner = flat.input(Input::Slope(exposure, name.clone()));
            let through = flat.graph.binary(Binary::Mul, outer, inner);
            slope = flat.graph.binary(Binary::Add, slope, through);
        }
    }
    match flat.graph.value(slope) {
        Some(_) => slope,
        None => flat.graph.unary(Unary::NotPositive, slope),
    }
}
