//! Spikes on their way: who hears whom, and when.
//!
//! A spike that leaves at step n arrives at step n + round(delay / dt). Events of one step arrive in the order in
//! which they were sent.

use std::collections::BTreeMap;

/// One end of a connection: a group and an instance in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Steps between leaving and arriving.
    pub delay: u64,
    /// The group of the synapse.
    pub group: u32,
    /// The instance in the group.
    pub lane: u32,
}

/// A spike that left a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spike {
    /// Index of the population.
    pub population: usize,
    /// Index of the cell in it.
    pub cell: usize,
    /// When [s].
    pub time: f64,
}

/// Events under way, by the step in which they arrive.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    under_way: BTreeMap<u64, Vec<(u32, u32)>>,
}

impl Queue {
    /// Sends an event to all listeners at step `now`.
    pub fn send(&mut self, now: u64, listeners: &[Listener]) {
        for listener in listeners {
            self.under_way.entry(now + listener.delay).or_default().push((listener.group, listener.lane));
        }
    }

    /// The events that arrive at step `now`, as group and instance.
    pub fn arrive(&mut self, now: u64) -> Vec<(u32, u32)> {
        let mut arrived = Vec::new();
        while let Some(entry) = self.under_way.first_entry().filter(|entry| *entry.key() <= now) {
            arrived.extend(entry.remove());
        }
        arrived
    }

    /// All events under way as numbers, for a checkpoint.
    pub fn save(&self) -> Vec<f64> {
        let events = self.under_way.iter().flat_map(|(step, events)| events.iter().map(move |event| (*step, *event)));
        events.flat_map(|(step, (group, lane))| [step as f64, f64::from(group), f64::from(lane)]).collect()
    }

    /// The events of a checkpoint.
    pub fn restore(&mut self, saved: &[f64]) {
        self.under_way.clear();
        for event in saved.chunks_exact(3) {
            self.under_way.entry(event[0] as u64).or_default().push((event[1] as u32, event[2] as u32));
        }
    }
}
