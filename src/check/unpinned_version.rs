//! Versions that users get and that no lock knows.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::lock::{self, LOCK_FILE, LockFile, Reason, Unpinned};
use crate::spec::Stage;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-L001",
    name: "unpinned-version",
    severity: Severity::Error,
    docs: "A version of a prompt that is live, that the prompt goes back to, or that a running experiment serves is \
           not pinned in `llmc.lock`, in a stack that is in production or has a lock.\n\n\
           A version is its texts, its sampling, the model that answers and the guardrails. Until it is pinned, any of \
           them can change under the same name, and what users were told by `v1` last week is not what `v1` says \
           today: an experiment then compares two things that nobody can name.\n\n\
           `llmc prompt pin` adds what is missing and changes nothing else. Commit the lock with the spec.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let is_asked = match cx.stack.lock_file {
        LockFile::Absent => cx.spec.stage == Stage::Production,
        LockFile::Read => true,
        LockFile::Broken => false,
    };
    if !is_asked {
        return;
    }
    for Unpinned { need, routes } in lock::unpinned(cx.stack) {
        let (place, label) = match &need.reason {
            Reason::Live => (Route::of(["prompt", &need.prompt, "live"]), "users get it".to_owned()),
            Reason::Rollback => (Route::of(["prompt", &need.prompt, "rollback"]), "users may get it again".to_owned()),
            Reason::Experiment(name) => {
                let arms = cx.spec.experiment.get(name).map(|experiment| &experiment.variant);
                let arm = arms.and_then(|arms| arms.iter().find(|(_, arm)| arm.prompt == need.version)).map(|(arm, _)| arm.as_str());
                let at = Route::of(["experiment", name, "variant", arm.unwrap_or_default(), "prompt"]);
                (at, "users of the experiment get it".to_owned())
            }
        };
        let name = format!("{}@{}", need.prompt, need.version);
        let message = match &routes {
            None => format!("`{name}` is not pinned in `{LOCK_FILE}`"),
            Some(routes) => format!("`{name}` is not pinned on the route `{}`", routes.join("`, `")),
        };
        let mut finding = Diagnostic::at_value(&RULE, place, message).label(label);
        if let (Some(_), Some(text)) = (&routes, cx.lock_text()) {
            let range = lock::key_range(&text, &["prompts", &need.prompt, &need.version]);
            finding = finding.related(Place::Text { file: LOCK_FILE.to_owned(), range }, "pinned on other routes only");
        }
        out.push(finding.help("run `llmc prompt pin` and commit the lock with the spec"));
    }
}
