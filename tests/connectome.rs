//! The tables of `models/connectome/` become networks that hold what the publications say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nematode::connectome::{Circuit, Source, Summary, build};
use nematode::names::muscle_names;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn built(source: Source) -> (Summary, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("worm.net.nml");
    let summary = build(&root("models/connectome"), source, &root("neuroml/cells.nml"), &out).expect("a network");
    let text = std::fs::read_to_string(&out).expect("the file");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing but the network is left");
    (summary, text)
}

/// The values of attribute `name` in elements `element`, in order.
fn values<'a>(text: &'a str, element: &str, name: &str) -> Vec<&'a str> {
    // The opening keeps its blank, so that the first attribute too has one before it.
    let (open, attribute) = (format!("<{element}"), format!(" {name}=\""));
    text.split(&open)
        .skip(1)
        .filter(|rest| rest.starts_with(' '))
        .map(|rest| {
            let start = rest.find(&attribute).expect("the attribute") + attribute.len();
            let tail = &rest[start..];
            &tail[..tail.find('"').expect("its end")]
        })
        .collect()
}

#[test]
fn every_network_has_all_302_neurons_and_95_muscles_once() {
    for source in Source::ALL {
        let (summary, text) = built(source);
        assert_eq!((summary.neurons, summary.muscles), (302, 95));
        let populations = values(&text, "population", "id");
        let names: BTreeSet<&str> = populations.iter().copied().collect();
        assert_eq!((populations.len(), names.len()), (397, 397));
        assert!(muscle_names().iter().all(|muscle| names.contains(muscle.as_str())));
        assert!(!names.contains("MVL24"));
        for element in ["electricalProjection", "continuousProjection"] {
            let ids = values(&text, element, "id");
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{element} of {}", source.name());
            for end in ["presynapticPopulation", "postsynapticPopulation"] {
                assert!(values(&text, element, end).iter().all(|name| names.contains(name)));
            }
        }
    }
}

#[test]
fn the_counts_are_those_of_the_publications() {
    // Pairs and sums as the cect 0.3.5 readers of the same publications count them.
    let (cook, _) = built(Source::Cook2019);
    assert_eq!(cook.chemical, (3709, 20965));
    assert_eq!(cook.neuron_gaps.0, 1105);
    assert_eq!(cook.neuromuscular, (956, 5515));
    assert_eq!(cook.muscle_gaps.0, 5);
    assert!(cook.lonely_neurons.is_empty() && cook.lonely_muscles.is_empty());

    let (white, _) = built(Source::White1986);
    assert_eq!((white.chemical, white.neuron_gaps.0), ((2266, 6509), 569));
    assert_eq!(white.lonely_muscles.len(), 95);

    // 2575 rows in the source: 379 pairs stand twice (monadic and polyadic synapses, added in our table)
    // and two rows have the number 0.
    let (varshney, _) = built(Source::Varshney2011);
    assert_eq!((varshney.chemical, varshney.neuron_gaps.0), ((2575 - 379 - 2, 6394), 517));
    // The 20 neurons of the pharynx; CANL and CANR, which touch nobody; VC6, which touches only "BWM".
    assert_eq!(varshney.lonely_neurons.len(), 23);

    let (witvliet, _) = built(Source::Witvliet2021);
    assert_eq!((witvliet.chemical, witvliet.neuron_gaps.0), ((1933, 7099), 304));
    assert_eq!(witvliet.neuromuscular, (216, 802));
    assert_eq!(witvliet.lonely_neurons.len(), 302 - 180);
}

#[test]
fn a_gap_junction_stands_once_whichever_way_it_is_read() {
    for source in Source::ALL {
        let (summary, text) = built(source);
        let pre = values(&text, "electricalProjection", "presynapticPopulation");
        let post = values(&text, "electricalProjection", "postsynapticPopulation");
        let pairs: BTreeSet<_> = pre.iter().zip(&post).map(|(a, b)| (a.min(b), a.max(b))).collect();
        assert_eq!(pairs.len(), pre.len());
        assert_eq!(pairs.len(), summary.neuron_gaps.0 + summary.muscle_gaps.0);
    }
}

#[test]
fn a_synapse_inhibits_exactly_where_its_neuron_makes_gaba() {
    let (summary, text) = built(Source::Cook2019);
    let components = values(&text, "continuousConnectionInstanceW", "postComponent");
    let inhibiting = components.iter().filter(|name| name.ends_with("inhibitory")).count();
    assert_eq!(inhibiting, summary.inhibitory);
    let connection = |id: &str| {
        let start = text.find(&format!("id=\"{id}\"")).expect("the projection");
        text[start..].lines().nth(1).expect("its connection").to_string()
    };
    assert!(connection("neuromuscular_DD1_MDL07").contains("\"muscle_inhibitory\""));
    assert!(connection("neuromuscular_DB1_MDL09").contains("\"muscle_excitatory\""));
    assert!(connection("chemical_RIS_AVEL").contains("\"inhibitory\""));
    assert!(connection("chemical_ADAL_AVAL").contains("\"excitatory\""));
}

