//! Cost before and after a change.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cause::{self, Difference, MOST_LINES};
use super::{Priced, blocks, price, read};
use crate::cost::{Monthly, amount};
use crate::diagnostic::redact;
use crate::source::Folder;
use crate::spec::{DEFAULT_CURRENCY, Spec};

/// Longest value that is shown, in characters.
const VALUE_CHARS: usize = 80;
/// What is shown of a whole block.
pub const BLOCK: &str = "a block";

/// Cost of a month of 730 hours before and after a change, both with the prices that hold now, and the
/// budget. An amount of money is a decimal number as text, so that no reader rounds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CostChange {
    /// Currency of every amount.
    pub currency: String,
    /// Cost at the least number of copies and without traffic, before (none without an old stack, or
    /// where it is not known) and after.
    pub monthly_min: [Option<String>; 2],
    /// Cost at the stated load, before and after.
    pub monthly_expected: [Option<String>; 2],
    /// Cost at the greatest number of copies, before and after.
    pub monthly_max: [Option<String>; 2],
    /// Limit for a month, before and after.
    pub monthly_limit: [Option<String>; 2],
    /// What the change adds; none where one side is not known.
    pub change: Option<Amounts>,
    /// Cost of each block that costs something, such as `/model/llama-70b`, before and after.
    pub blocks: BTreeMap<String, [Option<Amounts>; 2]>,
    /// The lines of the spec that cause an amount of the difference by themselves, the largest first.
    pub causes: Vec<Cause>,
    /// What no single line causes.
    pub together: Option<Together>,
    /// What must be known to read the amounts, in words: why there is none before, what they leave out.
    pub notes: Vec<String>,
}

/// An amount, or a difference of amounts, of a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Amounts {
    /// At the least number of copies and without traffic.
    pub min: String,
    /// At the stated load.
    pub expected: String,
    /// At the greatest number of copies.
    pub max: String,
}

impl Amounts {
    pub(super) fn of(min: Decimal, expected: Decimal, max: Decimal) -> Self {
        Self { min: amount(min), expected: amount(expected), max: amount(max) }
    }
}

impl From<&Monthly> for Amounts {
    fn from(monthly: &Monthly) -> Self {
        Self::of(monthly.minimum, monthly.expected, monthly.maximum)
    }
}

/// A line that causes an amount by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// Where it stands in the spec, such as `/model/llama-70b/replicas/max`.
    pub route: String,
    /// Its old value as text, `a block` for a whole one; none where it is new.
    pub old: Option<String>,
    /// Its new value; none where it goes.
    pub new: Option<String>,
    /// What it adds.
    pub change: Amounts,
}

/// A difference that comes from several lines together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Together {
    /// What they add.
    pub change: Amounts,
    /// Where they stand in the spec.
    pub routes: Vec<String>,
    /// Number of further lines.
    pub more: usize,
}

/// What stands before a change.
#[derive(Clone, Copy, Debug)]
pub enum Base<'a> {
    /// Nothing.
    Absent,
    /// A tree whose record (`stack.json`) cannot be read.
    Unreadable,
    /// The record of a tree.
    Record(&'a Value),
}

/// A value on one line, without secrets.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Object(_) => return BLOCK.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = redact(&text);
    if text.chars().count() <= VALUE_CHARS { text } else { text.chars().take(VALUE_CHARS - 1).collect::<String>() + "…" }
}

/// One side of a change, priced.
#[derive(Clone)]
struct Side {
    value: Value,
    limit: Option<Decimal>,
    currency: String,
    priced: Priced,
}

impl Side {
    fn of(spec: &Spec, texts: &Folder) -> Result<Self, String> {
        let priced = price(spec, texts)?;
        let currency = spec.currency().to_owned();
        Ok(Self { value: spec.to_value(), limit: limit(spec), currency, priced })
    }
}

fn limit(spec: &Spec) -> Option<Decimal> {
    spec.budget.as_ref().map(|budget| budget.monthly.0)
}

/// What the change from `base` to the spec `new` with the files that it names (none where the stack goes) does
/// to cost; none where neither side costs anything or has a budget.
pub fn change(base: Base<'_>, new: Option<(&Spec, &Folder)>) -> Option<CostChange> {
    let mut change = CostChange { currency: DEFAULT_CURRENCY.to_owned(), ..CostChange::default() };
    let empty = Folder::in_memory([]);
    let texts = new.map_or(&empty, |(_, texts)| texts);
    let after = new.map(|(spec, texts)| Side::of(spec, texts));
    let priced = after.as_ref().and_then(|after| after.as_ref().ok());
    let before = before(base, new.map(|(spec, _)| spec), texts, priced, &mut change);
    let after = match after {
        Some(Ok(side)) => Some(side),
        Some(Err(why)) => {
            change.notes.push(format!("what the stack costs is not known: {why}"));
            None
        }
        None => None,
    };
    if let Some(side) = [&after, &before].into_iter().flatten().next() {
        change.currency.clone_from(&side.currency);
    }
    for (at, side) in [&before, &after].into_iter().enumerate() {
        if let Some(side) = side {
            change.set(at, side);
        }
    }
    let zero = Monthly::default();
    if new.is_none() {
        change.set_amounts(1, &zero);
        // The record has the names of the files, and they may be gone with the spec.
        let is_guarded = |side: &Side| side.value.get("guardrails").and_then(Value::as_object).is_some_and(|blocks| !blocks.is_empty());
        if before.as_ref().is_some_and(is_guarded) {
            change
                .notes
                .push("before is at least so much: the prompts of guardrails are not counted, as their files went with the stack".into());
        }
    }
    let sides = [before.as_ref().map(|side| &side.priced.cost.monthly), after.as_ref().map(|side| &side.priced.cost.monthly)];
    let [from, to] = match (base, new) {
        (Base::Absent, _) => [Some(&zero), sides[1]],
        (_, None) => [sides[0], Some(&zero)],
        _ => sides,
    };
    let difference = from.zip(to).and_then(|(from, to)| Difference::between(from, to));
    change.change = difference.as_ref().map(Difference::amounts);
    if let (Some(before), Some(after), Some(difference)) = (&before, &after, difference) {
        change.explain(before, after, difference, texts);
    }
    let says_nothing = change.blocks.is_empty() && change.monthly_limit == [None, None] && change.notes.is_empty();
    (!says_nothing).then_some(change)
}

