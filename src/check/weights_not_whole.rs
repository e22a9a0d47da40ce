//! Weights that are no shares of all users.

use super::support::experiments::{is_whole, percent, place};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A001",
    name: "weights-not-whole",
    severity: Severity::Error,
    docs: "The weights of an experiment's variants do not sum to 100, or one is finer than a hundredth of a \
           percent.\n\n\
           Users are dealt into 10,000 parts, and every part belongs to one variant. Weights with another sum \
           leave it open who gets the rest, and the check of the sample ratio would hold the users against \
           shares that nobody meant.\n\n\
           ```kdl\nvariant \"control\" weight=70 prompt=\"v1\"\nvariant \"treatment\" weight=25 prompt=\"v2\"   // 95\n```\n\n\
           Give weights that sum to 100. To let only some users take part, use `ramp`, `audience` or `holdout`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, experiment) in &cx.spec.experiment {
        let variants = place(name).key("variant");
        let mut is_fine = true;
        for (variant_name, variant) in &experiment.variant {
            if !is_whole(variant.weight) {
                is_fine = false;
                let message = format!("the weight {} of `{variant_name}` is finer than a hundredth of a percent", variant.weight);
                let finding = Diagnostic::at_value(&RULE, variants.key(variant_name).key("weight"), message).label("has more than two decimals");
                out.push(finding.help(format!("write `weight={}`", ((variant.weight * 100.0).round() / 100.0).max(0.01))));
            }
        }
        // A variant that could not be read was reported, and its weight is not known.
        let is_read = cx.document.dropped.iter().all(|dropped| !dropped.as_str().starts_with(variants.as_str()));
        let sum: f64 = experiment.variant.values().map(|variant| variant.weight).sum();
        if !is_fine || !is_read || (sum - 100.0).abs() < 1e-6 {
            continue;
        }
        let message = format!("the weights of `{name}` sum to {}", percent(sum));
        let finding = Diagnostic::at_key(&RULE, place(name), message).label("must be 100");
        let scaled = experiment.variant.iter().map(|(name, variant)| (name, (variant.weight / sum * 1e4).floor() / 100.0));
        let mut scaled: Vec<(&String, f64)> = scaled.map(|(name, weight)| (name, weight.max(0.01))).collect();
        let others: f64 = scaled.iter().skip(1).map(|(_, weight)| weight).sum();
        if let Some(first) = scaled.first_mut() {
            first.1 = ((100.0 - others) * 100.0).round() / 100.0;
        }
        let scaled: Vec<String> = scaled.into_iter().map(|(name, weight)| format!("`{name}` {weight}")).collect();
        out.push(finding.help(format!("in the same ratio: {}", scaled.join(", "))));
    }
}
