//! Spec and catalogue to the resolved stack.
//!
//! Resolving is total and silent: what cannot be resolved is left out and its route returned, and
//! the checks say why. So one wrong model does not hide what is wrong with the others.

mod experiment;
mod explicit;
mod facts;
mod model;
mod placement;
mod price;
mod tokenizer;
pub mod weights;

use std::collections::BTreeMap;

use crate::catalog;
use crate::diagnostic::{Diagnostic, Place, Route as Field};
use crate::lock::{self, LOCK_FILE, Lock, LockFile};
use crate::source::{Folder, Sources};
use crate::spec::{self, Spec};
use crate::stack::{
    Answer, External, Guardrails, Pool, Prompt, PromptVersion, Provider, Rails, Route, SemanticCache, Share, Stack, Target, TextFile, Tier,
    Traffic,
};

pub use facts::contradictions;
pub use placement::{Demand, Shortage, always_fits, demands, place, shares_cache};

/// What users read on a refusal when the spec does not say.
const DEFAULT_REFUSAL: &str = "I'm sorry, I can't help with that.";

/// A stack, and what had to be left out of it.
pub struct Resolved {
    /// What could be resolved.
    pub stack: Stack,
    /// Blocks that could not; some check reports each.
    pub left_out: Vec<Field>,
}

/// Resolves `spec`. Texts that it names are read from `folder` and added to `sources`; a text that
/// cannot be read is reported into `diagnostics`.
pub fn resolve(spec: &Spec, folder: &Folder, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) -> Resolved {
    let mut left_out = Vec::new();
    let mut texts = Texts { folder, sources, diagnostics };
    let price_file = texts.prices(spec);
    let (lock_file, lock) = texts.lock();
    let mut prices = price::Finder::new(spec, &price_file);
    let mut keep = |block: &str, name: &String, found: bool| {
        if !found {
            left_out.push(Field::of([block, name.as_str()]));
        }
    };
    let mut pools = BTreeMap::new();
    for (name, pool) in &spec.pool {
        let resolved = resolve_pool(name, pool, &mut prices);
        keep("pool", name, resolved.is_some());
        pools.extend(resolved.map(|p| (name.clone(), p)));
    }
    let mut prompts = BTreeMap::new();
    for (name, prompt) in &spec.prompt {
        let resolved = resolve_prompt(name, prompt, spec, &mut texts);
        keep("prompt", name, resolved.is_some());
        prompts.extend(resolved.map(|p| (name.clone(), p)));
    }
    let files: BTreeMap<_, _> = spec.model.iter().filter_map(|(name, model)| Some((name.clone(), texts.facts(name, model)?))).collect();
    let mut models = BTreeMap::new();
    for (name, model) in &spec.model {
        let resolved = model::resolve(name, model, files.get(name), spec, &pools);
        keep("model", name, resolved.is_some());
        models.extend(resolved.map(|m| (name.clone(), m)));
    }
    let mut guardrails = BTreeMap::new();
    for (name, rails) in &spec.guardrails {
        let resolved = resolve_guardrails(name, rails, &mut texts);
        keep("guardrails", name, resolved.is_some());
        guardrails.extend(resolved.map(|g| (name.clone(), g)));
    }
    let mut routes = BTreeMap::new();
    for (name, route) in &spec.route {
        let target = target(spec, &route.model);
        keep("route", name, target.is_some());
        routes.extend(target.map(|target| (name.clone(), resolve_route(name, route, target, spec))));
    }
    let mut experiments = BTreeMap::new();
    for (name, experiment) in &spec.experiment {
        let resolved = experiment::resolve(name, experiment, spec);
        keep("experiment", name, resolved.is_some());
        experiments.extend(resolved.map(|e| (name.clone(), e)));
    }
    placement::decide_surge(spec, &pools, &mut models);
    let externals = spec.external.iter().map(|(name, e)| (name.clone(), resolve_external(name, e, &mut prices))).collect();
    let (unit_prices, price_uses) = (prices.units(), prices.uses);
    let callers = if spec.callers.is_empty() { vec![spec.namespace.clone()] } else { sorted(spec.callers.clone()) };
    let mut stack = Stack {
        explicit: spec.clone(),
        name: spec.stack.clone(),
        namespace: spec.namespace.clone(),
        owner: spec.owner.clone(),
        callers,
        monitoring: spec.monitoring.clone(),
        pools,
        models,
        facts: files,
        tokenizers: tokenizer::all(spec, folder),
        counts: catalog::Counts::default(),
        externals,
        prompts,
        guardrails,
        routes,
        experiments,
        flagd: spec.flagd.clone().unwrap_or_default(),
        lock,
        lock_file,
        budget: spec.budget.clone().map(|mut budget| {
            budget.alert_at.sort_by(f64::total_cmp);
            budget.alert_at.dedup();
            budget
        }),
        currency: spec.currency().to_owned(),
        prices: unit_prices,
        price_uses,
        price_file: match price_file {
            price::File::Read(file) => Some(*file),
            price::File::None | price::File::Broken => None,
        },
    };
    explicit::fill(&mut stack);
    Resolved { stack, left_out }
}

