//! The papers of exactly the parts that a run uses: `nematode cite`.

use crate::body::Scheme;
use crate::body::worm_body::WormAnatomy;
use crate::connectome::Source;
use crate::experiment::Experiment;

const BODY: &[&str] = &[
    "Fang-Yen et al. 2010, Biomechanical analysis of gait adaptation in C. elegans, PNAS 107:20323, doi:10.1073/pnas.1003016107",
    "Palyanov, Khayrulin & Larson 2018, Three-dimensional simulation of C. elegans body and muscle cells (Sibernetic), Phil Trans R Soc B 373:20170376, doi:10.1098/rstb.2017.0376",
    "Sulston & Horvitz 1977, Post-embryonic cell lineages of C. elegans, Dev Biol 56:110, doi:10.1016/0012-1606(77)90158-0",
    "Boyle, Berri & Cohen 2012, Gait modulation in C. elegans, Front Comput Neurosci 6:10, doi:10.3389/fncom.2012.00010",
    "Müller, Charypar & Gross 2003, Particle-based fluid simulation for interactive applications, SCA 2003",
    "Solenthaler & Pajarola 2009, Predictive-corrective incompressible SPH, ACM TOG 28:40, doi:10.1145/1531326.1531346",
];
const ROD: &[&str] = &[
    "Boyle, Berri & Cohen 2012, Gait modulation in C. elegans, Front Comput Neurosci 6:10, doi:10.3389/fncom.2012.00010",
    "Sulston & Horvitz 1977, Post-embryonic cell lineages of C. elegans, Dev Biol 56:110, doi:10.1016/0012-1606(77)90158-0",
];
const IMPLICIT: &[&str] = &[
    "Bender & Koschier 2015, Divergence-free smoothed particle hydrodynamics, SCA 2015, doi:10.1145/2786784.2786796",
    "Hu & Adams 2007, An incompressible multi-phase SPH method, J Comput Phys 227:264, doi:10.1016/j.jcp.2007.07.013",
    "Baraff & Witkin 1998, Large steps in cloth simulation, SIGGRAPH 98, doi:10.1145/280814.280821",
    "Meyer, Balsara & Aslam 2014, A stabilized Runge-Kutta-Legendre method for explicit super-time-stepping, J Comput Phys 257:594, doi:10.1016/j.jcp.2013.08.021",
];
const EXPLICIT: &[&str] = &[
    "Becker & Teschner 2007, Weakly compressible SPH for free surface flows, SCA 2007",
    "Ihmsen et al. 2010, Boundary handling and adaptive time-stepping for PCISPH, VRIPHYS 2010, doi:10.2312/PE/vriphys/vriphys10/079-088",
];
const DRAG: &str = "Gray & Hancock 1955, The propulsion of sea-urchin spermatozoa, J Exp Biol 32:802";
const NETWORK: &[&str] = &[
    "Cannon et al. 2014, LEMS: a language for expressing complex biological models, Front Neuroinform 8:79, doi:10.3389/fninf.2014.00079",
    "Hochbruck & Ostermann 2010, Exponential integrators, Acta Numerica 19:209, doi:10.1017/S0962492910000048",
];
/// Of the cells and synapses that `neuroml/cells.nml` gives to the published connectomes.
const CONNECTOME: &[&str] = &[
    "Gleeson et al. 2018, c302: a multiscale framework for modelling the nervous system of C. elegans, Phil Trans R Soc B 373:20170379, doi:10.1098/rstb.2017.0379",
    "Boyle & Cohen 2008, Caenorhabditis elegans body wall muscles are simple actuators, BioSystems 94:170, doi:10.1016/j.biosystems.2008.05.025",
    "Wang et al. 2024, A neurotransmitter atlas of C. elegans males and hermaphrodites, eLife 13:RP95402, doi:10.7554/eLife.95402",
];
const STRETCH: &str = "Wen et al. 2012, Proprioceptive coupling within motor neurons drives C. elegans forward locomotion, Neuron 76:750, doi:10.1016/j.neuron.2012.08.039";

/// Cells that do not spike and their transmitters, where strengths come from a circuit.
const CIRCUIT: &[&str] = &[
    "Goodman, Hall, Avery & Lockery 1998, Active currents regulate sensitivity and dynamic range in C. elegans neurons, Neuron 20:763, doi:10.1016/S0896-6273(00)81014-4",
    "Mellem, Brockie, Madsen & Maricq 2008, Action potentials contribute to neuronal signaling in C. elegans, Nat Neurosci 11:865, doi:10.1038/nn.2131",
    "Wang et al. 2024, A neurotransmitter atlas of C. elegans males and hermaphrodites, eLife 13:RP95402, doi:10.7554/eLife.95402",
];

/// The papers of the parts that an experiment uses, each once.
pub fn of(experiment: &Experiment) -> Vec<&'static str> {
    let mut papers = match (&experiment.anatomy, experiment.scheme) {
        (WormAnatomy::Rod(_), _) => ROD.to_vec(),
        (WormAnatomy::Particles(_), Scheme::Implicit) => [BODY, IMPLICIT].concat(),
        (WormAnatomy::Particles(_), Scheme::Explicit) => [BODY, EXPLICIT].concat(),
    };
    if experiment.medium.normal_drag > 0.0 {
        papers.push(DRAG);
    }
    if let Some(controller) = &experiment.controller {
        papers.extend(controller.papers());
    }
    if let Some(network) = &experiment.network {
        papers.extend(NETWORK);
        if let Some(source) = network.source {
            papers.extend(if network.circuit.is_some() { CIRCUIT } else { CONNECTOME });
            papers.push(Source::citation(source));
        }
        if !network.receptors.is_empty() {
            papers.push(STRETCH);
        }
    }
    papers
}
