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

/// What a network is made of, beside who is in it.
pub(super) struct Parts {
    /// Lines in front of the network: notes, includes or components.
    pub head: Vec<String>,
    /// The component of each cell.
    pub cells: BTreeMap<String, String>,
    /// Chemical synapses.
    pub synapses: Vec<Weighted>,
    /// Gap junctions.
    pub gaps: Vec<Weighted>,
}

/// A contact with the component and the weight that it gets.
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

/// The network of the tables alone: every neuron and every muscle alike, weights as the tables have them. `include` is
/// the path of the cells file as seen from the network's.
pub(super) fn plain(tables: &Tables, source: Source, include: &str) -> String {
    let inhibitors: BTreeSet<&str> =
        tables.neurons.iter().filter(|neuron| neuron.inhibits()).map(|neuron| neuron.name.as_str()).collect();
    let weighted = |contact: &Contact, component: &str| Weighted {
        pre: contact.pre.clone(),
        post: contact.post.clone(),
        component: component.to_string(),
        weight: f64::from(contact.number),
    };
    let synapse = |contact: &Contact| {
        let component = match (component(&contact.post), inhibitors.contains(contact.pre.as_str())) {
            ("muscle", false) => "muscle_excitatory",
            ("muscle", true) => "muscle_inhibitory",
            (_, false) => "excitatory",
            (_, true) => "inhibitory",
        };
        weighted(contact, component)
    };
    let head = [
        "<notes>".to_string(),
        format!("  Contacts: {}.", source.citation()),
        format!("  Weights count {}.", source.weight_unit()),
        "  Transmitters: Wang et al. 2024, doi:10.7554/eLife.95402; GABA inhibits, all others excite.".to_string(),
        "  Positions of neurons: VirtualWorm [um]; positions of muscles are schematic, not anatomy.".to_string(),
        "  Built from tables by nematode; edit the tables, not this file.".to_string(),
        "</notes>".to_string(),
        format!("<include href=\"{}\"/>", escaped(include)),
    ];
    let names = tables.neurons.iter().map(|n| &n.name).chain(tables.muscles.iter().map(|m| &m.name));
    let parts = Parts {
        head: head.to_vec(),
        cells: names.map(|name| (name.clone(), component(name).to_string())).collect(),
        synapses: tables.chemical.iter().chain(&tables.neuromuscular).map(synapse).collect(),
        gaps: tables.gaps.iter().map(|contact| weighted(contact, "gap_junction")).collect(),
    };
    text(tables, source, &parts)
}

/// The whole file.
pub(super) fn text(tables: &Tables, source: Source, parts: &Parts) -> String {
    let mut xml = String::new();
    // Writing to a String cannot fail.
    let _ = write_network(&mut xml, tables, source, parts);
    xml
}

fn write_network(xml: &mut String, tables: &Tables, source: Source, parts: &Parts) -> std::fmt::Result {
    let id = source.name();
    writeln!(xml, "<neuroml xmlns=\"http://www.neuroml.org/schema/neuroml2\" id=\"{id}_network\">")?;
    for line in &parts.head {
        writeln!(xml, "  {line}")?;
    }
    writeln!(xml, "  <network id=\"{id}\">")?;
    for neuron in &tables.neurons {
        let place = [neuron.x_um, neuron.y_um, neuron.z_um];
        population(xml, &neuron.name, &parts.cells[&neuron.name], &properties(neuron), place)?;
    }
    for muscle in &tables.muscles {
        let properties = [("quadrant", &muscle.name[..3]), ("position", "schematic")];
        let place = [muscle.x_um, muscle.y_um, muscle.z_um];
        population(xml, &muscle.name, &parts.cells[&muscle.name], &properties, place)?;
    }
    for contact in &parts.gaps {
        let (component, weight) = (&contact.component, contact.weight);
        projection(
            xml,
            ["electrical", "gap"],
            contact,
            &parts.cells,
            &format!("synapse=\"{component}\" weight=\"{weight}\""),
        )?;
    }
    for contact in &parts.synapses {
        let kind = if muscle_place(&contact.post).is_some() { "neuromuscular" } else { "chemical" };
        let (component, weight) = (&contact.component, contact.weight);
        let made_of = format!("preComponent=\"silent\" postComponent=\"{component}\" weight=\"{weight}\"");
        projection(xml, ["continuous", kind], contact, &parts.cells, &made_of)?;
    }
    writeln!(xml, "  </network>")?;
    writeln!(xml, "</neuroml>")
}

/// A projection of one connection, `made_of` its components and weight.
fn projection(
    xml: &mut String,
    [element, kind]: [&str; 2],
    Weighted { pre, post, .. }: &Weighted,
    cells: &BTreeMap<String, String>,
    made_of: &str,
) -> std::fmt::Result {
    let path = |cell: &str| format!("../{cell}/0/{}", cells[cell]);
    let (pre_cell, post_cell) = (path(pre), path(post));
    writeln!(
        xml,
        "    <{element}Projection id=\"{kind}_{pre}_{post}\" presynapticPopulation=\"{pre}\" postsynapticPopulation=\"{post}\">"
    )?;
    writeln!(
        xml,
        "      <{element}ConnectionInstanceW id=\"0\" preCell=\"{pre_cell}\" postCell=\"{post_cell}\" {made_of}/>"
    )?;
    writeln!(xml, "    </{element}Projection>")
}

fn properties(neuron: &Neuron) -> [(&str, &str); 3] {
    [("class", neuron.class.as_str()), ("type", &neuron.kind), ("transmitter", &neuron.transmitter)]
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
