//! Prompts as ConfigMaps: one for each version, which never changes, and an index of them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use crate::emit::flagd;
use crate::emit::guardrails::configuration_id;
use crate::emit::labels;
use crate::emit::manifest::sha256;
use crate::emit::yaml::value;
use crate::emit::{Emitted, PROMPT_INDEX_FILE};
use crate::lock;
use crate::stack::{Answer, Prompt, PromptVersion, Route, Sampling, Stack, Target, Tier};

/// Component of the prompts' objects.
const COMPONENT: &str = "prompt";
/// Annotation with the prompt and version as the spec writes them.
const PROMPT_ANNOTATION: &str = "llmc.dev/prompt";
/// Annotation with what the version is on each route, as JSON: its identity, the model and the guardrails' digest.
const IDENTITIES_ANNOTATION: &str = "llmc.dev/identities";
/// Hexadecimal digits of a digest in a name.
const HASH_DIGITS: usize = 10;
/// Longest name of a ConfigMap.
const LONGEST_NAME: usize = 253;
/// Raised when a field of the index changes its meaning or goes away.
const INDEX_FORMAT: u32 = 1;

/// Adds the ConfigMaps of every prompt, and the index if there is any.
pub(super) fn emit(stack: &Stack, out: &mut Emitted) {
    let mut index = BTreeMap::new();
    for prompt in stack.prompts.values() {
        let mut names = BTreeMap::new();
        for (version, content) in &prompt.versions {
            let path = format!("prompts/{}/{}.yaml", file_name(&prompt.name, ""), file_name(version, "._"));
            let (name, object) = config_map(stack, prompt, version, content);
            out.object(path, object);
            names.insert(version, name);
        }
        index.insert(&prompt.name, json!({ "live": prompt.live, "rollback": prompt.rollback, "versions": names }));
    }
    if !index.is_empty() {
        out.object(PROMPT_INDEX_FILE, index_config_map(stack, &index));
    }
}

/// Name of the ConfigMap that holds `version` of `prompt`, if the stack has both.
pub(in crate::emit) fn config_map_of(stack: &Stack, prompt: &str, version: &str) -> Option<String> {
    let prompt = stack.prompts.get(prompt)?;
    Some(config_map(stack, prompt, version, prompt.versions.get(version)?).0)
}

/// Name and object of one version. Since the name follows the content, pods that read the old
/// content keep it until they are told of the new name.
fn config_map(stack: &Stack, prompt: &Prompt, version: &str, content: &PromptVersion) -> (String, Value) {
    let mut data = BTreeMap::from([
        ("sampling.json".to_owned(), sampling(prompt, &content.sampling)),
        ("user.md".to_owned(), content.user.text.clone()),
    ]);
    data.extend(content.system.iter().map(|system| ("system.md".to_owned(), system.text.clone())));
    // The names are hashed too: two of them may read alike once they are made safe.
    let hash = short_hash(&json!([prompt.name, version, data]).to_string());
    let name = config_map_name(&stack.name, &prompt.name, version, &hash);
    let mut metadata = labels::metadata(stack, COMPONENT, &prompt.name, &name);
    let annotation = (PROMPT_ANNOTATION.to_owned(), format!("{}@{version}", prompt.name));
    let mut annotations = BTreeMap::from([annotation, labels::pruned_last()]);
    annotations.extend(identities(stack, prompt, version).map(|identities| (IDENTITIES_ANNOTATION.to_owned(), identities)));
    metadata.annotations = Some(annotations);
    let object = value(&ConfigMap { metadata, data: Some(data), immutable: Some(true), ..ConfigMap::default() });
    (name, object)
}

/// What `version` is on each route that uses it. It stands beside the data and not in it: one more route makes the
/// texts no others, and whoever has mounted them keeps them.
fn identities(stack: &Stack, prompt: &Prompt, version: &str) -> Option<String> {
    let pin = lock::describe(stack, prompt, version).filter(|pin| !pin.routes.is_empty())?;
    let of = |used: &lock::Use| json!({ "guardrails": used.guardrails, "model": used.model, "sha256": used.sha256 });
    let routes: BTreeMap<&String, Value> = pin.routes.iter().map(|(route, used)| (route, of(used))).collect();
    Some(json!(routes).to_string())
}

/// `sampling` holds fields of an OpenAI-compatible request under their own names. Keys are
/// sorted and nothing is optional but `seed` and `stop`, so that equal settings are equal bytes.
fn sampling(prompt: &Prompt, sampling: &Sampling) -> String {
    let mut fields = BTreeMap::from([
        ("max_tokens", json!(sampling.max_tokens)),
        ("temperature", json!(sampling.temperature)),
        ("top_p", json!(sampling.top_p)),
    ]);
    fields.extend(sampling.seed.map(|seed| ("seed", json!(seed))));
    if !sampling.stop.is_empty() {
        fields.insert("stop", json!(sampling.stop));
    }
    let variables: BTreeMap<&String, Value> =
        prompt.variables.iter().map(|(name, max_tokens)| (name, json!({ "max_tokens": max_tokens }))).collect();
    json!({ "sampling": fields, "variables": variables }).to_string()
}

