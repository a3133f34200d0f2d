//! Explicit solvers of dx/dt = f(x) over one step of K equal substeps h = T/K, and their exact reverse.
//!
//!   Euler   x ← x + h f(x)
//!   RK4     k₁ = f(x), k₂ = f(x + h/2 k₁), k₃ = f(x + h/2 k₂), k₄ = f(x + h k₃),   x ← x + h/6 (k₁ + 2k₂ + 2k₃ + k₄)
//!
//! They are conditionally stable: a stiff cell (strong synapses, small capacitance) needs a small h or gives numbers that are
//! not finite, which users of the first LTC publication report (raminmh/liquid_time_constant_networks, issue 13).
//!
//! Source: Hairer, Nørsett & Wanner 1993, Solving Ordinary Differential Equations I, chapter II.

use super::lanes::{Row, rows};

/// How a cell goes through the time of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Solver {
    /// Semi-implicit: linear in the state of a neuron itself; stable at any step. For LTC only.
    #[default]
    Fused,
    /// Explicit Euler, first order.
    Euler,
    /// Explicit Runge–Kutta, fourth order.
    Rk4,
}

impl Solver {
    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Euler => "euler",
            Self::Rk4 => "rk4",
        }
    }

    /// The solver of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Fused, Self::Euler, Self::Rk4].into_iter().find(|solver| solver.name() == name)
    }

    /// x + h Σ where an Euler step looks once and a Runge–Kutta step four times.
    pub(super) fn stages(self) -> usize {
        if self == Self::Rk4 { 4 } else { 1 }
    }
}

/// What moves the state, with all that it depends on but the state.
pub(super) trait Flow<const L: usize> {
    /// `value` ← f(`at`).
    fn flow(&mut self, at: &[Row<L>], value: &mut [Row<L>]);

    /// `d_at` ← (∂f/∂x)ᵀ `d_value`; what f depends on besides is added where the flow keeps it. `value` is f(`at`).
    fn flow_back(&mut self, at: &[Row<L>], value: &[Row<L>], d_value: &[Row<L>], d_at: &mut [Row<L>]);
}

/// Rows of trace per state and substep: where each stage looked and what it saw.
pub(super) fn trace_rows(solver: Solver, substeps: usize) -> usize {
    2 * solver.stages() * substeps
}

/// Weights of the stages in the sum, and how far along the last one each of them looks.
const WEIGHT: [f64; 4] = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0];
const AHEAD: [f64; 4] = [0.0, 0.5, 0.5, 1.0];

#[inline(always)]
fn axpy<const L: usize>(y: &mut [Row<L>], factor: f64, h: &Row<L>, x: &[Row<L>]) {
    for (y, x) in y.iter_mut().zip(x) {
        for ((y, x), h) in y.iter_mut().zip(x).zip(h) {
            *y += factor * h * x;
        }
    }
}

/// One step; `trace` has [`trace_rows`] times the number of states.
#[inline(always)]
pub(super) fn step<const L: usize>(
    solver: Solver,
    substeps: usize,
    elapsed: &Row<L>,
    flow: &mut impl Flow<L>,
    state: &mut [Row<L>],
    mut trace: &mut [f64],
) {
    let h = elapsed.map(|elapsed| elapsed / substeps as f64);
    for _ in 0..substeps {
        let start = rows::<L>(&mut trace, state.len());
        start.copy_from_slice(state);
        let mut value = rows::<L>(&mut trace, state.len());
        flow.flow(start, value);
        if solver != Solver::Rk4 {
            axpy(state, 1.0, &h, value);
            continue;
        }
        axpy(state, WEIGHT[0], &h, value);
        for stage in 1..4 {
            let at = rows::<L>(&mut trace, state.len());
            at.copy_from_slice(start);
            axpy(at, AHEAD[stage], &h, value);
            value = rows::<L>(&mut trace, state.len());
            flow.flow(at, value);
            axpy(state, WEIGHT[stage], &h, value);
        }
    }
}

/// The step in reverse; `work` has three times the number of states.
#[inline(always)]
pub(super) fn step_back<const L: usize>(
    solver: Solver,
    substeps: usize,
    (elapsed, d_elapsed): (&Row<L>, &mut Row<L>),
    flow: &mut impl Flow<L>,
    d_state: &mut [Row<L>],
    trace: &[f64],
    mut work: &mut [f64],
) {
    let states = d_state.len();
    let [start, d_value, d_at] = [0, 1, 2].map(|_| rows::<L>(&mut work, states));
    let trace = trace.as_chunks::<L>().0;
    let h = elapsed.map(|elapsed| elapsed / substeps as f64);
    let mut d_h = [0.0; L];
    let stages = solver.stages();
    for substep in (0..substeps).rev() {
        // λ of the end of the substep; what it becomes at its start is gathered in `d_state`.
        start.copy_from_slice(d_state);
        for stage in (0..stages).rev() {
            let seen = (substep * stages + stage) * 2 * states;
            let (at, value) = (&trace[seen..seen + states], &trace[seen + states..seen + 2 * states]);
            let weight = if stages == 1 { 1.0 } else { WEIGHT[stage] };
            for ((d_value, lambda), value) in d_value.iter_mut().zip(&*start).zip(value) {
                for lane in 0..L {
                    d_value[lane] = weight * h[lane] * lambda[lane];
                    d_h[lane] += weight * lambda[lane] * value[lane];
                }
            }
            if stage + 1 < stages {
                // The next stage looked along this one's value.
                axpy(d_value, AHEAD[stage + 1], &h, d_at);
                for (d_at, value) in d_at.iter().zip(value) {
                    for lane in 0..L {
                        d_h[lane] += AHEAD[stage + 1] * d_at[lane] * value[lane];
                    }
                }
            }
            flow.flow_back(at, value, d_value, d_at);
            for (d_state, d_at) in d_state.iter_mut().zip(&*d_at) {
                for (d_state, d_at) in d_state.iter_mut().zip(d_at) {
                    *d_state += d_at;
                }
            }
        }
    }
    for (d_elapsed, d_h) in d_elapsed.iter_mut().zip(d_h) {
        *d_elapsed += d_h / substeps as f64;
    }
}
