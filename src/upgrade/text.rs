//! An upgrade for people at a terminal.

use super::{Target, Upgrade, Weight};
use crate::diagnostic::printable;

/// What changes for a stack, aligned, one line for each thing.
pub fn render_text(stack: &str, spec: &str, upgrade: &Upgrade, target: &Target) -> String {
    let mut out = format!("{}  {}\n", printable(stack), printable(spec));
    let notes = || upgrade.models.iter().flat_map(|model| &model.notes);
    let width = |of: &dyn Fn(&super::Note) -> usize| notes().map(of).max().unwrap_or(0).min(48);
    let topics = width(&|note| note.topic.word().len());
    let names = width(&|note| note.name.chars().count());
    // Models for which the same changes are told once.
    for same in upgrade.models.chunk_by(|a, b| (&a.from, &a.notes, &a.memory) == (&b.from, &b.notes, &b.memory)) {
        let Some(model) = same.first() else { continue };
        let models: Vec<String> = same.iter().map(|model| printable(&model.model)).collect();
        out.push_str(&format!("  {}  {} {} to {}\n", models.join(", "), target.name(), printable(&model.from), target.version));
        for note in &model.notes {
            let sign = match note.weight {
                Weight::Person => '!',
                Weight::Edit => '~',
                Weight::Note => ' ',
            };
            let (topic, name) = (note.topic.word(), printable(&note.name));
            out.push_str(&format!("  {sign} {topic:<topics$}  {name:<names$}  {}\n", printable(&note.what)));
        }
        if let Some(memory) = &model.memory {
            out.push_str(&format!("    memory: {} (was {})\n", memory.after, memory.before));
        }
        if model.notes.is_empty() {
            out.push_str("    nothing else changes\n");
        }
    }
    match upgrade.current {
        0 => {}
        1 if upgrade.models.is_empty() => out.push_str(&format!("  its model is of {} already\n", target.version)),
        1 => out.push_str(&format!("  1 other model is of {} already\n", target.version)),
        many => out.push_str(&format!("  {many} models are of {} already\n", target.version)),
    }
    if upgrade.models.is_empty() && upgrade.current == 0 {
        out.push_str(&format!("  no model runs on {}\n", target.name()));
    }
    if let Err(why) = &upgrade.edited {
        out.push_str(&format!("  ! {}\n", printable(why)));
    }
    out
}
