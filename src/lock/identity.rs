//! Identities: SHA-256, in lower-case hexadecimal digits, over canonical forms.
//!
//! **A text** (a template, instructions, a refusal) in its canonical form is UTF-8 in Unicode's normalization
//! form C, with `\n` for each line end (`\r\n` and `\r` are line ends too) and, after the last character that
//! is none, exactly one `\n`. Its digest is that of these bytes: `sha256sum` of a file that is in canonical
//! form already.
//!
//! **Everything else** is JSON in one line: UTF-8, no space between tokens, the keys of each object sorted by
//! code point, every key there (`null` where a thing has no value), strings with `\"`, `\\`, `\b`, `\f`, `\n`,
//! `\r`, `\t` and `\u00xx` for other control characters and no other escape, and each number that may have a
//! fraction as the shortest decimal that reads back as the same double, with `.0` where it is whole.
//!
//! * Guardrails, `{"format":1,"input":R,"instructions":D,"output":R,"refusal":D}`, where `D` is the digest of a
//!   text, and `R` is `{"patterns":{NAME:PATTERN},"pii":[KIND],"self-check-max-tokens":N}` with sorted kinds.
//! * A version on a route, `{"format":1,"guardrails":D,"model":MODEL,"sampling":S,"system":D,"user":D}`, where
//!   `D` are digests, and `S` is `{"max-tokens":N,"seed":N,"stop":[TEXT],"temperature":X,"top-p":X}`.
//! * `MODEL` is `REPOSITORY@COMMIT`, with ` quantization=METHOD` behind it where the spec names one, or
//!   `PROVIDER/NAME`.
//!
//! `format` is raised when any of this changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::{Pin, Use};
use crate::spec::Sampling;
use crate::stack::{Guardrails, Rails, Stack, Target};

/// Version of the canonical forms.
pub const CANONICAL_FORMAT: u32 = 1;

/// Digest of `text` in its canonical form.
pub fn text(text: &str) -> String {
    sha256(&canonical(text))
}

fn canonical(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut canonical: String = lines.trim_end_matches('\n').nfc().collect();
    canonical.push('\n');
    canonical
}

/// What answers, in words that name one model for ever; none where the stack does not declare it.
pub fn model(stack: &Stack, target: &Target) -> Option<String> {
    match target {
        // Out of the spec: a model that does not fit its pool was left out of the stack, and is known all the same.
        Target::Model(name) => {
            let model = stack.explicit.model.get(name)?;
            let quantization = model.serve.quantization.iter().map(|method| format!(" quantization={method}")).collect::<String>();
            Some(format!("{}@{}{quantization}", model.source.repository, model.source.revision))
        }
        Target::External(name) => {
            let external = stack.externals.get(name)?;
            let provider = serde_json::to_value(external.provider).unwrap_or_default();
            Some(format!("{}/{}", provider.as_str().unwrap_or_default(), external.model))
        }
    }
}

/// Digest of what `guardrails` check, by which instructions, and what a user reads on a refusal.
pub fn guardrails(guardrails: &Guardrails) -> String {
    let rails = |rails: &Rails| {
        sorted([
            ("patterns", json!(rails.patterns)),
            ("pii", json!(rails.pii)),
            ("self-check-max-tokens", json!(rails.self_check_max_tokens)),
        ])
    };
    let form = sorted([
        ("format", json!(CANONICAL_FORMAT)),
        ("input", rails(&guardrails.input)),
        ("instructions", json!(guardrails.instructions.as_ref().map(|file| text(&file.text)))),
        ("output", rails(&guardrails.output)),
        ("refusal", json!(text(&guardrails.refusal))),
    ]);
    sha256(&form.to_string())
}

