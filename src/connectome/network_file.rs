//! The tables as one NeuroML 2 network: a population per cell, a projection per pair of cells.
//!
//! Chemical synapses are graded (`continuousProjection`); a synapse of a neuron that makes GABA inhibits and
//! every other excites. A gap junction stands once, and acts on both cells. The weight of a connection is the
//! number of its table.
//!
//! Source of the format: NeuroML 2.3, Networks, doi:10.3389/fninf.2014.00079.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Contact, Neuron, Source, Tables};
use crate::names::muscle_place;

/// The whole file; `include` is the path of the cells file as seen from it.
pub(super) fn text(tables: &Tables, source: Source, include: &str) -> String {
    let mut xml = String::new();
    // Writing to a String cannot fail.
    let _ = write_network(&mut xml, tables, source, include);
    xml
}

/// What a circuit makes of the tables.
pub(super) struct Parts {
    /// Cells, synapses and gap junctions, as XML.
    pub components: Vec<String>,
    /// The component of each cell.
    pub cells: BTreeMap<String, String>,
    /// Chemical synapses.
    pub synapses: Vec<Weighted>,
    /// Gap junctions.
    pub gaps: Vec<Weighted>,
}

/// A contact with the component and the weight that a circuit gives it.
pub(super) struct Weighted {
    /// The presynaptic cell, or one side of a gap junction.
    pub pre: String,
    /// The other.
    pub post: String,
    /// Its synapse.
    pub component: String,
    /// How many of that.
    pub weight: f64,
}

/// The whole file of a circuit's network.
pub(super) fn of_circuit(tables: &Tables, source: Source, parts: &Parts) -> String {
    let mut xml = String::new();
    // Writing to a String cannot fail.
    let _ = write_circuit(&mut xml, tables, source, parts);
    xml
}

fn write_circuit(xml: &mut String, tables: &Tables, source: Source, parts: &Parts) -> std::fmt::Result {
    let id = source.name();
    writeln!(xml, "<neuroml xmlns=\"http://www.neuroml.org/schema/neuroml2\" id=\"{id}_circuit\">")?;
    writeln!(xml, "  <notes>Contacts: {}. All other numbers: the circuit's file.</notes>", source.citation())?;
    for component in &parts.components {
        writeln!(xml, "  {component}")?;
    }
    writeln!(xml, "  <silentSynapse id=\"silent\"/>")?;
    writeln!(xml, "  <network id=\"{id}\">")?;
    for neuron in &tables.neurons {
        let place = [neuron.x_um, neuron.y_um, neuron.z_um];
        population(xml, &neuron.name, &parts.cells[&neuron.name], &properties(neuron), place)?;
    }
    for muscle in &tables.muscles {
        let place = [muscle.x_um, muscle.y_um, muscle.z_um];
        population(xml, &muscle.name, &parts.cells[&muscle.name], &[("quadrant", &muscle.name[..3])], place)?;
    }
    let ends = |contact: &Weighted| {
        let path = |cell: &str| format!("../{cell}/0/{}", parts.cells[cell]);
        format!("preCell=\"{}\" postCell=\"{}\"", path(&contact.pre), path(&contact.post))
    };
    for gap in &parts.gaps {
        let Weighted { pre, post, component, weight } = gap;
        write!(
            xml,
            "    <electricalProjection id=\"gap_{pre}_{post}\" presynapticPopulation=\"{pre}\" postsynapticPopulation=\"{post}\">"
        )?;
        let ends = ends(gap);
        write!(xml, "<electricalConnectionInstanceW id=\"0\" {ends} synapse=\"{component}\" weight=\"{weight:e}\"/>")?;
        writeln!(xml, "</electricalProjection>")?;
    }
    for synapse in &parts.synapses {
        let Weighted { pre, post, component, weight } = synapse;
        write!(
            xml,
            "    <continuousProjection id=\"chemical_{pre}_{post}\" presynapticPopulation=\"{pre}\" postsynapticPopulation=\"{post}\">"
        )?;
        let ends = ends(synapse);
        write!(
            xml,
            "<continuousConnectionInstanceW id=\"0\" {ends} preComponent=\"silent\" postComponent=\"{component}\" weight=\"{weight:e}\"/>"
        )?;
        writeln!(xml, "</continuousProjection>")?;
    }
    writeln!(xml, "  </network>")?;
    writeln!(xml, "</neuroml>")
}

fn properties(neuron: &Neuron) -> [(&str, &str); 3] {
    [("class", neuron.class.as_str()), ("type", &neuron.kind), ("transmitter", &neuron.transmitter)]
}

