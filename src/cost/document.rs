//! The cost for programs. Its JSON form is a contract: `schemas/cost.schema.json`.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::effects::{Effect, Switch};
use super::money::{amount, fixed};
use super::shares::{ModelCost, RouteCost};
use super::{Against, Item, Report, Rollout, Serves, serves};
use crate::diagnostic::redact;
use crate::stack::Target;

/// Version of the JSON form; a new minor version only adds fields.
const FORMAT_VERSION: &str = "1.0";
/// Decimals of a mean number of copies.
const COPIES_DECIMALS: u32 = 2;
/// Decimals of an amount for a request or for a million tokens, and of a price.
pub(super) const UNIT_DECIMALS: u32 = 6;

/// What `llmc cost --json` prints. Money is text with a fixed number of decimals, so that no reader makes
/// a binary float of it: 2 for a month, 6 for a request, a rollout or a million tokens, and for a price 6 or
/// as many as it has.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "llmc cost")]
pub struct Document {
    /// Version of this format, `major.minor`: a new minor version only adds fields; a reader must
    /// refuse a major version that it does not know.
    pub format_version: String,
    /// Each stack whose amounts can be held, sorted by name.
    pub stacks: Vec<StackCost>,
}

/// What a stack costs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StackCost {
    /// Its name.
    pub name: String,
    /// Currency of every amount, as an ISO 4217 code.
    pub currency: String,
    /// The sum of the items for a month.
    pub monthly: Amounts,
    /// Whether something is not known, so that the amounts are at least what it costs.
    pub is_partial: bool,
    /// What is not known, in words.
    pub unknown: Vec<String>,
    /// The limit for a month.
    pub budget: Option<String>,
    /// The bill, by kind and name.
    pub items: Vec<ItemCost>,
    /// By model, of the stack and external.
    pub models: Vec<ModelDocument>,
    /// By route, at the stated load.
    pub routes: Vec<RouteDocument>,
    /// What one rollout of each model costs.
    pub rollouts: Vec<RolloutDocument>,
    /// What caches and tiers save in a month.
    pub effects: Vec<EffectDocument>,
    /// What the amounts rest on, in words.
    pub assumptions: Vec<String>,
    /// Every price that is used.
    pub prices: Vec<PriceDocument>,
}

/// Amounts for a month.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Amounts {
    /// At the least number of copies and without traffic.
    pub minimum: String,
    /// At the stated load.
    pub expected: String,
    /// At the greatest number of copies, with the busy hour all month.
    pub maximum: String,
}

/// A line of the bill.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ItemCost {
    /// `gpus`, `idle-reservation`, `rollouts`, `guardrails`, `semantic-cache`, `storage` or `tokens`.
    pub kind: String,
    /// Name of the model, pool, guardrails, route or external model.
    pub name: String,
    /// What it comes to.
    pub monthly: Amounts,
    /// How it is computed, in words.
    pub how: String,
    /// What of it is not known, in words; the amounts are then at least what it costs.
    pub unknown: Option<String>,
}

/// What a model costs. What is not known is null.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ModelDocument {
    /// Its name.
    pub name: String,
    /// Whether somebody else serves it.
    pub is_external: bool,
    /// Its GPUs, rollouts and volume, or its tokens.
    pub monthly: Amounts,
    /// Whether something of that is not known.
    pub is_partial: bool,
    /// Least, expected mean, and greatest number of copies.
    pub copies: Option<Amounts>,
    /// What one copy serves, of models of the stack.
    pub capacity: Option<CapacityDocument>,
    /// Requests in a month at the stated load, with the checks of guardrails.
    pub requests: Option<String>,
    /// What one of them costs.
    pub per_request: Option<String>,
    /// What a million tokens cost, read and written alike.
    pub per_million_tokens: Option<String>,
    /// What a million tokens that are read cost: by the share of GPU time that prompts take, or by the prices
    /// of the provider.
    pub per_million_input_tokens: Option<String>,
    /// What a million tokens that are written cost.
    pub per_million_output_tokens: Option<String>,
}

/// What one copy of a model serves, by a roofline. What is not known is null.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CapacityDocument {
    /// Requests in each second of a busy hour, with the checks of guardrails.
    pub asked_requests_per_second: Option<String>,
    /// Requests in a second that one copy serves.
    pub copy_requests_per_second: Option<BoundsDocument>,
    /// Copies that the busy hour takes by that, whatever `replicas` says: `low` if each serves as few as it may.
    pub copies_needed: Option<CopiesDocument>,
    /// What ends the growth: `compute`, `bandwidth`, `cache`, `max-num-seqs` or `objective`.
    pub limit: Option<String>,
    /// Why it is not known, in words.
    pub unknown: Vec<String>,
}