/// Identity of the version that `pin` holds as `on_route` uses it; of both, only what is hashed is read.
pub fn version(pin: &Pin, on_route: &Use) -> String {
    let form = sorted([
        ("format", json!(CANONICAL_FORMAT)),
        ("guardrails", json!(on_route.guardrails)),
        ("model", json!(on_route.model)),
        ("sampling", sampling(&pin.sampling)),
        ("system", json!(pin.system)),
        ("user", json!(pin.user)),
    ]);
    sha256(&form.to_string())
}

/// Digest over the names of a pin and everything in it but the seal itself.
pub fn seal(prompt: &str, version: &str, pin: &Pin) -> String {
    let routes: BTreeMap<&String, Value> = pin
        .routes
        .iter()
        .map(|(name, on_route)| {
            let counted = on_route.tokens.as_ref().map(|tokens| {
                sorted([
                    ("by", json!(tokens.by)),
                    ("system", json!(tokens.system)),
                    ("template", json!(tokens.template)),
                    ("user", json!(tokens.user)),
                ])
            });
            let form = [
                ("guardrails", json!(on_route.guardrails)),
                ("model", json!(on_route.model)),
                ("sha256", json!(on_route.sha256)),
                ("tokens", json!(counted)),
            ];
            (name, sorted(form))
        })
        .collect();
    let form = sorted([
        ("format", json!(CANONICAL_FORMAT)),
        ("parent", json!(pin.parent)),
        ("prompt", json!(prompt)),
        ("routes", json!(routes)),
        ("sampling", sampling(&pin.sampling)),
        ("system", json!(pin.system)),
        ("user", json!(pin.user)),
        ("version", json!(version)),
    ]);
    sha256(&form.to_string())
}

fn sampling(sampling: &Sampling) -> Value {
    sorted([
        ("max-tokens", json!(sampling.max_tokens)),
        ("seed", json!(sampling.seed)),
        ("stop", json!(sampling.stop)),
        // Zero has a sign that nobody means.
        ("temperature", json!(sampling.temperature + 0.0)),
        ("top-p", json!(sampling.top_p + 0.0)),
    ])
}

/// An object whose keys are sorted, whatever order they come in.
fn sorted<const N: usize>(fields: [(&str, Value); N]) -> Value {
    json!(BTreeMap::from(fields))
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{text, version};
    use crate::lock::{Pin, Use};
    use crate::spec::Sampling;

    #[test]
    fn line_ends_and_composition_change_no_text() {
        // `printf 'Caf\303\251\nb\n' | sha256sum`
        let digest = "55af58c4ff9f2163b44412df80b5b147d9581662c07b454b09a37c7c3fc9325b";
        let texts = ["Caf\u{e9}\nb\n", "Cafe\u{301}\r\nb", "Cafe\u{301}\rb\r\n\r\n"].map(text);
        assert_eq!(texts, [digest; 3].map(str::to_owned));
        assert_ne!(text("Caf\u{e9}\nb \n"), digest, "a space is content");
        assert_ne!(text("Caf\u{e9}\n\nb\n"), digest, "an empty line is content");
    }

    /// Written by hand and hashed by `sha256sum`, so that a change of the form cannot go unseen.
    #[test]
    fn the_canonical_form_is_what_the_documentation_says() {
        let pin = Pin {
            parent: Some("v0".into()),
            system: None,
            user: "00".into(),
            sampling: Sampling { temperature: 0.3, top_p: 1.0, max_tokens: 512, seed: None, stop: vec!["\n".into()] },
            routes: BTreeMap::new(),
            seal: String::new(),
        };
        let on_route = Use { sha256: String::new(), model: "openai/gpt-4o".into(), guardrails: None, tokens: None };
        // printf '%s' '{"format":1,"guardrails":null,"model":"openai/gpt-4o","sampling":{"max-tokens":512,"seed":null,
        // "stop":["\n"],"temperature":0.3,"top-p":1.0},"system":null,"user":"00"}' (in one line) | sha256sum
        assert_eq!(version(&pin, &on_route), "633ce2e9bea28a2acac69401dbac391d2f3069df7cfb657b39b5167c90bcdb16");
    }
}
