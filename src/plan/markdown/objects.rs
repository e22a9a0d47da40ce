//! Every Kubernetes object and file that changes, folded: the fields that differ, then the text.

use std::collections::BTreeSet;

use super::blocks::is_guardrail_text;
use super::document::Section;
use super::{Subject, diff, text, word};
use crate::emit::{MANIFEST_FILE, RECORD_FILE};
use crate::plan::{Action, Disruption, FileChange, ObjectChange};

/// Two sections: objects first, then the files that are none.
pub(super) fn sections(subject: &Subject<'_>) -> Vec<Section> {
    let plan = subject.review.plan;
    let mut shown: BTreeSet<&str> = BTreeSet::new();
    let mut objects = Building::new("### Kubernetes objects", "objects", subject.limit);
    // What restarts pods comes first: it is what a reviewer must not miss.
    let mut sorted: Vec<&ObjectChange> = plan.objects.iter().collect();
    sorted.sort_by_key(|object| matches!(object.disruption, Disruption::None));
    for object in sorted {
        // A replacement may stand twice, under its old and its new name; the text is shown once.
        let is_first = shown.insert(&object.path);
        objects.add(|| self::object(subject, object, is_first));
    }
    let mut files = Building::new("### Files", "files", subject.limit);
    // The manifest holds digests, and the record is shown block by block.
    let is_told = |path: &str| is_guardrail_text(path) || [MANIFEST_FILE, RECORD_FILE].contains(&path);
    let is_other = |file: &&FileChange| !shown.contains(file.path.as_str()) && !is_told(&file.path);
    for file in plan.files.iter().filter(is_other) {
        files.add(|| self::file(subject, file));
    }
    [objects, files].into_iter().filter_map(Building::done).collect()
}

/// A section whose items are built only while they may still fit.
struct Building {
    section: Section,
    left: usize,
}

impl Building {
    fn new(heading: &str, nouns: &'static str, limit: usize) -> Self {
        Self { section: Section::items(heading, Vec::new(), nouns, 6), left: limit }
    }

    fn add(&mut self, item: impl FnOnce() -> String) {
        if self.left == 0 {
            self.section.more += 1;
            return;
        }
        let item = item();
        self.left = self.left.saturating_sub(item.len());
        self.section.items.push(item);
    }

    fn done(self) -> Option<Section> {
        (!self.section.items.is_empty()).then_some(self.section)
    }
}

fn object(subject: &Subject<'_>, object: &ObjectChange, with_text: bool) -> String {
    let name = match &object.namespace {
        Some(namespace) => format!("{namespace}/{}", object.name),
        None => object.name.clone(),
    };
    let pods = match &object.disruption {
        Disruption::None => String::new(),
        disruption => format!(": {}", disruption.word()),
    };
    let title = format!("{} {} {}{pods}", word(object.action), text::html_code(&object.kind, 80), text::html_code(&name, 200));
    let mut parts = Vec::new();
    if let Some(field) = &object.immutable_field {
        parts.push(format!("{} cannot be changed in place.", text::code(field, 200)));
    }
    if let Some(name) = &object.renamed_from {
        parts.push(format!("It takes the place of {}.", text::code(name, 200)));
    }
    if !object.fields.is_empty() {
        parts.push(diff::object_fields(&object.fields));
    }
    if with_text {
        parts.extend(changed_text(subject, &object.path));
    }
    if parts.is_empty() {
        parts.push(match object.action {
            Action::Create => "It is new: the file shows it whole.".to_owned(),
            Action::Delete => "It goes.".to_owned(),
            _ => "Nothing that Kubernetes sees differs.".to_owned(),
        });
    }
    parts.push(text::code(&object.path, 200));
    text::folded(&title, &parts.join("\n\n"))
}

fn file(subject: &Subject<'_>, file: &FileChange) -> String {
    let edited = if file.edited { ", edited by hand" } else { "" };
    let title = format!("{} {}{edited}", word(file.action), text::html_code(&file.path, 200));
    let content = match (changed_text(subject, &file.path), file.action) {
        (Some(diff), _) => diff,
        (None, Action::Create) => "It is new: the pull request shows it whole.".to_owned(),
        (None, Action::Delete) => "It goes.".to_owned(),
        (None, _) => "Its old content is no text.".to_owned(),
    };
    text::folded(&title, &content)
}

/// The difference of a file that stood before and stands after.
fn changed_text(subject: &Subject<'_>, path: &str) -> Option<String> {
    let (old, new) = (subject.review.old.text(path)?, subject.review.new.get(path)?);
    (old != new).then(|| diff::lines(old, new))
}
