//! What caches and tiers save: the model of costs run again with each of them off, and at each bound of
//! what is stated.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{Basis, Cost};
use crate::capacity::{self, Bound, Capacity};
use crate::fit;
use crate::stack::{Route, Share, Stack, Target};

/// What is switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch {
    /// The semantic cache of a route.
    SemanticCache(String),
    /// The cache of prefixes, by the load of a model.
    ModelPrefixes(String),
    /// The cache of prefixes, by the load of a route.
    RoutePrefixes(String),
    /// A tier of a route.
    Tier(String, String),
}

/// What one of them saves in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Which one.
    pub switch: Switch,
    /// The share that is stated; none where none is.
    pub stated: Option<Share>,
    /// Cost without it less cost with it, at the least and at the most stated share; below zero where it
    /// costs more than it saves. None where that is not known.
    pub saving: Option<(Decimal, Decimal)>,
    /// Why it is not known or what it leaves out, in words.
    pub note: Option<String>,
}

impl Switch {
    /// In words, such as `semantic cache of route support`.
    pub fn words(&self) -> String {
        match self {
            Self::SemanticCache(route) => format!("semantic cache of route `{route}`"),
            Self::ModelPrefixes(model) => format!("prefix caching of model `{model}`"),
            Self::RoutePrefixes(route) => format!("prefix caching of route `{route}`"),
            Self::Tier(route, tier) => format!("tier `{tier}` of route `{route}`"),
        }
    }

    /// The field that states the share.
    fn field(&self) -> &'static str {
        match self {
            Self::SemanticCache(_) => "cache … { hits at-least=… at-most=…; }",
            Self::ModelPrefixes(_) | Self::RoutePrefixes(_) => "load … { prefix-hits at-least=… at-most=…; }",
            Self::Tier(..) => "tier … { share at-least=… at-most=…; }",
        }
    }

    /// The stack with the share at `bound`, or without the whole where there is none. A share of zero
    /// stays stated, so that what is known of the load stays known.
    fn applied(&self, stack: &Stack, bound: Option<Decimal>) -> Stack {
        let mut stack = stack.clone();
        let at = bound.unwrap_or_default();
        let share = Some(Share { at_least: at, at_most: at });
        // Loads have their shares as the spec states them, in binary.
        let hits = at.to_f64().map(|at_least| crate::spec::Share { at_least, at_most: None });
        match self {
            Self::SemanticCache(route) => {
                if let Some(cache) = stack.routes.get_mut(route).and_then(|route| route.traffic.cache.as_mut()) {
                    cache.hits = share;
                    cache.resources = cache.resources.take().filter(|_| bound.is_some());
                }
            }
            Self::Tier(route, tier) => {
                let tier = stack.routes.get_mut(route).and_then(|route| route.traffic.tiers.get_mut(tier));
                tier.into_iter().for_each(|tier| tier.share = share);
            }
            Self::ModelPrefixes(model) => {
                let load = stack.models.get_mut(model).and_then(|model| model.load.as_mut());
                load.into_iter().for_each(|load| load.prefix_hits = hits);
            }
            Self::RoutePrefixes(route) => {
                let load = stack.routes.get_mut(route).and_then(|route| route.traffic.load.as_mut());
                load.into_iter().for_each(|load| load.prefix_hits = hits);
            }
        }
        stack
    }

    /// The route whose load decides what it saves.
    fn route<'s>(&self, stack: &'s Stack) -> Option<&'s Route> {
        match self {
            Self::ModelPrefixes(_) => None,
            Self::SemanticCache(route) | Self::RoutePrefixes(route) | Self::Tier(route, _) => stack.routes.get(route),
        }
    }

    /// Models whose cost it changes.
    fn targets(&self, stack: &Stack) -> Vec<Target> {
        match self {
            Self::ModelPrefixes(model) => vec![Target::Model(model.clone())],
            Self::SemanticCache(_) | Self::RoutePrefixes(_) | Self::Tier(..) => {
                let route = self.route(stack);
                let tiers = route.into_iter().flat_map(|route| route.traffic.tiers.values().map(|tier| tier.target.clone()));
                tiers.chain(route.map(|route| route.target.clone())).collect()
            }
        }
    }
}

