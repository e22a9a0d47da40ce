//! NeMo Guardrails 0.24.1: a configuration directory for each guarded route, and the server that
//! holds them.
//!
//! One server serves all routes of a `guardrails` block; the identifier of a configuration is the
//! name of its route, followed by that of the model where another one than the route's own answers: a configuration
//! has one model, and what another one says must not pass unseen. Everything said here about the library was tried on the real 0.24.1; the
//! judge in `tests/judges/nemo` tries it again.

mod config;
mod escape;
mod prompts;
mod server;

pub(super) use server::server_name;

use super::{Emitted, to_yaml};
use crate::stack::{Guardrails, Route, Stack, Target};

/// Puts the instructions in front of the application's system message. With `passthrough` the
/// library would leave them out, and without it it rewrites the conversation. Both texts are the
/// same for every stack, and hold nothing that a user wrote.
const RAILS_CO: &str = include_str!("rails.co");
const ACTIONS_PY: &str = include_str!("actions.py");

/// The configurations and servers of every `guardrails` block that a route uses.
pub(super) fn emit(stack: &Stack) -> Emitted {
    let mut out = Emitted::default();
    for guardrails in stack.guardrails.values() {
        if stack.routes_guarded_by(&guardrails.name).next().is_none() {
            continue;
        }
        let folder = format!("guardrails/{}", guardrails.name);
        let files = files(stack, guardrails);
        for (path, object) in server::objects(stack, guardrails, &files) {
            out.object(format!("{folder}/{path}"), object);
        }
        for (path, text) in files {
            out.file(format!("{folder}/{path}"), text);
        }
    }
    out
}

/// What the server reads: its own settings, and a directory for each route and what answers it.
fn files(stack: &Stack, guardrails: &Guardrails) -> Vec<(String, String)> {
    let mut files = vec![("config.py".to_owned(), server::SETTINGS.to_owned())];
    for route in stack.routes_guarded_by(&guardrails.name) {
        for target in route.targets_checked_by(&guardrails.name) {
            let id = configuration_id(route, target);
            files.extend(configuration(stack, guardrails, target).into_iter().map(|(name, text)| (format!("{id}/{name}"), text)));
        }
    }
    files
}

/// What a caller names as `config_id` so that `target` answers `route`. No name of a route has a point. It does
/// not depend on which version is live, so that going back to one changes no configuration.
pub(super) fn configuration_id(route: &Route, target: &Target) -> String {
    if *target == route.own_target { route.name.clone() } else { format!("{}.{}", route.name, target.name()) }
}

fn configuration(stack: &Stack, guardrails: &Guardrails, target: &Target) -> Vec<(&'static str, String)> {
    let mut files = vec![("config.yml", to_yaml(&config::config(stack, guardrails, target)))];
    if let Some(prompts) = prompts::prompts(stack, guardrails, target) {
        files.push(("prompts.yml", to_yaml(&prompts)));
    }
    if guardrails.instructions.is_some() {
        files.push(("rails.co", RAILS_CO.to_owned()));
        files.push(("actions.py", ACTIONS_PY.to_owned()));
    }
    files
}
