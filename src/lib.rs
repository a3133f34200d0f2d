//! A connectome simulation engine for *Caenorhabditis elegans*: NeuroML networks,
//! an elastic body filled with SPH liquid, and the coupling between them, both ways.
//!
//! Data flows one way, each arrow a new type: files → document → model → network,
//! and, every step of a [`worm::Worm`]: sense, decide, fire, contract, move.
//! ARCHITECTURE.md has the plan of the house.

pub mod behaviour;
pub mod body;
pub mod circuit_part;
pub mod citation;
pub mod compare;
pub mod connectome;
pub mod contributions;
pub mod controller;
mod controller_part;
pub mod error;
pub mod experiment;
pub mod fit;
pub mod gait;
pub mod interventions;
pub mod journal;
pub mod lems;
pub mod math;
pub mod muscle;
pub mod names;
mod nervous_system;
pub mod network;
pub mod neuroml;
pub mod optimise;
pub mod parallel;
pub mod pose;
pub mod postures;
pub mod proprioception;
pub mod receptors;
pub mod recording;
pub mod report;
pub mod resume;
pub mod run;
pub mod scene_run;
pub mod settings;
pub mod simd;
mod snapshot;
pub mod table;
pub mod tracks;
pub mod training;
pub mod units;
pub mod validate;
pub mod worm;
