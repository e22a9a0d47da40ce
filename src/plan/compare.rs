//! Two trees to a plan.

use super::experiments;
use super::fields;
use super::immutable;
use super::meaning;
use super::objects::{self, Object, Pair};
use super::prompts;
use super::record::Side;
use super::renames::Renames;
use super::risks;
use super::rollout::{self, Move};
use super::totals;
use super::types::{Action, Disruption, FORMAT_VERSION, FieldChange, FileChange, ObjectChange, Plan, StackPlan, Totals};
use super::workload::scales;
use crate::diagnostic::redact;
use crate::emit::{FileSet, Tree, sha256};
use crate::pricing::CostChange;
use crate::prompt::Version;

/// What a comparison is about.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Name of the stack.
    pub stack: &'a str,
    /// Path of its spec as shown to people; none when the stack is gone.
    pub spec: Option<&'a str>,
    /// Folder of its tree as shown to people.
    pub output: &'a str,
    /// Tree that stands at `output`, or that this one takes the place of; empty where there is none.
    pub old: &'a Tree,
    /// Name of the stack that `old` was compiled from, where it has another name.
    pub renamed_from: Option<&'a str>,
    /// The compiled tree; empty when the stack is gone.
    pub new: &'a FileSet,
    /// What the change does to cost, where that was asked.
    pub cost: Option<&'a CostChange>,
    /// Versions of the new stack's prompts; empty where that was not asked.
    pub prompts: &'a [Version],
}

