//! Lists of prices with lines that nothing can use.

use std::path::Path;

use super::{Check, Context};
use crate::catalog;
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity, did_you_mean, printable};
use crate::source::Syntax;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B007",
    name: "unusable-price-list",
    severity: Severity::Error,
    docs: "The list of prices that `prices file=…` names has a GPU that the catalogue does not know or a line without \
           a price, or it is neither KDL nor YAML.\n\n\
           A line that nothing uses is a price that was meant for something: the GPU that it is for would be priced \
           by llmc's own list instead, and nobody would see it.\n\n\
           ```yaml\ngpu:\n  h100-80gb-smx:          # h100-80gb-sxm\n    on-demand: 2.95\n    date: \"2026-11-20\"\n    source: our contract\n```\n\n\
           Write the name that the catalogue has, or remove the line. `llmc schema prices` says what may stand in a \
           list.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    if let Some(name) = &cx.spec.prices.file
        && Syntax::of(Path::new(name)).is_none()
    {
        let message = format!("`{}` ends in neither `.kdl` nor `.yaml`, so it cannot be read as a list of prices", printable(name));
        let finding = Diagnostic::at_value(&RULE, Route::of(["prices", "file"]), message);
        out.push(finding.help("name a list in KDL or YAML; `llmc schema prices` says what may stand in it"));
    }
    let Some(file) = &cx.stack.price_file else { return };
    for name in file.list.gpu.keys() {
        let key = file.key(&["gpu", name]);
        let at = Place::Text { file: file.file.clone(), range: key };
        if catalog::gpu(name).is_none() {
            let finding = Diagnostic::new(&RULE, at, format!("the catalogue has no GPU `{}`, so nothing has this price", printable(name)));
            let lower = name.to_lowercase().replace([' ', '_'], "-");
            let of_that_kind: Vec<&str> = catalog::gpu_names().filter(|known| known.starts_with(&lower) && !lower.is_empty()).collect();
            out.push(match (did_you_mean(&lower, catalog::gpu_names()), of_that_kind.as_slice()) {
                (Some(near), _) => finding.help(format!("did you mean `{near}`?")),
                (None, []) => finding.help(format!("it has `{}`", catalog::gpu_names().collect::<Vec<_>>().join("`, `"))),
                (None, kinds) => finding.label("of which memory and form?").help(format!("write `{}`", kinds.join("`, or `"))),
            });
        } else if ["on-demand", "reserved", "spot"].iter().all(|kind| file.key(&["gpu", name, kind]).is_empty()) {
            // One that is written and was refused has its own finding.
            let finding = Diagnostic::new(&RULE, at, format!("the line of `{}` has no price", printable(name)));
            out.push(finding.help("write `on-demand`, `reserved` or `spot`, or remove the line"));
        }
    }
}
