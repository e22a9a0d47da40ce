//! The spec with every default filled in, from what was resolved.

use crate::spec::{Duration, InputRails, OutputRails};
use crate::stack::{Rails, Stack};

/// Writes into `stack.explicit` what its spec left open. What could not be resolved stays as it was
/// written; a stack that is emitted has nothing of that kind.
pub(super) fn fill(stack: &mut Stack) {
    let explicit = &mut stack.explicit;
    explicit.callers.clone_from(&stack.callers);
    explicit.budget.clone_from(&stack.budget);
    for (name, pool) in &mut explicit.pool {
        let Some(resolved) = stack.pools.get(name) else { continue };
        pool.node_selector.clone_from(&resolved.node_selector);
    }
    for (name, model) in &mut explicit.model {
        let Some(resolved) = stack.models.get(name) else { continue };
        model.source.size_gib = Some(resolved.size_gib);
        model.source.attention_heads = resolved.attention_heads;
        model.source.context_tokens = resolved.context_tokens;
        model.engine.image = Some(resolved.image.clone());
        model.serve.max_num_batched_tokens = Some(resolved.serve.max_num_batched_tokens);
        model.replicas.max = Some(resolved.replicas.max);
        model.drain = Some(Duration::from_seconds(u64::from(resolved.drain_seconds)));
        model.cache.access = Some(resolved.cache.access);
        model.cache.size_gib = Some(resolved.cache.size_gib);
        model.resources = Some(resolved.resources.clone());
    }
    for (name, external) in &mut explicit.external {
        let Some(resolved) = stack.externals.get(name) else { continue };
        external.model = Some(resolved.model.clone());
        external.base_url = Some(resolved.base_url.clone());
    }
    for (name, experiment) in &mut explicit.experiment {
        let Some(resolved) = stack.experiments.get(name) else { continue };
        experiment.ramp.clone_from(&resolved.ramp);
    }
    explicit.flagd = (!stack.experiments.is_empty()).then(|| stack.flagd.clone());
    for (name, guardrails) in &mut explicit.guardrails {
        let Some(resolved) = stack.guardrails.get(name) else { continue };
        guardrails.refusal = Some(resolved.refusal.clone());
        let has = |rails: &Rails| !rails.is_empty();
        // A direction without a check is left out, as if it had not been written.
        guardrails.input = guardrails
            .input
            .take()
            .filter(|_| has(&resolved.input))
            .map(|written| InputRails { block_pii: resolved.input.pii.clone(), ..written });
        guardrails.output = guardrails
            .output
            .take()
            .filter(|_| has(&resolved.output))
            .map(|written| OutputRails { block_pii: resolved.output.pii.clone(), ..written });
    }
}