/// The effects of everything in `stack` that may save something.
pub(super) fn of_stack(stack: &Stack, cost: &Cost) -> Vec<Effect> {
    let mut switches = Vec::new();
    for route in stack.routes.values() {
        let traffic = &route.traffic;
        if let Some(cache) = &traffic.cache {
            switches.push((Switch::SemanticCache(route.name.clone()), cache.hits));
        }
        for (name, tier) in &traffic.tiers {
            switches.push((Switch::Tier(route.name.clone(), name.clone()), tier.share));
        }
        if let Some(load) = &traffic.load {
            switches.push((Switch::RoutePrefixes(route.name.clone()), load.prefix_hits.and_then(Share::of)));
        }
    }
    for model in stack.models.values() {
        let target = Target::Model(model.name.clone());
        let is_stated_by_routes = || stack.routes.values().any(|route| capacity::reaches(route, &target) && route.traffic.load.is_some());
        if let Some(load) = &model.load
            && (load.prefix_hits.is_some() || !is_stated_by_routes())
        {
            switches.push((Switch::ModelPrefixes(model.name.clone()), load.prefix_hits.and_then(Share::of)));
        }
    }
    switches.into_iter().map(|(switch, stated)| effect(stack, cost, switch, stated)).collect()
}

fn effect(stack: &Stack, cost: &Cost, switch: Switch, stated: Option<Share>) -> Effect {
    let unknown = |switch: Switch, note: String| Effect { switch, stated, saving: None, note: Some(note) };
    let Some(share) = stated else {
        let note = format!("no share is stated, so nothing is counted on; state `{}`", switch.field());
        return unknown(switch, note);
    };
    if let Some(route) = switch.route(stack).filter(|route| capacity::load_of_route(stack, route).is_none()) {
        let note = format!("no load is stated; state `load` of route `{}`", route.name);
        return unknown(switch, note);
    }
    let targets = switch.targets(stack);
    let bases: Vec<Basis> = targets
        .iter()
        .filter_map(|target| if let Target::Model(name) = target { cost.copies.get(name).map(|copies| copies.basis) } else { None })
        .collect();
    if bases.contains(&Basis::NoThroughput) {
        return unknown(switch, "what one copy serves is not known".to_owned());
    }
    if bases.contains(&Basis::NoLoad) {
        return unknown(switch, "no load is stated".to_owned());
    }
    let at = |bound| {
        let stack = switch.applied(stack, bound);
        let capacities = capacity::of_stack(&stack, &fit::of_stack(&stack));
        Some((Cost::of(&stack, &capacities).ok()?, capacities))
    };
    let (Some(without), Some(least), Some(most)) = (at(None), at(Some(share.at_least)), at(Some(share.at_most))) else {
        return unknown(switch, "an amount is larger than a number holds".to_owned());
    };
    let ((without, alone), (least, _), (most, _)) = (without, least, most);
    let less = |cost: &Cost| without.monthly.expected.checked_sub(cost.monthly.expected);
    let notes: Vec<String> = unmoved(&targets, &[&without, &least, &most]).into_iter().chain(beyond(stack, &targets, &alone)).collect();
    let notes: Vec<String> = without.is_partial().then(|| "only of what is known".to_owned()).into_iter().chain(notes).collect();
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Effect { switch, stated, saving: less(&least).zip(less(&most)), note }
}

/// The models of `targets` that would take more copies than they have without the effect, in words.
fn beyond(stack: &Stack, targets: &[Target], without: &[Capacity]) -> Vec<String> {
    let models = without.iter().filter(|capacity| targets.contains(&Target::Model(capacity.model.clone())));
    models
        .filter_map(|capacity| {
            let (needed, most) = (capacity.copies_needed(Bound::Expected)?, stack.models.get(&capacity.model)?.replicas.max);
            (needed > most.into()).then(|| format!("without it `{}` would take {needed} copies, and has at most {most}", capacity.model))
        })
        .collect()
}

/// The models whose copies are as many with the effect as without it, in words.
fn unmoved(targets: &[Target], costs: &[&Cost; 3]) -> Option<String> {
    let mut names: Vec<&String> = targets.iter().filter_map(|t| if let Target::Model(name) = t { Some(name) } else { None }).collect();
    names.sort();
    names.dedup();
    let busy = |name: &String| {
        let [without, least, most] = costs.map(|cost| cost.copies.get(name).map(|copies| copies.busy));
        without.filter(|_| without == least && without == most)
    };
    let copies = |number: u32| if number == 1 { "1 copy".to_owned() } else { format!("{number} copies") };
    let words: Vec<String> = names.into_iter().filter_map(|name| Some(format!("{} of `{name}`", copies(busy(name)?)))).collect();
    (!words.is_empty())
        .then(|| format!("a busy hour has {} with and without it: its effect on them is capacity, not money", words.join(" and ")))
}