/// Reads the files that a spec names.
struct Texts<'a> {
    folder: &'a Folder,
    sources: &'a mut Sources,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Texts<'_> {
    fn read(&mut self, template: &spec::Template, owner: &Field) -> Option<TextFile> {
        let place = Place::Value(owner.key("file"));
        let text = self.file(&template.file, &place)?;
        Some(TextFile { file: template.file.clone(), text })
    }

    /// The lock beside the spec. Its text is an input like the files that the spec names: what it counts of
    /// tokens is in what the stack costs, and a plan that was made with another lock was not judged by this one.
    fn lock(&mut self) -> (LockFile, Lock) {
        if !self.folder.holds(LOCK_FILE) {
            return (LockFile::Absent, Lock::default());
        }
        let text = match self.folder.read(LOCK_FILE, &Place::File(LOCK_FILE.to_owned())) {
            Ok(text) => text,
            Err(fault) => {
                let (found, text) = *fault;
                if !text.is_empty() {
                    self.sources.add_file(LOCK_FILE, &text);
                }
                self.diagnostics.push(lock::unreadable_file(found));
                return (LockFile::Broken, Lock::default());
            }
        };
        self.sources.add_file(LOCK_FILE, &text);
        match lock::read(&text) {
            Ok(lock) => (LockFile::Read, lock),
            Err(faults) => {
                self.diagnostics.extend(faults);
                (LockFile::Broken, Lock::default())
            }
        }
    }
}

fn resolve_pool(name: &str, pool: &spec::Pool, prices: &mut price::Finder<'_>) -> Option<Pool> {
    let gpu = catalog::gpu(&pool.gpu)?;
    let product = || BTreeMap::from([("nvidia.com/gpu.product".to_owned(), gpu.product_label.clone())]);
    Some(Pool {
        name: name.to_owned(),
        gpu,
        gpu_memory_gib: pool.gpu_memory_gib,
        nodes: pool.nodes,
        gpus_per_node: pool.gpus_per_node,
        prices: prices.pool(name, pool),
        node_selector: if pool.node_selector.is_empty() { product() } else { pool.node_selector.clone() },
        tolerations: pool.toleration.clone(),
        download_mib_per_second: pool.download_mib_per_second,
        load_mib_per_second: pool.load_mib_per_second,
    })
}

fn resolve_prompt(name: &str, prompt: &spec::Prompt, spec: &Spec, texts: &mut Texts<'_>) -> Option<Prompt> {
    let mut versions = BTreeMap::new();
    for (version_name, version) in &prompt.version {
        let field = Field::of(["prompt", name, "version", version_name]);
        let system = version.system.as_ref().map(|system| texts.read(system, &field.key("system")));
        let user = texts.read(&version.user, &field.key("user"));
        // Both are read before either failure ends it, so that both are reported.
        let (Some(user), true) = (user, system.as_ref().is_none_or(Option::is_some)) else { continue };
        let resolved = PromptVersion {
            system: system.flatten(),
            user,
            sampling: version.sampling.clone(),
            target: version.model.as_deref().and_then(|model| target(spec, model)),
            guardrails: version.guardrails.clone(),
        };
        versions.insert(version_name.clone(), resolved);
    }
    let complete = versions.len() == prompt.version.len() && versions.contains_key(&prompt.live);
    complete.then(|| Prompt {
        name: name.to_owned(),
        variables: prompt.variable.iter().map(|(name, v)| (name.clone(), v.max_tokens)).collect(),
        versions,
        live: prompt.live.clone(),
        rollback: prompt.rollback.clone(),
    })
}