fn write_network(xml: &mut String, tables: &Tables, source: Source, include: &str) -> std::fmt::Result {
    let id = source.name();
    writeln!(xml, "<neuroml xmlns=\"http://www.neuroml.org/schema/neuroml2\" id=\"{id}_network\">")?;
    writeln!(xml, "  <notes>")?;
    writeln!(xml, "    Contacts: {}.", source.citation())?;
    writeln!(xml, "    Weights count {}.", source.weight_unit())?;
    writeln!(xml, "    Transmitters: Wang et al. 2024, doi:10.7554/eLife.95402; GABA inhibits, all others excite.")?;
    writeln!(xml, "    Positions of neurons: VirtualWorm [um]; positions of muscles are schematic, not anatomy.")?;
    writeln!(xml, "    Built from tables by nematode; edit the tables, not this file.")?;
    writeln!(xml, "  </notes>")?;
    writeln!(xml, "  <include href=\"{}\"/>", escaped(include))?;
    writeln!(xml, "  <network id=\"{id}\">")?;
    for neuron in &tables.neurons {
        let name = &neuron.name;
        population(xml, name, component(name), &properties(neuron), [neuron.x_um, neuron.y_um, neuron.z_um])?;
    }
    for muscle in &tables.muscles {
        let properties = [("quadrant", &muscle.name[..3]), ("position", "schematic")];
        let name = &muscle.name;
        population(xml, name, component(name), &properties, [muscle.x_um, muscle.y_um, muscle.z_um])?;
    }
    for contact in &tables.gaps {
        gap_junction(xml, contact)?;
    }
    let inhibitors: BTreeSet<&str> =
        tables.neurons.iter().filter(|neuron| neuron.inhibits()).map(|neuron| neuron.name.as_str()).collect();
    for contact in tables.chemical.iter().chain(&tables.neuromuscular) {
        graded_synapse(xml, contact, inhibitors.contains(contact.pre.as_str()))?;
    }
    writeln!(xml, "  </network>")?;
    writeln!(xml, "</neuroml>")
}

/// The component, of the cells file, that a cell of this name is an instance of.
fn component(cell: &str) -> &'static str {
    if muscle_place(cell).is_some() { "muscle" } else { "neuron" }
}

fn population(
    xml: &mut String,
    name: &str,
    component: &str,
    properties: &[(&str, &str)],
    place: [f64; 3],
) -> std::fmt::Result {
    writeln!(xml, "    <population id=\"{name}\" component=\"{component}\" type=\"populationList\" size=\"1\">")?;
    for (tag, value) in properties {
        writeln!(xml, "      <property tag=\"{tag}\" value=\"{}\"/>", escaped(value))?;
    }
    let [x, y, z] = place;
    writeln!(xml, "      <instance id=\"0\"><location x=\"{x}\" y=\"{y}\" z=\"{z}\"/></instance>")?;
    writeln!(xml, "    </population>")
}

fn gap_junction(xml: &mut String, Contact { pre, post, number }: &Contact) -> std::fmt::Result {
    writeln!(
        xml,
        "    <electricalProjection id=\"gap_{pre}_{post}\" presynapticPopulation=\"{pre}\" postsynapticPopulation=\"{post}\">"
    )?;
    let cells = endpoints(pre, post);
    writeln!(
        xml,
        "      <electricalConnectionInstanceW id=\"0\" {cells} synapse=\"gap_junction\" weight=\"{number}\"/>"
    )?;
    writeln!(xml, "    </electricalProjection>")
}

fn graded_synapse(xml: &mut String, Contact { pre, post, number }: &Contact, inhibits: bool) -> std::fmt::Result {
    let (kind, synapse) = match (component(post), inhibits) {
        ("muscle", false) => ("neuromuscular", "muscle_excitatory"),
        ("muscle", true) => ("neuromuscular", "muscle_inhibitory"),
        (_, false) => ("chemical", "excitatory"),
        (_, true) => ("chemical", "inhibitory"),
    };
    writeln!(
        xml,
        "    <continuousProjection id=\"{kind}_{pre}_{post}\" presynapticPopulation=\"{pre}\" postsynapticPopulation=\"{post}\">"
    )?;
    let cells = endpoints(pre, post);
    writeln!(
        xml,
        "      <continuousConnectionInstanceW id=\"0\" {cells} preComponent=\"silent\" postComponent=\"{synapse}\" weight=\"{number}\"/>"
    )?;
    writeln!(xml, "    </continuousProjection>")
}

/// The two ends of a connection, as the paths that NeuroML wants.
fn endpoints(pre: &str, post: &str) -> String {
    let path = |cell: &str| format!("../{cell}/0/{}", component(cell));
    format!("preCell=\"{}\" postCell=\"{}\"", path(pre), path(post))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
