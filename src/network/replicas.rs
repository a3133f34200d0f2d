//! Many copies of one network in one: which random numbers belong to whom.
//!
//! A replica draws what it would draw alone with its own seed: an entity is counted within its replica. Everything else
//! is the same by construction, since an instance computes the same bits in any lane and adds up what is attached to it
//! in the order of the file.

use crate::network::Network;
use crate::network::flat::Input;

impl Network {
    /// Whether anything in it draws random numbers.
    pub fn is_random(&self) -> bool {
        let draws = |input: &Input| matches!(input, Input::Noise(_));
        self.groups.iter().any(|group| group.inputs.iter().any(draws))
    }

    /// Gives everything that draws random numbers its seed and its entity. The populations are those of one network,
    /// as many times as there are seeds.
    pub(super) fn tell_apart(&mut self, seeds: &[u64]) {
        let seeds = if seeds.is_empty() { &[0] } else { seeds };
        let populations = self.populations.len().div_ceil(seeds.len()).max(1);
        let mut hosts: Vec<Vec<usize>> = self.groups.iter().map(|group| vec![0; group.lanes]).collect();
        for (population, cells) in self.populations.iter().enumerate() {
            for (_, group, lane) in cells.attached.iter().flatten() {
                hosts[*group][*lane] = population;
            }
        }
        self.streams = Vec::with_capacity(self.groups.len());
        for (index, group) in self.groups.iter().enumerate() {
            let mut streams = Vec::new();
            if group.inputs.iter().any(|input| matches!(input, Input::Noise(_))) {
                let mut met = vec![0; seeds.len()];
                for (lane, host) in hosts[index].iter().enumerate() {
                    // A cell draws the same whatever is attached to it or to others.
                    let (replica, kind, member, attached) = match self.owners.get(index).map(|owners| owners[lane]) {
                        Some((population, cell)) => (population / populations, population % populations, cell, 0),
                        None => (host / populations, index, met[host / populations], 1u64 << 63),
                    };
                    met[replica] += 1;
                    streams.push((seeds[replica], attached | (kind as u64) << 32 | member as u64));
                }
            }
            self.streams.push(streams);
        }
    }
}
