//! Settings with a word that the engine does not know.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity, did_you_mean};
use crate::engine::{self, Setting};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E009",
    name: "unknown-setting",
    severity: Severity::Error,
    docs: "`quantization` or `kv-cache-dtype` has a word that this version of the engine does not know, or \
           `kv-cache-memory-bytes` is set for a version that does not have it.\n\n\
           vLLM refuses such a word when it starts, so the pod would crash-loop.\n\n\
           ```kdl\nserve max-model-len=8192 max-num-seqs=64 kv-cache-dtype=\"fp9\"\n```\n\n\
           Write one of the words that the message lists; they are those of the version that is named.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for model in cx.stack.models.values() {
        let engine = engine::of(model.engine);
        let serve = Route::of(["model", &model.name, "serve"]);
        let given = [
            ("quantization", Setting::Quantization, &model.serve.quantization),
            ("kv-cache-dtype", Setting::KvCacheDtype, &model.serve.kv_cache_dtype),
        ];
        let since = engine.stated_cache_since();
        if model.serve.kv_cache_memory_bytes.is_some() && model.engine_version < since {
            let message = format!("{} {} does not take the size of the KV cache", engine.name(), model.engine_version);
            let finding = Diagnostic::at_value(&RULE, serve.key("kv-cache-memory-bytes"), message).label("the engine would not start");
            out.push(finding.help(format!("remove it, or take version {since} or a later one")));
        }
        for (field, setting, word) in given {
            let (Some(word), Some(words)) = (word, engine.words(&model.engine_version, setting)) else { continue };
            if words.contains(&word.as_str()) {
                continue;
            }
            let message = format!("{} {} has no {field} `{word}`", engine.name(), model.engine_version);
            let finding = Diagnostic::at_value(&RULE, serve.key(field), message).label("the engine would not start");
            out.push(match did_you_mean(word, words.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help(format!("it is one of `{}`", words.join("`, `"))),
            });
        }
    }
}
