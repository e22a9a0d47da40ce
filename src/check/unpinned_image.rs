//! Container images that can change under a running deployment.

use std::sync::LazyLock;

use regex::Regex;
use semver::Version;

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};
use crate::engine;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E003",
    name: "unpinned-image",
    severity: Severity::Error,
    docs: "A container image has no tag, the tag `latest`, or a form that no container runtime reads.\n\n\
           With `latest`, the next restart of a pod may bring another engine, with other flags and \
           metrics, and nobody has changed a file: a rollback has nothing to go back to.\n\n\
           ```kdl\nimage \"registry.example.com/nemo-guardrails:latest\"   // write :0.24.1, or @sha256:…\n```\n\n\
           Give a version as the tag or, better, the digest, which can never mean another image.",
};

/// A reference as container runtimes read it: host and port, path, tag, digest.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let host = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?";
    let part = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
    let pattern = format!(r"^({host}{part}(?:/{part})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}))?(?:@(sha256:[0-9a-f]{{64}}))?$");
    Regex::new(&pattern).ok()
});

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        if let Some(image) = &model.engine.image {
            let default = Version::parse(&model.engine.version).ok().map(|v| engine::of(model.engine.name).default_image(&v));
            let tag = default.as_deref().and_then(|d| d.rsplit_once(':')).map_or_else(|| "v0.32.0".to_owned(), |(_, tag)| tag.to_owned());
            out.extend(fault(image, &tag).map(|f| finding(f, Route::of(["model", name, "engine", "image"]))));
        }
    }
    for (name, guardrails) in &cx.spec.guardrails {
        out.extend(fault(&guardrails.image, "0.24.1").map(|f| finding(f, Route::of(["guardrails", name, "image"]))));
    }
    if let Some(flagd) = &cx.spec.flagd {
        out.extend(fault(&flagd.image, "v0.16.1").map(|f| finding(f, Route::of(["flagd", "image"]))));
    }
}

fn finding((message, label, help): (String, &str, String), at: Route) -> Diagnostic {
    Diagnostic::at_value(&RULE, at, message).label(label).help(help)
}

/// What is wrong with `image`: message, label, and a help that offers `tag`.
fn fault(image: &str, tag: &str) -> Option<(String, &'static str, String)> {
    let Some(parts) = REFERENCE.as_ref().and_then(|r| r.captures(image)) else {
        let repaired = image.trim().trim_start_matches("https://").trim_start_matches("http://").trim_start_matches("docker://");
        let (path, rest) = match repaired.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, format!(":{tag}")),
            _ => (repaired, format!(":{tag}")),
        };
        let candidate = format!("{}{rest}", path.to_lowercase());
        let valid = REFERENCE.as_ref().is_some_and(|r| r.is_match(&candidate));
        let help = if valid { format!("write `{candidate}`") } else { "write `registry/path:version` or `registry/path@sha256:…`".into() };
        return Some((format!("`{image}` is not an image reference"), "no container runtime could pull it", help));
    };
    let (path, written, digest) = (parts.get(1).map_or(image, |m| m.as_str()), parts.get(2).map(|m| m.as_str()), parts.get(3));
    let help = || format!("write `{path}:{tag}`, or the digest: `{path}@sha256:…`");
    match (written, digest) {
        (_, Some(_)) => None,
        (None, None) => Some((format!("the image `{image}` has no tag, which means `latest`"), "may change at any restart", help())),
        (Some("latest"), None) => Some((format!("the image `{image}` is not pinned"), "`latest` may change at any restart", help())),
        (Some(_), None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn references_are_read_as_runtimes_read_them() {
        let digest = "0".repeat(64);
        let pinned = ["a:1", "vllm/vllm-openai:v0.32.0", "localhost:5000/a/b:1", &format!("a@sha256:{digest}"), &format!("a:latest@sha256:{digest}")];
        for image in pinned {
            assert_eq!(fault(image, "1"), None, "{image}");
        }
        let wrong = [
            ("localhost:5000/a", "localhost:5000/a:1"),
            ("a:latest", "a:1"),
            ("https://host/a:2", "host/a:2"),
            ("Host/A:2", "host/a:2"),
            ("a b:2", "registry/path:version"),
            ("a@sha256:00", "registry/path:version"),
            ("", "registry/path:version"),
        ];
        for (image, nearest) in wrong {
            let (_, _, help) = fault(image, "1").expect(image);
            assert!(help.contains(&format!("`{nearest}`")), "{image}: {help}");
        }
    }
}
