//! A trained LTC as a LEMS simulation: its neurons as cells without units, its synapses as continuous connections.
//!
//!   τ dV/dt = (g (E − V) + Σ I) / c,    I = w (e − V) / (1 + e^(γ (μ − V_peer))),    y = scale · V + offset
//!
//! τ is the policy's unit of time; every other number is the policy's own, softplus worked out. A sense is a cell whose V is the
//! mapped `level`, to be set by whoever runs the file. The equations are those of the cell, so a simulation in the substeps of an
//! explicit policy by the same method gives the policy's numbers; a fused policy and its file differ by what the fused solver
//! itself is off, of first order in a substep.
//!
//! Source: LEMS, Cannon et al. 2014, doi:10.3389/fninf.2014.00079; the types with V of NeuroML 2.3.

use std::fmt::Write;
use std::path::Path;

use super::policy::Policy;
use crate::error::{Error, Problem, write_whole};
use crate::math::softplus;

/// The types that the file brings along.
const TYPES: &str = r#"  <ComponentType name="ltcSense" extends="baseCellMembPotDL">
    <Parameter name="level" dimension="none"/>
    <Parameter name="scale" dimension="none"/>
    <Parameter name="offset" dimension="none"/>
    <Attachments name="synapses" type="basePointCurrentDL"/>
    <Dynamics>
      <DerivedVariable name="V" exposure="V" dimension="none" value="scale * level + offset"/>
    </Dynamics>
  </ComponentType>
  <ComponentType name="ltcNeuron" extends="baseCellMembPotDL">
    <Parameter name="leak" dimension="none"/>
    <Parameter name="rest" dimension="none"/>
    <Parameter name="capacitance" dimension="none"/>
    <Parameter name="unit" dimension="time"/>
    <Parameter name="scale" dimension="none"/>
    <Parameter name="offset" dimension="none"/>
    <Exposure name="y" dimension="none"/>
    <Attachments name="synapses" type="basePointCurrentDL"/>
    <Dynamics>
      <StateVariable name="V" exposure="V" dimension="none"/>
      <DerivedVariable name="I" dimension="none" select="synapses[*]/I" reduce="add"/>
      <DerivedVariable name="y" exposure="y" dimension="none" value="scale * V + offset"/>
      <TimeDerivative variable="V" value="(leak * (rest - V) + I) / (capacitance * unit)"/>
    </Dynamics>
  </ComponentType>
  <ComponentType name="ltcSynapse" extends="baseSynapseDL">
    <Parameter name="strength" dimension="none"/>
    <Parameter name="steepness" dimension="none"/>
    <Parameter name="midpoint" dimension="none"/>
    <Parameter name="reversal" dimension="none"/>
    <Requirement name="V" dimension="none"/>
    <InstanceRequirement name="peer" type="baseSynapseDL"/>
    <Dynamics>
      <DerivedVariable name="Vpeer" dimension="none" select="peer/V"/>
      <DerivedVariable name="I" exposure="I" dimension="none" value="weight * strength * (reversal - V) / (1 + exp(steepness * (midpoint - Vpeer)))"/>
    </Dynamics>
  </ComponentType>
  <ComponentType name="ltcSilence" extends="baseSynapseDL">
    <Dynamics>
      <DerivedVariable name="I" exposure="I" dimension="none" value="0"/>
    </Dynamics>
  </ComponentType>
"#;

/// Reads a policy and writes the file.
///
/// # Errors
/// As [`Policy::read`] and [`of`], and when the system refuses.
pub fn export(policy: &Path, out: &Path) -> Result<(), Error> {
    let text = of(&Policy::read(policy)?).map_err(|problem| {
        let message = format!("{}: {}", policy.display(), problem.message);
        Problem { message, ..problem }
    })?;
    Ok(write_whole(out, text)?)
}