/// What making `subject.old` equal to `subject.new` changes.
pub fn compare(subject: &Subject<'_>) -> StackPlan {
    let target = Tree::from(subject.new);
    let (old, new) = (Side::of(subject.old), Side::of(&target));
    let files = files(subject.old, subject.new);
    let mut plan = StackPlan {
        stack: subject.stack.to_owned(),
        spec: subject.spec.map(str::to_owned),
        output: subject.output.to_owned(),
        renamed_from: subject.renamed_from.map(str::to_owned),
        inputs_sha256: new.manifest.as_ref().map(|m| m.inputs_sha256.clone()).unwrap_or_default(),
        base_sha256: subject.old.sha256(),
        target_sha256: target.sha256(),
        objects: Vec::new(),
        files,
        rollouts: Vec::new(),
        totals: Totals::default(),
        risks: Vec::new(),
        prompts: Vec::new(),
        experiments: Vec::new(),
    };
    let renames = Renames::of(&old.record, &new.record);
    let gpus = totals::gpus(&old, &new, &renames);
    let alerts = meaning::alerts(&old, &new, &renames);
    if plan.files.is_empty() {
        plan.totals = totals::totals((&old, &new), subject, &renames, gpus, &alerts);
        return plan;
    }
    let (old_objects, new_objects) = (objects::read(subject.old, &target), objects::read(&target, subject.old));
    let pairs: Vec<(Pair<'_>, Vec<FieldChange>)> =
        objects::pair(&old_objects, &new_objects, &renames).into_iter().map(with_fields).collect();
    let context =
        rollout::Context { old: &old, new: &new, old_objects: &old_objects, new_objects: &new_objects, renames: &renames, gpus: &gpus };
    let moves = rollout::moves(&context, &pairs);
    plan.objects = changes(&pairs, &moves);
    plan.prompts = prompts::changes(&old, &new, subject.prompts);
    plan.experiments = experiments::changes(old.spec(), new.spec());
    let view = risks::View {
        subject,
        old: &old,
        new: &new,
        renames: &renames,
        pairs: &pairs,
        moves: &moves,
        gpus: &gpus,
        alerts: &alerts,
        unreadable: &old_objects.unreadable,
    };
    plan.risks = risks::risks(&view, &plan);
    plan.rollouts = moves.into_iter().map(|one| one.rollout).collect();
    plan.totals = totals::totals((&old, &new), subject, &renames, gpus, &alerts);
    plan
}

/// Puts the plans of several stacks together.
pub fn plan(mut stacks: Vec<StackPlan>) -> Plan {
    stacks.sort_by(|a, b| a.stack.cmp(&b.stack));
    // Strings, numbers and lists only: this cannot fail.
    let digest = sha256(serde_json::to_string(&stacks).unwrap_or_default().as_bytes());
    Plan { format_version: FORMAT_VERSION.to_owned(), llmc_version: env!("CARGO_PKG_VERSION").to_owned(), sha256: digest, stacks }
}

fn files(old: &Tree, new: &FileSet) -> Vec<FileChange> {
    let owned = old.owned();
    let edited = old.edited(new);
    let change = |action, path: &str| FileChange {
        action,
        path: path.to_owned(),
        old_sha256: old.files.get(path).map(|content| sha256(content)),
        new_sha256: new.get(path).map(|text| sha256(text.as_bytes())),
        edited: edited.iter().any(|e| e == path) || (old.files.contains_key(path) && !owned.contains(path)),
    };
    let mut changes = Vec::new();
    for (path, text) in new.iter() {
        match old.files.get(path) {
            None => changes.push(change(Action::Create, path)),
            Some(content) if content != text.as_bytes() => changes.push(change(Action::Update, path)),
            Some(_) => {}
        }
    }
    let gone = old.files.keys().filter(|path| owned.contains(*path) && new.get(path).is_none());
    changes.extend(gone.map(|path| change(Action::Delete, path)));
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

fn with_fields<'a>(pair: Pair<'a>) -> (Pair<'a>, Vec<FieldChange>) {
    let fields = pair.old.zip(pair.new).map(|(old, new)| fields::diff(&old.value, &new.value)).unwrap_or_default();
    (pair, fields)
}

fn changes(pairs: &[(Pair<'_>, Vec<FieldChange>)], moves: &[Move<'_>]) -> Vec<ObjectChange> {
    let mut changes: Vec<ObjectChange> = pairs.iter().filter_map(|(pair, fields)| change(pair, fields, moves)).collect();
    changes.sort_by(|a, b| (&a.path, &a.kind, &a.name).cmp(&(&b.path, &b.kind, &b.name)));
    changes
}

fn change(pair: &Pair<'_>, fields: &[FieldChange], moves: &[Move<'_>]) -> Option<ObjectChange> {
    let (action, immutable_field) = match (pair.old, pair.new) {
        (None, Some(_)) => (Action::Create, None),
        (Some(_), None) => (Action::Delete, None),
        (Some(old), Some(new)) => match immutable::field(old, new) {
            Some(field) => (Action::Replace, Some(field)),
            None if fields.is_empty() => return None,
            None => (Action::Update, None),
        },
        (None, None) => return None,
    };
    let object = pair.new.or(pair.old)?;
    let is_renamed = |old: &&Object| old.name != object.name || old.namespace != object.namespace;
    Some(ObjectChange {
        action,
        // A hand may have written anything into the old tree.
        api_version: redact(&object.api_version),
        kind: redact(&object.kind),
        namespace: object.namespace.as_deref().map(redact),
        name: redact(&object.name),
        path: object.path.clone(),
        renamed_from: pair.old.filter(is_renamed).map(|old| redact(&old.full_name())),
        immutable_field,
        fields: fields.to_vec(),
        disruption: disruption(object, fields, moves),
    })
}

/// What the change of `object` does to pods: that of its workload where it is one or scales one.
fn disruption(object: &Object, fields: &[FieldChange], moves: &[Move<'_>]) -> Disruption {
    for one in moves {
        let workloads = [&one.new, &one.old].into_iter().flatten();
        for workload in workloads {
            if std::ptr::eq(workload.object, object) {
                return one.rollout.disruption.clone();
            }
            let moves_bounds = fields.is_empty() || fields.iter().any(|field| field.path.ends_with("ReplicaCount"));
            if scales(object, workload.object) && moves_bounds && matches!(one.rollout.disruption, Disruption::Scale { .. }) {
                return one.rollout.disruption.clone();
            }
            let is_its_claim = object.kind == "PersistentVolumeClaim" && workload.claims.contains(object.name.as_str());
            if is_its_claim && matches!(one.rollout.disruption, Disruption::Replace(_)) {
                return one.rollout.disruption.clone();
            }
        }
    }
    Disruption::None
}