/// The side that stands, priced as the new one is, which is `after`; says why there is none.
fn before(base: Base<'_>, new: Option<&Spec>, texts: &Folder, after: Option<&Side>, change: &mut CostChange) -> Option<Side> {
    let unknown = |why: String| format!("what the stack cost before is not known: {why}");
    let record = match base {
        Base::Absent => return None,
        Base::Unreadable => {
            change.notes.push(unknown("the tree that stands has no record (`stack.json`) that can be read".into()));
            return None;
        }
        Base::Record(record) => record,
    };
    let spec = match read(record) {
        Ok((spec, _)) => spec,
        Err(why) => {
            change.notes.push(unknown(format!("its record (`stack.json`) is no spec of this version: {}", redact(&why))));
            return None;
        }
    };
    change.monthly_limit[0] = limit(&spec).map(amount);
    let spec = match new.map(|new| comparable(spec.clone(), new, texts)) {
        None => spec,
        Some(Ok((spec, note))) => {
            change.notes.extend(note);
            spec
        }
        Some(Err(why)) => {
            change.notes.push(unknown(why));
            change.monthly_limit[0] = None;
            return None;
        }
    };
    // Pricing proves that every engine starts, and most stacks of a plan do not change.
    let same = after.filter(|after| after.value == spec.to_value());
    match same.map_or_else(|| Side::of(&spec, texts), |side| Ok(side.clone())) {
        Ok(side) if side.priced.unpriced.is_empty() => Some(side),
        Ok(side) => {
            change.notes.push(unknown(format!("there is no price of {}", redact(&side.priced.unpriced.join(", ")))));
            None
        }
        Err(why) => {
            change.notes.push(unknown(redact(&why)));
            None
        }
    }
}

/// The spec `old` so that its amounts can be held against those of `new`, with what must be known of that.
///
/// # Errors
/// In words: its amounts are in another currency.
pub fn comparable(mut old: Spec, new: &Spec, texts: &Folder) -> Result<(Spec, Option<String>), String> {
    let [was, is] = [&old, new].map(Spec::currency);
    if was != is {
        return Err(format!("its prices are in {} and not in {is}", redact(was)));
    }
    // Another list is no change of the stack, and the old one is gone with the old files.
    let gone = old.prices.file.take_if(|file| !texts.is_file(file));
    if gone.is_some() {
        old.prices.file.clone_from(&new.prices.file);
    }
    let note = gone.map(|file| format!("the list of prices `{}` is gone, so what stands is priced as the new stack is", redact(&file)));
    Ok((old, note))
}

impl CostChange {
    fn set_amounts(&mut self, at: usize, monthly: &Monthly) {
        let Amounts { min, expected, max } = monthly.into();
        (self.monthly_min[at], self.monthly_expected[at], self.monthly_max[at]) = (Some(min), Some(expected), Some(max));
    }

    fn set(&mut self, at: usize, side: &Side) {
        self.set_amounts(at, &side.priced.cost.monthly);
        self.monthly_limit[at] = side.limit.map(amount);
        for (route, monthly) in blocks(&side.priced.cost).unwrap_or_default() {
            self.blocks.entry(redact(&route)).or_default()[at] = Some((&monthly).into());
        }
        if !side.priced.unpriced.is_empty() {
            self.notes.push(format!("at least so much: there is no price of {}", side.priced.unpriced.join(", ")));
        }
    }

    fn explain(&mut self, before: &Side, after: &Side, difference: Difference, texts: &Folder) {
        let price = |value: &Value| {
            let (spec, _) = read(value).ok()?;
            Some(price(&spec, texts).ok()?.cost.monthly)
        };
        let sides = ((&before.value, &before.priced.cost.monthly), (&after.value, &after.priced.cost.monthly));
        let Some(found) = cause::find(sides.0, sides.1, difference, &price) else { return };
        self.causes = found.causes;
        self.together = found.together;
        if found.untried > 0 {
            self.notes.push(format!("{} more lines changed than the {MOST_LINES} that were priced one by one", found.untried));
        }
    }
}
