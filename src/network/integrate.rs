//! How states move through one time step: the equations of a step, made from the equations of the rates.
//!
//! Default, the exponential midpoint rule with couplings foretold, of second order at one evaluation a step:
//!
//! ```text
//! x̂ = xₙ + (xₙ − xₙ₋₁)/2                  every state as it will be in the middle of the step, foretold
//! f = f(x̂, t + dt/2),  J = ∂f/∂x at x̂     its rate there, and how the rate depends on the state itself
//! g = f − J x̂                             what drives the state from outside, as of the middle of the step
//! x' = xₙ + dt φ₁(dt J) (g + J xₙ) + dt (φ₂(dt J) − φ₁(dt J)/2) (g − g₋)
//! ```
//!
//! x one state variable, f its rate, J found by symbolic differentiation (for a membrane potential the conductance of
//! channels, synapses and gap junctions), g₋ the drive one step before. The state's own decay is solved exactly under a
//! drive that is a straight line in time through g and g₋: a gate or a leaky membrane under constant conditions is
//! exact for any dt, and a gate much faster than the step follows its voltage without lag. Only what comes from *other*
//! states is foretold, so that a current that begins on a step is taken whole and at once. After a jump (a spike, an
//! event) the foretelling begins anew from the rate just after it (`Network::start_anew`).
//! Not the scheme of NEURON (cnexp with an implicit membrane), which is of first order in networks; and not ETD2RK,
//! which costs two evaluations: on c302's C1_Full (397 cells, 100 ms, upward crossings of −20 mV against steps of
//! 0.003125 ms) it was at most 0.37 ms late in steps of 0.05 ms where this rule is at most 0.029 ms off.
//!
//! Source: Hochbruck & Ostermann 2010, doi:10.1017/S0962492910000048 (exponential multistep methods, section 2.5, whose
//! nodes are here the midpoints); the symbols φ₁, φ₂ are theirs.
//!
//! For comparison: `Euler`, x' = x + dt f(x), of first order; and `RungeKutta`, the classical rule of fourth order
//! (Kutta 1901), both explicit and stable only for steps below the fastest time constant.

use crate::network::flat::{Flat, Input, Kept};
use crate::network::graph::{Graph, Id, Node};
use crate::network::program::{Binary, Unary};

/// How states move through a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Exponential midpoint rule with couplings foretold; second order, one evaluation a step.
    #[default]
    Exponential,
    /// Forward Euler; first order, for comparison with simulators that use it.
    Euler,
    /// The classical Runge–Kutta rule; fourth order, four evaluations a step.
    RungeKutta,
}

/// How far inside a step its first and last looks at the clock are, as a fraction of the step: a pulse that begins or
/// ends on a step counts for the whole steps within it, however times are rounded.
pub const INSIDE: f64 = 1e-6;

impl Method {
    /// The methods by name.
    pub const ALL: [(&'static str, Self); 3] =
        [("exponential", Self::Exponential), ("rk4", Self::RungeKutta), ("euler", Self::Euler)];

    /// How far ahead the first stage looks at the states, as a fraction of a step that goes on as the last one went.
    pub fn reach(self) -> f64 {
        match self {
            Self::Exponential => 0.5,
            Self::Euler | Self::RungeKutta => 0.0,
        }
    }

    /// When each stage looks at the clock, as a fraction of the step.
    pub fn looks(self) -> &'static [f64] {
        match self {
            Self::Exponential => &[0.5],
            Self::Euler => &[INSIDE],
            Self::RungeKutta => &[INSIDE, 0.5, 0.5, 1.0 - INSIDE],
        }
    }
}

/// Where a stage writes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A state at the end of the step.
    State(usize),
    /// A state as the next stage looks at it.
    Trial(usize),
    /// An input column, by index.
    Input(usize),
}

/// Values and where they go, in order.
pub type Writes = Vec<(Id, Target)>;

/// Makes the equations of a step of `dt` [s], for each stage: from what it looks at (in the place of the states) to what
/// the next one does; the last writes the states.
pub fn stages(flat: &mut Flat, method: Method, dt: f64) -> Vec<Writes> {
    let mut stages = vec![Writes::new(); method.looks().len()];
    for state in 0..flat.states.len() {
        let Some(rate) = flat.states[state].rate else { continue };
        let slope = slope(flat, state, rate, dt);
        flat.states[state].slope = Some(slope);
        let mut step = Step { flat, stages: &mut stages, state, rate, slope, dt };
        match method {
            Method::Exponential => step.exponential(),
            Method::Euler => step.euler(),
            Method::RungeKutta => step.runge_kutta(),
        }
    }
    stages
}

/// One state and what its equations are made of.
struct Step<'a> {
    flat: &'a mut Flat,
    stages: &'a mut [Writes],
    state: usize,
    rate: Id,
    slope: Id,
    dt: f64,
}