/// The file. It is simulated for ten of the policy's units of time and writes V of every neuron and y of every output.
///
/// # Errors
/// When the policy is no LTC, or has a mixed memory, for which LEMS has no cell.
pub fn of(policy: &Policy) -> Result<String, Problem> {
    let settings = policy.network.settings();
    let setting = |key: &str| settings.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str());
    if setting("cell") != Some("ltc") || setting("mixed_memory").is_some() {
        let problem =
            Problem::new(format!("a policy of the cell {} has no form in LEMS", setting("cell").unwrap_or("?")));
        return Err(problem.help("export an LTC without mixed memory"));
    }
    let implicit = setting("implicit_param_constraints") == Some("true");
    let substeps: f64 = setting("ode_unfolds").and_then(|text| text.parse().ok()).unwrap_or(6.0);
    let numbers = Numbers::of(policy, implicit);
    let (units, senses, outputs) = (policy.network.states(), policy.network.inputs(), policy.network.outputs());
    let named = |names: &Option<Vec<String>>, count: usize, what: &str| -> Vec<String> {
        let own = names.as_ref().filter(|names| names.len() == count);
        (0..count).map(|index| own.map_or_else(|| format!("{what}_{index}"), |names| plain(&names[index]))).collect()
    };
    let sense_names = named(&policy.senses, senses, "sense");
    // Where neurons have no names, an output has that of what it drives.
    let mut neuron_names = named(&policy.neurons, units, "neuron");
    if policy.neurons.is_none() {
        neuron_names.splice(0..outputs, named(&policy.drives, outputs, "neuron"));
    }
    let (mut cells, mut wires, mut columns) = (String::new(), String::new(), String::new());
    let mut populations = String::new();
    let mut add = |name: &str, cell: String| {
        cells.push_str(&cell);
        let _ = writeln!(populations, "    <population id=\"{name}\" component=\"{name}_cell\" size=\"1\"/>");
    };
    for (index, name) in sense_names.iter().enumerate() {
        let (scale, offset) = (numbers.get("input_w", index, 1.0), numbers.get("input_b", index, 0.0));
        add(name, format!("  <ltcSense id=\"{name}_cell\" level=\"0\" scale=\"{scale}\" offset=\"{offset}\"/>\n"));
    }
    for (index, name) in neuron_names.iter().enumerate() {
        let [leak, rest, capacitance] = ["gleak", "vleak", "cm"].map(|letter| numbers.get(letter, index, 0.0));
        let read = |letter: &str, otherwise: f64| {
            if index < outputs { numbers.get(letter, index, otherwise) } else { otherwise }
        };
        let (scale, offset) = (read("output_w", 1.0), read("output_b", 0.0));
        add(
            name,
            format!(
                "  <ltcNeuron id=\"{name}_cell\" leak=\"{leak}\" rest=\"{rest}\" capacitance=\"{capacitance}\" \
                 unit=\"{} s\" scale=\"{scale}\" offset=\"{offset}\"/>\n",
                policy.time_unit
            ),
        );
        let _ = writeln!(columns, "      <OutputColumn id=\"{name}\" quantity=\"{name}[0]/V\"/>");
        if index < outputs {
            let _ = writeln!(columns, "      <OutputColumn id=\"{name}_y\" quantity=\"{name}[0]/y\"/>");
        }
    }
    for (prefix, sources) in [("", &neuron_names), ("sensory_", &sense_names)] {
        let letter = |name: &str| format!("{prefix}{name}");
        for (index, place) in numbers.places(&letter("w")).iter().enumerate() {
            let (source, target) = (&sources[place / units], &neuron_names[place % units]);
            let id = format!("{source}_to_{target}");
            let [strength, steepness, midpoint, reversal] =
                ["w", "sigma", "mu", "erev"].map(|name| numbers.get(&letter(name), index, 0.0));
            let _ = writeln!(
                cells,
                "  <ltcSynapse id=\"{id}\" strength=\"{strength}\" steepness=\"{steepness}\" midpoint=\"{midpoint}\" \
                 reversal=\"{reversal}\"/>"
            );
            let _ = writeln!(
                wires,
                "    <continuousProjection id=\"{id}_p\" presynapticPopulation=\"{source}\" \
                 postsynapticPopulation=\"{target}\">\n      <continuousConnection id=\"0\" preCell=\"0\" postCell=\"0\" \
                 preComponent=\"silence\" postComponent=\"{id}\"/>\n    </continuousProjection>"
            );
        }
    }
    let (length, step) = (10.0 * policy.time_unit, policy.time_unit / substeps);
    Ok(format!(
        "<Lems>\n  <Target component=\"run\"/>\n  <Include file=\"Cells.xml\"/>\n  <Include file=\"Networks.xml\"/>\n  \
         <Include file=\"Synapses.xml\"/>\n  <Include file=\"Simulation.xml\"/>\n{TYPES}  <ltcSilence id=\"silence\"/>\n\
         {cells}  <network id=\"policy\">\n{populations}{wires}  </network>\n  \
         <Simulation id=\"run\" length=\"{length} s\" step=\"{step} s\" target=\"policy\">\n    \
         <OutputFile id=\"neurons\" fileName=\"policy.dat\">\n{columns}    </OutputFile>\n  </Simulation>\n</Lems>\n"
    ))
}

/// A name that can stand in a path: "curvature/01" becomes "curvature_01".
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The weights by the letters of the state dict, as they act.
struct Numbers(Vec<(String, Vec<f64>, Vec<usize>)>);

impl Numbers {
    fn of(policy: &Policy, implicit: bool) -> Self {
        let mut weights = policy.network.weights();
        let tensors = policy.network.tensors().into_iter().map(|tensor| {
            let (own, rest) = weights.split_at(tensor.weights());
            weights = rest;
            let letter = tensor.name.trim_start_matches("rnn_cell.").to_string();
            let positive = implicit && matches!(letter.as_str(), "gleak" | "cm" | "w" | "sensory_w");
            let acting = |stored: f64| if positive { softplus(stored) } else { stored };
            (letter, own.iter().map(|stored| acting(*stored)).collect(), tensor.places.unwrap_or_default())
        });
        Self(tensors.collect())
    }

    fn get(&self, letter: &str, index: usize, otherwise: f64) -> f64 {
        self.0.iter().find(|(known, ..)| known == letter).map_or(otherwise, |(_, values, _)| values[index])
    }

    fn places(&self, letter: &str) -> &[usize] {
        self.0.iter().find(|(known, ..)| known == letter).map_or(&[], |(.., places)| places)
    }
}
