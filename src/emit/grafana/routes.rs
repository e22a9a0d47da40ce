//! What the stack's routes are made of, as a table in Markdown.

use super::panel::{Kind, Panel};
use crate::stack::{Stack, Target};

pub(super) fn panel(stack: &Stack) -> Panel {
    let mut table = String::from("| Route | Prompt | Live version | Model | Guardrails |\n|---|---|---|---|---|\n");
    for route in stack.routes.values() {
        let live = stack.prompts.get(&route.prompt).map_or("", |prompt| prompt.live.as_str());
        let answerer = |target: &Target| match target {
            Target::Model(name) => markdown(name),
            Target::External(name) => format!("{} (external)", markdown(name)),
        };
        let mut model = answerer(&route.target);
        for (name, tier) in &route.traffic.tiers {
            model.push_str(&format!(", tier {}: {}", markdown(name), answerer(&tier.target)));
        }
        if let Some(fallback) = &route.traffic.fallback {
            model.push_str(&format!(", fallback: {}", answerer(&fallback.target)));
        }
        let guardrails = route.guardrails.as_deref().map_or_else(|| "none".into(), markdown);
        table.push_str(&format!(
            "| {} | {} | {} | {model} | {guardrails} |\n",
            markdown(&route.name),
            markdown(&route.prompt),
            markdown(live)
        ));
    }
    if let Some(owner) = &stack.owner {
        table.push_str(&format!("\nOwner: {}\n", markdown(owner)));
    }
    let about = "What applications call, as the spec says it. Engines do not measure external models: what they cost and \
                 how fast they are is known to their provider and to the application.";
    let lines = u32::try_from(stack.routes.len()).unwrap_or(u32::MAX).clamp(1, 20);
    Panel::new(Kind::Text(table), "routes", "Routes", "none", about).size(24, lines + 4)
}

/// Text that Markdown, HTML and Grafana's variables leave as it is, on one line.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '-' | '.' => out.push(c),
            c if c.is_ascii_punctuation() => out.push_str(&format!("&#{};", u32::from(c))),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text for a title, in which Grafana finds no variable.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().replace('$', "\u{ff04}").replace("[[", "[ [")
}

#[cfg(test)]
mod tests {
    use super::{markdown, plain};

    #[test]
    fn nothing_is_left_to_interpret() {
        assert_eq!(markdown("team-a.b"), "team-a.b");
        let hostile = markdown("a|b\n<img src=x> **c** `d` [e](f) $namespace \\");
        assert!(!hostile.contains(['|', '\n', '<', '*', '`', '[', '$', '\\']), "{hostile}");
        assert_eq!(plain("a\n$b [[c]]"), "a \u{ff04}b [ [c]]");
    }
}
