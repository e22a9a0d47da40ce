//! Policies in a build without Rego: none can be judged, and none is ignored in silence.

use serde_json::Value;

use super::verdict::Judgement;
use super::{File, Policy, rules};
use crate::diagnostic::{Finding, Label};

/// No policies.
#[derive(Clone, Debug, Default)]
pub struct Set {
    faults: Vec<Finding>,
}

impl Set {
    /// Refuses `files`, if there are any, and says otherwise that nothing is judged.
    pub fn load(files: Vec<File>) -> Self {
        let own = files.into_iter().next();
        let (rule, message) = match own {
            Some(_) => (&rules::FAULT, "this llmc was built without policies, and the repository has some"),
            None => (&rules::NEVER_RUN, "this llmc was built without policies, so those that ship are not asked"),
        };
        let path = own.map_or_else(|| "policies".to_owned(), |file| file.path);
        let fault = Finding {
            rule,
            message: message.to_owned(),
            primary: Label { path, text: "".into(), range: 0..0, first_line: 1, note: String::new() },
            related: Vec::new(),
            help: vec!["build llmc with the feature `policy`, which is on by default".to_owned()],
        };
        Self { faults: vec![fault] }
    }

    /// Adds findings about the files themselves.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Finding>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// What is wrong with the files.
    pub fn faults(&self) -> &[Finding] {
        &self.faults
    }

    /// None.
    pub fn policies(&self) -> &[Policy] {
        &[]
    }

    pub(super) fn stack(&self, _: &Value) -> Judgement {
        Judgement::default()
    }

    pub(super) fn manifests(&self, _: &[(String, Value)]) -> Judgement {
        Judgement::default()
    }

    pub(super) fn plan(&self, _: &Value, _: &Value, _: &Value) -> Judgement {
        Judgement::default()
    }
}
