//! The agents of a session as a tree, the main loop at its root.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Ends, Shares};
use crate::report::Amount;

/// One run of a subagent, or the main loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Empty: the main loop.
    pub id: String,
    /// As in `general-purpose`; empty: not known.
    pub agent_type: String,
    /// The agent that started it, empty for the main loop; none: not known, and shown below the main loop.
    pub parent: Option<String>,
    /// 0 of the main loop.
    pub depth: usize,
    /// The dearest first.
    pub models: Vec<String>,
    /// Milliseconds since the epoch.
    pub first_answer_ms: Option<i64>,
    pub last_answer_ms: Option<i64>,
    pub own: Amount,
    /// With all agents below it.
    pub total: Amount,
}

/// What an agent did itself.
#[derive(Default)]
pub(super) struct Deeds {
    /// Of its responses: not all may tell it.
    pub(super) types: Shares,
    pub(super) models: Shares,
    pub(super) ends: Ends,
    pub(super) amount: Amount,
}

impl Agent {
    fn new(id: String, parent: Option<String>, depth: usize, deeds: Deeds) -> Self {
        let agent_type = deeds.types.ranked().into_iter().find(|name| !name.is_empty());
        Self {
            id,
            agent_type: agent_type.unwrap_or_default(),
            parent,
            depth,
            models: deeds.models.ranked(),
            first_answer_ms: deeds.ends.first_ms,
            last_answer_ms: deeds.ends.last_ms,
            total: deeds.amount.clone(),
            own: deeds.amount,
        }
    }

    pub fn duration_ms(&self) -> Option<i64> {
        Some(self.last_answer_ms? - self.first_answer_ms?)
    }
}

/// Every agent after the one that started it, siblings in the order in which they began to answer.
///
/// An agent that another is said to have come from is there, too, if only with nothing. What leads nowhere, as agents
/// that are each other's parents, is put below the main loop.
pub(super) fn tree(mut deeds: BTreeMap<String, Deeds>, parents: &[(String, String)]) -> Vec<Agent> {
    deeds.entry(String::new()).or_default();
    for (_, parent) in parents {
        deeds.entry(parent.clone()).or_default();
    }
    let parents: HashMap<&str, &str> =
        parents.iter().map(|(agent, parent)| (agent.as_str(), parent.as_str())).collect();
    let mut ids: Vec<String> = deeds.keys().filter(|id| !id.is_empty()).cloned().collect();
    ids.sort_by_key(|id| deeds[id].ends.first_ms.unwrap_or(i64::MAX));
    let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
    for id in &ids {
        children.entry(parents.get(id.as_str()).copied().unwrap_or_default()).or_default().push(id);
    }
    let (mut agents, mut above, mut seen): (Vec<Agent>, Vec<Option<usize>>, HashSet<&str>) =
        Default::default();
    for start in [""].into_iter().chain(ids.iter().map(String::as_str)) {
        let root = (!start.is_empty()).then_some(0);
        let mut next = vec![(start, root)];
        while let Some((id, parent)) = next.pop() {
            if !seen.insert(id) {
                continue;
            }
            let depth = parent.map_or(0, |parent: usize| agents[parent].depth + 1);
            let told = parents.get(id).map(|parent| (*parent).to_string());
            let place = agents.len();
            agents.push(Agent::new(id.into(), told, depth, deeds.remove(id).unwrap_or_default()));
            above.push(parent);
            next.extend(children.get(id).into_iter().flatten().rev().map(|child| (*child, Some(place))));
        }
    }
    for (place, parent) in above.iter().enumerate().rev() {
        let total = std::mem::take(&mut agents[place].total);
        if let Some(parent) = parent {
            agents[*parent].total.merge(&total);
        }
        agents[place].total = total;
    }
    for agent in &mut agents {
        agent.own.settle();
        agent.total.settle();
    }
    agents
}

#[cfg(test)]
mod tests {
    use super::{Deeds, tree};
    use crate::ledger::{Cell, Sums};
    use crate::report::sessions::Ends;

    /// Agents that began in this order, with 1, 2, 4, … responses, as `id depth own total`.
    fn drawn(ids: &[&str], parents: &[(&str, &str)]) -> Vec<String> {
        let deeds = ids.iter().zip(0_i64..).map(|(id, n)| {
            let sums = Sums { responses: 1 << n, ..Sums::default() };
            let cell = Cell {
                quarter: 0,
                origin: 0,
                terms: 0,
                provenance: 0,
                is_priced: true,
                is_contracted: false,
                sums,
            };
            let mut deeds = Deeds { ends: Ends { first_ms: Some(n), last_ms: Some(n) }, ..Deeds::default() };
            deeds.amount.add(&cell, 1);
            ((*id).to_string(), deeds)
        });
        let parents = parents.iter().map(|(agent, parent)| ((*agent).to_string(), (*parent).to_string()));
        let agents = tree(deeds.collect(), &parents.collect::<Vec<_>>());
        let told = agents.iter().map(|agent| {
            format!("{} {} {} {}", agent.id, agent.depth, agent.own.responses, agent.total.responses)
        });
        told.collect()
    }

    #[test]
    fn agents_follow_the_one_that_started_them_in_the_order_of_time() {
        assert_eq!(
            drawn(&["", "b", "a", "c", "d"], &[("b", ""), ("a", ""), ("d", "b"), ("c", "b")]),
            [" 0 1 31", "b 1 2 26", "c 2 8 8", "d 2 16 16", "a 1 4 4"]
        );
    }

    #[test]
    fn what_came_from_nobody_known_is_of_the_main_loop() {
        assert_eq!(drawn(&["", "a"], &[]), [" 0 1 3", "a 1 2 2"]);
        assert_eq!(drawn(&["", "a"], &[("a", "gone")]), [" 0 1 3", "gone 1 0 2", "a 2 2 2"]);
        assert_eq!(drawn(&[], &[]), [" 0 0 0"]);
    }

    #[test]
    fn agents_that_are_each_others_parents_count_once() {
        assert_eq!(drawn(&["", "a"], &[("a", "a")]), [" 0 1 3", "a 1 2 2"]);
        assert_eq!(
            drawn(&["", "a", "b", "c"], &[("a", "b"), ("b", "a"), ("c", "b")]),
            [" 0 1 15", "a 1 2 14", "b 2 4 12", "c 3 8 8"]
        );
    }

    #[test]
    fn a_long_chain_ends() {
        let ids: Vec<String> = (0..20_000).map(|n| format!("{n:05}")).collect();
        let parents: Vec<_> = ids.windows(2).map(|pair| (pair[1].clone(), pair[0].clone())).collect();
        let deeds = ids.iter().map(|id| (id.clone(), Deeds::default()));
        let agents = tree(deeds.collect(), &parents);
        assert_eq!((agents.len(), agents[20_000].depth), (20_001, 20_000));
    }
}