impl Step<'_> {
    fn graph(&mut self) -> &mut Graph {
        &mut self.flat.graph
    }

    fn binary(&mut self, operation: Binary, a: Id, b: Id) -> Id {
        self.graph().binary(operation, a, b)
    }

    fn scaled(&mut self, factor: f64, x: Id) -> Id {
        let factor = self.graph().literal(factor);
        self.binary(Binary::Mul, factor, x)
    }

    /// The state, in a stage the one that the stage looks at.
    fn looked_at(&mut self) -> Id {
        let state = Node::State(self.state);
        self.graph().leaf(state)
    }

    fn kept(&mut self, what: Kept) -> Id {
        self.flat.input(Input::Kept(self.state, what))
    }

    fn keep(&mut self, what: Kept, value: Id, stage: usize) {
        let leaf = self.kept(what);
        if let Node::Input(index) = self.graph().node(leaf) {
            self.stages[stage].push((value, Target::Input(index)));
        }
    }

    fn euler(&mut self) {
        let (start, rate) = (self.kept(Kept::Start), self.rate);
        let moved = self.scaled(self.dt, rate);
        let end = self.binary(Binary::Add, start, moved);
        self.stages[0].push((end, Target::State(self.state)));
    }

    fn runge_kutta(&mut self) {
        let (start, sum, rate) = (self.kept(Kept::Start), self.kept(Kept::Rate), self.rate);
        for (stage, (weight, reach)) in [(1.0, 0.5), (2.0, 0.5), (2.0, 1.0)].into_iter().enumerate() {
            let part = self.scaled(weight, rate);
            let new = if stage == 0 { part } else { self.binary(Binary::Add, sum, part) };
            self.keep(Kept::Rate, new, stage);
            let moved = self.scaled(reach * self.dt, rate);
            let trial = self.binary(Binary::Add, start, moved);
            self.stages[stage].push((trial, Target::Trial(self.state)));
        }
        let all = self.binary(Binary::Add, sum, rate);
        let moved = self.scaled(self.dt / 6.0, all);
        let end = self.binary(Binary::Add, start, moved);
        self.stages[3].push((end, Target::State(self.state)));
    }

    fn exponential(&mut self) {
        use Binary::{Add, Mul, Sub};
        let (x, start) = (self.looked_at(), self.kept(Kept::Start));
        let (rate, slope, dt) = (self.rate, self.slope, self.dt);
        let drive = self.drive();
        if self.flat.cable && self.flat.states[self.state].node == 0 && self.flat.states[self.state].name == "v" {
            // The cable moves it, with all its neighbours.
            self.keep(Kept::Drive, drive, 0);
            return self.keep(Kept::Slope, slope, 0);
        }
        let z = self.scaled(dt, slope);
        // The slope of a rate that does not depend on its variable is the literal 0: φ₁ = 1, φ₂ = ½.
        if matches!(self.graph().node(z), Node::Literal(0)) {
            let moved = self.scaled(dt, rate);
            let end = self.binary(Add, start, moved);
            return self.stages[0].push((end, Target::State(self.state)));
        }
        let phi_1 = self.graph().unary(Unary::Phi1, z);
        let phi_2 = self.binary(Binary::Phi2, z, phi_1);
        let half_phi_1 = self.scaled(0.5, phi_1);
        let bend = self.binary(Sub, phi_2, half_phi_1);
        let (whole, bend) = (self.scaled(dt, phi_1), self.scaled(dt, bend));
        // 1 + z φ₁(z) = e^z is what is left of the state itself.
        let (one, gone) = (self.graph().literal(1.0), self.binary(Mul, z, phi_1));
        let left = self.binary(Add, one, gone);
        // A slope that never changes makes drives of different steps comparable as they are; else the drive of the
        // step before is taken with the slope of this one.
        let drive_before = if self.graph().value(slope).is_some() {
            self.keep(Kept::Drive, drive, 0);
            self.kept(Kept::Drive)
        } else {
            self.keep(Kept::Rate, rate, 0);
            self.keep(Kept::Point, x, 0);
            let (rate, point) = (self.kept(Kept::Rate), self.kept(Kept::Point));
            let own = self.binary(Mul, slope, point);
            self.binary(Sub, rate, own)
        };
        // The factors of both drives, so that what follows from parameters is worked out once.
        let of_drive = self.binary(Add, whole, bend);
        let own = self.binary(Mul, left, start);
        let driven = self.binary(Mul, of_drive, drive);
        let before = self.binary(Mul, bend, drive_before);
        let end = self.binary(Add, own, driven);
        let end = self.binary(Sub, end, before);
        self.stages[0].push((end, Target::State(self.state)));
    }

    /// f − J x̂; where f is a straight line in x, f at x = 0, which costs less.
    fn drive(&mut self) -> Id {
        let state = Node::State(self.state);
        let straight = !self.flat.graph.depends(self.slope, state) && self.flat.graph.is_straight(self.rate, state);
        if straight && !self.feels_attachments() {
            let zero = self.graph().literal(0.0);
            let rate = self.rate;
            return self.graph().substitute(rate, &|leaf| (leaf == state).then_some(zero));
        }
        let x = self.looked_at();
        let own = self.binary(Binary::Mul, self.slope, x);
        self.binary(Binary::Sub, self.rate, own)
    }

    /// Whether the state stands in what is attached to the cell, where its own equations do not show it.
    fn feels_attachments(&mut self) -> bool {
        let leaves = self.flat.graph.leaves(&[self.slope]);
        let slope = |leaf: &Node| matches!(leaf, Node::Input(i) if matches!(self.flat.inputs[*i], Input::Slope(..)));
        leaves.iter().any(slope)
    }
}

/// ∂f/∂x, at most 1/dt where it changes; what is attached to the cell counts.
///
/// A slope above 1/dt is the upstroke of a spike that the step does not resolve; its exponential would overshoot
/// without bounds.
fn slope(flat: &mut Flat, state: usize, rate: Id, dt: f64) -> Id {
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
        None => {
            let most = flat.graph.literal(1.0 / dt);
            let above = flat.graph.binary(Binary::Less, most, slope);
            flat.graph.select(above, most, slope)
        }
    }
}
