//! From files to a model, one straight stair; each step is a new type and knows only the steps below it.
//!
//! ```text
//! text ─xml→ elements ─document→ includes followed ─component_type + expression→ types, dimensions checked
//!   ─component→ SI numbers ─model→ populations, connections, inputs
//! ```
//!
//! Source: Cannon et al. 2014 (LEMS), doi:10.3389/fninf.2014.00079; Sinha et al. 2025 (NeuroML),
//! doi:10.7554/eLife.95135.

pub mod component;
pub mod component_type;
pub mod document;
pub mod dynamics;
pub mod expression;
mod grammar;
mod instantiate;
pub mod model;
pub mod morphology;
mod network_element;
pub mod simulation;
pub mod xml;