fn resolve_guardrails(name: &str, rails: &spec::Guardrails, texts: &mut Texts<'_>) -> Option<Guardrails> {
    let field = Field::of(["guardrails", name, "instructions"]);
    let instructions = match &rails.instructions {
        Some(template) => Some(texts.read(template, &field)?),
        None => None,
    };
    let input = rails.input.clone().unwrap_or_default();
    let output = rails.output.clone().unwrap_or_default();
    let directed = |pii: Vec<_>, patterns, check: Option<spec::SelfCheck>| Rails {
        pii: sorted(pii),
        patterns,
        self_check_max_tokens: check.map(|c| c.max_tokens),
    };
    Some(Guardrails {
        name: name.to_owned(),
        image: rails.image.clone(),
        replicas: rails.replicas,
        resources: rails.resources.clone(),
        input: directed(input.block_pii, input.block_pattern, input.self_check),
        output: directed(output.block_pii, output.block_pattern, output.self_check),
        instructions,
        refusal: rails.refusal.clone().unwrap_or_else(|| DEFAULT_REFUSAL.to_owned()),
    })
}

/// The model or external model of that name.
fn target(spec: &Spec, name: &str) -> Option<Target> {
    if spec.model.contains_key(name) {
        return Some(Target::Model(name.to_owned()));
    }
    spec.external.contains_key(name).then(|| Target::External(name.to_owned()))
}

/// The route `name`, whose own model is `target`. What answers it is what answers the live version.
fn resolve_route(name: &str, route: &spec::Route, own: Target, spec: &Spec) -> Route {
    let prompt = spec.prompt.get(&route.prompt);
    let answer = |version: &spec::PromptVersion| Answer {
        target: version.model.as_deref().and_then(|model| target(spec, model)).unwrap_or_else(|| own.clone()),
        guardrails: version.guardrails.clone().or_else(|| route.guardrails.clone()),
    };
    let versions = prompt.iter().flat_map(|prompt| &prompt.version);
    let answers: BTreeMap<String, Answer> = versions.map(|(version, v)| (version.clone(), answer(v))).collect();
    let live = prompt.and_then(|prompt| answers.get(&prompt.live)).cloned();
    let live = live.unwrap_or_else(|| Answer { target: own.clone(), guardrails: route.guardrails.clone() });
    Route {
        name: name.to_owned(),
        prompt: route.prompt.clone(),
        own_target: own.clone(),
        target: live.target,
        guardrails: live.guardrails,
        answers,
        traffic: traffic(spec, route),
    }
}

/// What `route` asks for; a tier or fallback without a model is left out, and a check says so.
fn traffic(spec: &Spec, route: &spec::Route) -> Traffic {
    let tier = |model: &str, share: Option<spec::Share>| Some(Tier { target: target(spec, model)?, share: share.and_then(Share::of) });
    Traffic {
        load: route.load.clone(),
        tiers: route.tier.iter().filter_map(|(name, t)| Some((name.clone(), tier(&t.model, t.share)?))).collect(),
        fallback: route.fallback.as_ref().and_then(|fallback| tier(&fallback.model, fallback.share)),
        cache: route.cache.as_ref().map(|cache| SemanticCache {
            kind: cache.kind,
            similarity: cache.similarity,
            ttl: cache.ttl,
            hits: cache.hits.and_then(Share::of),
            resources: cache.resources.clone(),
        }),
    }
}

fn resolve_external(name: &str, external: &spec::External, prices: &mut price::Finder<'_>) -> External {
    let public = match external.provider {
        Provider::Openai => "https://api.openai.com/v1",
    };
    External {
        name: name.to_owned(),
        provider: external.provider,
        model: external.model.clone().unwrap_or_else(|| name.to_owned()),
        base_url: external.base_url.clone().unwrap_or_else(|| public.to_owned()),
        prices: prices.external(name, external),
        token_secret: external.token_secret.clone(),
    }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items.dedup();
    items
}
