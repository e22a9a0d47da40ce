//! What a delivery would change: the tree that stands against the one that was compiled.
//!
//! [`compare`] is a pure function of two trees. It knows Kubernetes objects by their file, what of
//! them can be changed in place, and what a change does to the pods; and it reads the spec that
//! either tree was compiled from (`stack.json`) for what a change means to people.

mod compare;
mod experiments;
mod fields;
mod immutable;
mod json;
pub mod markdown;
mod meaning;
mod objects;
mod prompts;
mod record;
mod renames;
mod risks;
mod rollout;
mod text;
mod totals;
mod types;
mod values;
mod words;
mod workload;

pub use compare::{Subject, compare, plan};
pub use experiments::ExperimentChange;
pub use fields::diff as changed_fields;
pub use json::{json_schema, read, render_json};
pub use objects::deployed;
pub use prompts::{PromptChange, RouteChange};
pub use record::recorded;
pub use renames::is_rename;
pub use text::render_text;
pub use types::{
    Action, Copies, Disruption, FieldChange, FileChange, FreeGpus, GpuChange, ObjectChange, Order, Plan, Restart, Risk, RiskLevel, Rollout,
    StackPlan, Totals,
};
