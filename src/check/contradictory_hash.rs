//! A hash that the stated flagd does not compute.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::spec::{Flagd, HashGeneration};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A020",
    name: "contradictory-hash",
    severity: Severity::Error,
    docs: "The `flagd` block states another generation of the hash than its image has.\n\n\
           Up to 0.16, flagd deals users out by MurmurHash3 of the text (`v2`). Evaluators of the next generation hash \
           its canonical CBOR (`v3`), and nearly every user falls elsewhere: between two arms of 70 and 30, 42 of 100 \
           users change. Analysis and `llmc experiment assign` would then speak of other users than the server.\n\n\
           ```kdl\nflagd hash=\"v3\" image=\"ghcr.io/open-feature/flagd:v0.16.1\"     // this release has v2\n```\n\n\
           State what the image has. Of later releases nothing is known here: read their notes.",
};

/// Last minor release of 0 that is known to have `v2`: flagd core 0.16.1, `core/pkg/evaluator/fractional.go`.
const LAST_MINOR_OF_V2: u64 = 16;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let Some(flagd) = &cx.spec.flagd else { return };
    if flagd.hash == HashGeneration::V3 && has_v2(flagd) {
        let at = Route::of(["flagd"]);
        let message = format!("`{}` deals users out by `v2`, and `hash` says `v3`", flagd.image);
        let finding = Diagnostic::at_value(&RULE, at.key("hash"), message).label("every evaluation would say otherwise");
        let finding = finding.related(Place::Value(at.key("image")), "a release with `v2`");
        out.push(finding.help("write `hash=\"v2\"`, or the image of a release that hashes canonical CBOR"));
    }
}

/// Whether the image is flagd's own, of a release with `v2`; a build of somebody else may be anything.
fn has_v2(flagd: &Flagd) -> bool {
    let named = flagd.image.split('@').next().unwrap_or_default();
    let tag = named.strip_prefix("ghcr.io/open-feature/flagd:").unwrap_or_default().trim_start_matches('v');
    let mut parts = tag.split(['.', '-']).map(str::parse::<u64>);
    matches!((parts.next(), parts.next()), (Some(Ok(0)), Some(Ok(minor))) if minor <= LAST_MINOR_OF_V2)
}

#[cfg(test)]
mod tests {
    use super::has_v2;
    use crate::spec::Flagd;

    #[test]
    fn releases_are_told_by_their_tag() {
        let is_v2 = |image: &str| has_v2(&Flagd { image: image.into(), ..Flagd::default() });
        let digest = format!("ghcr.io/open-feature/flagd:v0.16.1@sha256:{}", "0".repeat(64));
        assert!(is_v2(&Flagd::default().image) && is_v2("ghcr.io/open-feature/flagd:v0.12.0") && is_v2(&digest));
        for other in ["ghcr.io/open-feature/flagd:v0.17.0", "ghcr.io/open-feature/flagd:v1.0.0", "example.com/flagd:v0.16.1", "x", ""] {
            assert!(!is_v2(other), "{other}");
        }
    }
}
