//! What a delivery would change: the tree that stands against the one that was compiled.
//!
//! [`compare`] is a pure function of two trees. It knows Kubernetes objects by their file, what of
//! them can be changed in place, and what a change does to the pods; and it reads the spec that
//! either tree was compiled from (`stack.json`) for what a change means to people.

mod compare;
mod types;

pub use compare::{Subject, compare, plan};
pub use types::{
    Action, Budget, Copies, Disruption, FieldChange, FileChange, FreeGpus, GpuChange, ObjectChange, Order, Plan, Restart, Risk, RiskLevel,
    Rollout, StackPlan, Totals,
};

/// Whether `new` is `old` under another name.
pub fn is_rename(old: &crate::emit::Tree, new: &crate::emit::FileSet) -> bool {
    // Stand-in.
    let record = |text: &str| -> Option<serde_json::Value> {
        let mut value: serde_json::Value = serde_json::from_str(text).ok()?;
        value.as_object_mut()?.remove("stack");
        Some(value)
    };
    let of = |text: Option<&str>| text.and_then(record);
    let old = of(old.text(crate::emit::RECORD_FILE));
    old.is_some() && old == of(new.get(crate::emit::RECORD_FILE))
}

/// Stand-in.
pub fn render_text(plan: &Plan, _verbose: bool, _colour: bool) -> String {
    let mut text = String::new();
    for stack in &plan.stacks {
        text += &format!("{}: {} files change\n", stack.stack, stack.files.len());
    }
    text
}

/// Stand-in.
pub fn render_json(plan: &Plan) -> String {
    serde_json::to_string_pretty(plan).unwrap_or_default() + "\n"
}

/// Stand-in.
///
/// # Errors
/// When it is none.
pub fn read(text: &str) -> Result<Plan, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