/// A figure between two bounds, with 6 decimals.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BoundsDocument {
    /// At least.
    pub low: String,
    /// Most likely.
    pub expected: String,
    /// What no engine on this GPU exceeds.
    pub ceiling: String,
}

/// Numbers of copies by the bounds of what one serves; null where a number is beyond any deployment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CopiesDocument {
    /// If each serves as few requests as it may: the most copies.
    pub low: Option<u64>,
    /// Most likely.
    pub expected: Option<u64>,
    /// If each serves what no engine exceeds: the fewest copies.
    pub ceiling: Option<u64>,
}

/// What a route costs at the stated load.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RouteDocument {
    /// Its name.
    pub name: String,
    /// For a month: the sum of the parts.
    pub monthly: String,
    /// Its share of models, guardrails and caches.
    pub parts: Vec<PartDocument>,
    /// Requests of applications in a month.
    pub requests: Option<String>,
    /// What one of them costs.
    pub per_request: Option<String>,
    /// What is not known, in words; the amounts are then at least what it costs.
    pub unknown: Vec<String>,
    /// The same requests on external models.
    pub against: Vec<AgainstDocument>,
    /// External models that they are not held against, and why, in words.
    pub not_compared: Vec<String>,
}

/// A part of what a route costs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PartDocument {
    /// What it is for, in words.
    pub what: String,
    /// For a month.
    pub monthly: String,
}

/// The requests of a route to a model of the stack, on an external model.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AgainstDocument {
    /// Name of the model of the stack.
    pub model: String,
    /// Name of the external model.
    pub external: String,
    /// What they cost on the model of the stack in a month.
    pub own_monthly: String,
    /// What they would cost on the external model in a month.
    pub external_monthly: String,
    /// What one would cost there.
    pub external_per_request: String,
    /// Requests in a second, as the mean over a month, from which on the model of the stack costs less.
    pub break_even_requests_per_second: Option<String>,
    /// Requests in a second, as the mean over a month, that are stated.
    pub stated_requests_per_second: String,
    /// Whether the expected copies serve as many as break even.
    pub break_even_is_served: Option<bool>,
}

/// What one rollout of a model costs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RolloutDocument {
    /// Name of the model.
    pub model: String,
    /// Rollouts in a month.
    pub per_month: u32,
    /// Whether a new pod starts beside the old one; where it does not, no further GPU is held.
    pub can_surge: bool,
    /// Seconds for each copy in which one pod more than usual holds GPUs, at most.
    pub seconds_per_copy: u64,
    /// What one costs with the expected number of copies.
    pub expected: Option<String>,
    /// What one costs with the greatest number of copies.
    pub maximum: Option<String>,
}

/// What a cache or a tier saves.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EffectDocument {
    /// `semantic-cache`, `prefix-caching` or `tier`.
    pub kind: String,
    /// In words.
    pub what: String,
    /// The least share that the spec states, from 0 to 1.
    pub stated_at_least: Option<String>,
    /// The greatest share that the spec states.
    pub stated_at_most: Option<String>,
    /// Monthly cost without it less that with it, at the least share; below zero where it costs more.
    pub saving_at_least: Option<String>,
    /// The same at the greatest share.
    pub saving_at_most: Option<String>,
    /// Why it is not known, or what it leaves out, in words.
    pub note: Option<String>,
}

/// A price that is used.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PriceDocument {
    /// What it is for.
    pub what: String,
    /// How much; null where it is not known.
    pub amount: Option<String>,
    /// Day on which it held.
    pub date: Option<String>,
    /// Who says so.
    pub source: Option<String>,
}

/// A price with all of its decimals, and no fewer than others have.
fn whole(price: Decimal) -> String {
    fixed(price, price.normalize().scale().max(UNIT_DECIMALS))
}

fn unit(amount: Decimal) -> String {
    fixed(amount, UNIT_DECIMALS)
}

impl From<super::Monthly> for Amounts {
    fn from(of: super::Monthly) -> Self {
        Self { minimum: amount(of.minimum), expected: amount(of.expected), maximum: amount(of.maximum) }
    }
}

/// The document over `reports`.
pub fn document<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Document {
    let mut stacks: Vec<StackCost> = reports.into_iter().map(stack).collect();
    stacks.sort_by(|a, b| a.name.cmp(&b.name));
    Document { format_version: FORMAT_VERSION.to_owned(), stacks }
}