/// Which ConfigMap holds which version, and what each route uses.
fn index_config_map(stack: &Stack, prompts: &BTreeMap<&String, Value>) -> Value {
    let routes: BTreeMap<&String, Value> = stack
        .routes
        .values()
        .map(|route| {
            let (kind, model) = answerer(&route.target);
            let mut entry = json!({ "guardrails": route.guardrails, kind: model, "prompt": route.prompt });
            let own = Answer { target: route.target.clone(), guardrails: route.guardrails.clone() };
            if let Some(configuration) = configuration(route, &own).filter(|id| *id != route.name) {
                entry["guardrails_config"] = json!(configuration);
            }
            for (field, choice) in choices(route) {
                entry[field] = choice;
            }
            let others: BTreeMap<&String, Value> = route
                .answers
                .iter()
                .filter(|(_, answer)| **answer != own)
                .map(|(version, answer)| {
                    let (kind, model) = answerer(&answer.target);
                    let mut entry = json!({ "guardrails": answer.guardrails, kind: model });
                    if let Some(configuration) = configuration(route, answer) {
                        entry["guardrails_config"] = json!(configuration);
                    }
                    (version, entry)
                })
                .collect();
            if !others.is_empty() {
                entry["versions"] = json!(others);
            }
            if let Some(experiment) = flagd::running_on(stack, &route.name) {
                entry["experiment"] = json!({ "flag": experiment.name, "flagd": flagd::address(stack) });
            }
            (&route.name, entry)
        })
        .collect();
    let index = json!({ "format_version": INDEX_FORMAT, "prompts": prompts, "routes": routes, "stack": stack.name });
    let text = format!("{index:#}\n");
    value(&ConfigMap {
        metadata: labels::metadata(stack, COMPONENT, "index", &stack.object_name("prompt-index")),
        data: Some(BTreeMap::from([("index.json".to_owned(), text)])),
        ..ConfigMap::default()
    })
}

/// What a caller names to the guardrails of `answer`, if it has any.
fn configuration(route: &Route, answer: &Answer) -> Option<String> {
    answer.guardrails.as_ref().map(|_| configuration_id(route, &answer.target))
}

/// The kind of a target and its name.
pub(in crate::emit) fn answerer(target: &Target) -> (&'static str, &str) {
    let kind = match target {
        Target::Model(_) => "model",
        Target::External(_) => "external",
    };
    (kind, target.name())
}

/// What the application does for a route itself: it asks a cache, chooses a tier, and falls back. Only what a
/// route has is there, so that other routes stay as they are.
fn choices(route: &Route) -> Vec<(&'static str, Value)> {
    let tier = |tier: &Tier| {
        let (kind, model) = answerer(&tier.target);
        let mut entry = json!({ kind: model });
        // Each model has a configuration of its own, without which nobody would check what it says.
        if route.guardrails.is_some() {
            entry["guardrails_config"] = json!(configuration_id(route, &tier.target));
        }
        entry
    };
    let traffic = &route.traffic;
    let mut choices = Vec::new();
    if !traffic.tiers.is_empty() {
        let tiers: BTreeMap<&String, Value> = traffic.tiers.iter().map(|(name, one)| (name, tier(one))).collect();
        choices.push(("tiers", json!(tiers)));
    }
    choices.extend(traffic.fallback.as_ref().map(|fallback| ("fallback", tier(fallback))));
    choices.extend(traffic.cache.as_ref().map(|cache| {
        let milliseconds = cache.ttl.milliseconds();
        let ttl = if milliseconds % 1000 == 0 { json!(milliseconds / 1000) } else { json!(cache.ttl.seconds()) };
        ("cache", json!({ "kind": cache.kind, "similarity": cache.similarity, "ttl_seconds": ttl }))
    }));
    choices
}

/// A name that Kubernetes accepts, whatever the version is called.
fn config_map_name(stack: &str, prompt: &str, version: &str, hash: &str) -> String {
    let mut name = dns(&format!("{stack}-prompt-{prompt}-{version}"));
    name.truncate(LONGEST_NAME - 1 - HASH_DIGITS);
    format!("{}-{hash}", name.trim_end_matches('-'))
}

/// `name` as a file's name: itself if it is plain on every file system, else made so and told
/// apart by its digest. `more` are characters that are plain beside letters, digits and `-`.
fn file_name(name: &str, more: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || more.contains(c);
    let starts_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts_plain && name.len() <= 100 && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let safe: String = dns(name).chars().take(80).collect();
    format!("{safe}-{}", short_hash(name)).trim_start_matches('-').to_owned()
}

/// Lower-case letters, digits and `-` only, and no `-` at the ends.
fn dns(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    text.chars().map(safe).collect::<String>().trim_matches('-').to_owned()
}

fn short_hash(text: &str) -> String {
    sha256(text.as_bytes()).chars().take(HASH_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_NAME, config_map_name, file_name};

    #[test]
    fn every_version_has_a_name_that_kubernetes_accepts() {
        let long = "V".repeat(500);
        for version in ["v1", "2.0.1", "Summer_2026", "한국어", "../../etc", "v1\n", &long] {
            let name = config_map_name("shop", "answer", version, "0123456789");
            assert!(name.len() <= LONGEST_NAME, "{name}");
            assert!(name.ends_with("-0123456789") && name.starts_with("shop-prompt-answer"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        }
        assert_eq!(config_map_name("shop", "answer", "V2.0", "0123456789"), "shop-prompt-answer-v2-0-0123456789");
    }

    #[test]
    fn files_of_two_versions_never_meet() {
        assert_eq!(file_name("v1.2_a", "._"), "v1.2_a");
        let names = ["v1", "V1", "v1.", "v/1", "v-1", "..", ".", "", "한", "국"].map(|v| file_name(v, "._"));
        let mut unique: Vec<String> = names.iter().map(|n| n.to_lowercase()).collect();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{names:?}");
        assert!(names.iter().all(|n| !n.contains('/') && !n.starts_with('.')), "{names:?}");
        assert!(!file_name("index.yaml", "").contains('.'), "a folder never has the index's name");
    }
}