#[test]
fn the_same_tables_give_the_same_bytes() {
    for source in Source::ALL {
        assert!(built(source).1 == built(source).1, "{}", source.name());
    }
}

#[test]
fn all_that_is_wrong_in_a_table_is_told_at_once_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a table");
    std::fs::create_dir(folder.path().join("cook2019")).expect("a folder");
    let header = "name,class,type,transmitter,evidence,x_um,y_um,z_um,soma_diameter_um\n";
    write(
        "neurons.csv",
        &format!("# a comment\n{header}AVBL,AVB,inter,GABA,weak,0,0,0,3\nDB1,DB,motor,x,,0,zero,0,3\n"),
    );
    write("muscles.csv", "name,x_um,y_um,z_um\nMVL23,0,0,0\nMVL24,0,0,0\n");
    write("cook2019/chemical.csv", "pre,post,number\nAVBL0,AVBL,3\nAVBL,AVBL,0\n");
    write("cook2019/gap_junctions.csv", "a,b,number\nAVBL,MVL23,1\nAVBL,MVL23,-2\n");
    let out = folder.path().join("out.nml");
    let error = build(folder.path(), Source::Cook2019, &root("neuroml/cells.nml"), &out).expect_err("wrong tables");
    let text = error.to_string();
    for part in [
        "neurons.csv:4:1: ",
        "muscles.csv:3:1: no body wall muscle is called \"MVL24\"\n  help: the ventral left quadrant ends at MVL23",
        "chemical.csv:2:1: no neuron is called \"AVBL0\"\n  help: nearest: \"AVBL\"",
        "chemical.csv:3:1: AVBL to AVBL has the number 0",
        "gap_junctions.csv:3:1: ",
        "neuromuscular.csv: cannot read",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(!out.exists());

    let nowhere = folder.path().join("no/out.nml");
    let error = build(&root("models/connectome"), Source::Cook2019, &root("neuroml/cells.nml"), &nowhere)
        .expect_err("no such folder")
        .to_string();
    assert!(error.contains("there is no folder"), "{error}");
}

/// The circuit of the repository with some text changed, read as if it stood beside it.
fn circuit(changes: &[(&str, &str)]) -> Result<Circuit, nematode::error::Problems> {
    let path = root("models/circuits/crawl.toml");
    let mut text = std::fs::read_to_string(&path).expect("a circuit");
    for (old, new) in changes {
        assert!(text.contains(old), "the circuit has no {old}");
        text = text.replacen(old, new, 1);
    }
    Circuit::read(nematode::settings::Settings::from_text(path, text))
}

#[test]
fn a_circuit_has_every_contact_of_its_tables_once() {
    let (summary, _) = built(Source::Cook2019);
    let text = circuit(&[]).and_then(|circuit| circuit.network()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(values(&text, "population", "id").len(), 397);
    assert_eq!(values(&text, "continuousProjection", "id").len(), summary.chemical.0 + summary.neuromuscular.0);
    assert_eq!(values(&text, "electricalProjection", "id").len(), summary.neuron_gaps.0 + summary.muscle_gaps.0);
}

#[test]
fn contacts_that_share_a_conductance_give_each_cell_the_whole_of_it() {
    let text = circuit(&[]).and_then(|circuit| circuit.network()).unwrap_or_else(|problems| panic!("{problems}"));
    let of = |attribute| values(&text, "continuousConnectionInstanceW", attribute);
    let to: Vec<&str> = values(&text, "continuousProjection", "postsynapticPopulation");
    let mut sums = std::collections::BTreeMap::new();
    for ((component, weight), to) in of("postComponent").into_iter().zip(of("weight")).zip(to) {
        *sums.entry((component, to)).or_insert(0.0) += weight.parse::<f64>().expect("a weight");
    }
    assert!(sums.len() > 300);
    // But for the rounding of a sum of a few dozen parts.
    assert!(sums.values().all(|sum| (sum - 1.0).abs() < 1e-12));
}

#[test]
fn a_circuit_that_does_not_fit_its_tables_is_refused_with_its_place() {
    let cases = [
        ("of = [\"DD\", \"VD\"]", "of = [\"DD\", \"DB\"]", "is both in cells."),
        ("of = [\"DD\", \"VD\"]", "of = [\"DX\"]", "no neuron or class is called \"DX\""),
        ("\"row 21\"", "\"row 25\"", "no neuron or class is called \"row 25\""),
        ("transmitter = \"GABA\"", "transmitter = \"GABB\"", "did you mean \"GABA\"?"),
        ("transmitter = \"GABA\"", "", "is both in synapses."),
        ("between = [\"AVB\"]", "between = [\"DB\"]", "is both in gaps."),
        ("plateau_slope = ", "# ", "has a part of a plateau"),
        ("rest = \"", "rest = \"-5 pA\" # ", "found \"-5 pA\""),
    ];
    for (old, new, message) in cases {
        let problems = circuit(&[(old, new)]).and_then(|circuit| circuit.network()).expect_err(new).to_string();
        assert!(problems.contains(message) && problems.contains("crawl.toml:"), "{new}: {problems}");
    }
}