fn stack(report: &Report) -> StackCost {
    let cost = &report.cost;
    StackCost {
        name: report.stack.clone(),
        currency: report.currency.clone(),
        monthly: cost.monthly.into(),
        is_partial: cost.is_partial(),
        unknown: cost.unknown().iter().map(|words| redact(words)).collect(),
        budget: report.budget.map(amount),
        items: cost.items.iter().map(item).collect(),
        models: report.models.iter().map(|model| of_model(report, model)).collect(),
        routes: report.routes.iter().map(route).collect(),
        rollouts: cost.rollouts.iter().map(rollout).collect(),
        effects: report.effects.iter().map(effect).collect(),
        assumptions: report.assumptions.iter().map(|words| redact(words)).collect(),
        prices: report
            .prices
            .iter()
            .map(|price| PriceDocument {
                what: price.what.clone(),
                amount: price.amount.map(whole),
                date: price.date.map(|date| date.to_string()),
                source: price.source.as_deref().map(redact),
            })
            .collect(),
    }
}

fn item(item: &Item) -> ItemCost {
    ItemCost {
        kind: item.kind.key().to_owned(),
        name: item.name.clone(),
        monthly: item.monthly.into(),
        how: redact(&item.how),
        unknown: item.unknown.as_deref().map(redact),
    }
}

fn of_model(report: &Report, model: &ModelCost) -> ModelDocument {
    let (Target::Model(name) | Target::External(name)) = &model.target;
    let is_external = matches!(model.target, Target::External(_));
    let copies = report.cost.copies.get(name).filter(|_| !is_external).map(|copies| Amounts {
        minimum: copies.least.to_string(),
        expected: fixed(copies.mean(), COPIES_DECIMALS),
        maximum: copies.most.to_string(),
    });
    ModelDocument {
        name: name.clone(),
        is_external,
        monthly: model.monthly.into(),
        is_partial: model.is_partial,
        copies,
        capacity: report.serves.iter().find(|serves| serves.model == *name && !is_external).map(capacity),
        requests: model.requests.map(|requests| fixed(requests, 0)),
        per_request: model.per_request.map(unit),
        per_million_tokens: model.per_million.map(unit),
        per_million_input_tokens: model.per_million_input.map(unit),
        per_million_output_tokens: model.per_million_output.map(unit),
    }
}

fn capacity(of: &Serves) -> CapacityDocument {
    let copy = of.copy.as_ref();
    CapacityDocument {
        asked_requests_per_second: of.asked.map(unit),
        copy_requests_per_second: copy.map(|copy| {
            let [low, expected, ceiling] = copy.requests_per_second.map(unit);
            BoundsDocument { low, expected, ceiling }
        }),
        copies_needed: copy.map(|copy| {
            let [low, expected, ceiling] = copy.copies_needed;
            CopiesDocument { low, expected, ceiling }
        }),
        limit: copy.map(|copy| serves::limit_key(copy.limit).to_owned()),
        unknown: of.unknown.iter().map(|words| redact(words)).collect(),
    }
}

fn route(route: &RouteCost) -> RouteDocument {
    RouteDocument {
        name: route.name.clone(),
        monthly: amount(route.monthly),
        parts: route.parts.iter().map(|part| PartDocument { what: part.what.clone(), monthly: amount(part.monthly) }).collect(),
        requests: route.requests.map(|requests| fixed(requests, 0)),
        per_request: route.per_request.map(unit),
        unknown: route.unknown.iter().map(|words| redact(words)).collect(),
        against: route.against.iter().map(against).collect(),
        not_compared: route.not_compared.iter().map(|words| redact(words)).collect(),
    }
}

fn against(of: &Against) -> AgainstDocument {
    AgainstDocument {
        model: of.model.clone(),
        external: of.external.clone(),
        own_monthly: amount(of.own),
        external_monthly: amount(of.theirs),
        external_per_request: unit(of.theirs_per_request),
        break_even_requests_per_second: of.break_even.map(unit),
        stated_requests_per_second: unit(of.stated),
        break_even_is_served: of.is_served,
    }
}

fn rollout(of: &Rollout) -> RolloutDocument {
    RolloutDocument {
        model: of.model.clone(),
        per_month: of.per_month,
        can_surge: of.can_surge,
        seconds_per_copy: of.seconds_per_copy,
        expected: of.expected.map(unit),
        maximum: of.maximum.map(unit),
    }
}

fn effect(of: &Effect) -> EffectDocument {
    let kind = match of.switch {
        Switch::SemanticCache(_) => "semantic-cache",
        Switch::ModelPrefixes(_) | Switch::RoutePrefixes(_) => "prefix-caching",
        Switch::Tier(..) => "tier",
    };
    EffectDocument {
        kind: kind.to_owned(),
        what: of.switch.words(),
        stated_at_least: of.stated.map(|share| share.at_least.to_string()),
        stated_at_most: of.stated.map(|share| share.at_most.to_string()),
        saving_at_least: of.saving.map(|(least, _)| amount(least)),
        saving_at_most: of.saving.map(|(_, most)| amount(most)),
        note: of.note.clone(),
    }
}

/// The document as pretty-printed JSON.
pub fn render_json(document: &Document) -> String {
    // Strings, numbers and lists only: this cannot fail.
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// JSON Schema of the document.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}
