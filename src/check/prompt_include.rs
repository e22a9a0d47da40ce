//! Templates that need something outside themselves.

use super::support::template::{Outside, uses_of};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P004",
    name: "prompt-include",
    severity: Severity::Error,
    docs: "A template takes something from outside itself: another template (`include`, `import`, `from`, \
           `extends`), a function, a method or an internal attribute of a value, or a filter or test that is \
           not Jinja's own.\n\n\
           A version of a prompt is its text: what it includes could change under it, or is not there where \
           the template is rendered. Methods and internal attributes are how templates break out of their \
           sandbox, and they differ between renderers.\n\n\
           ```kdl\nversion \"v1\" { user file=\"ask.md\"; … }     // ask.md: {% include \"rules.md\" %} {{ question.strip() }}\n```\n\n\
           Write the text into the template, and use Jinja's own filters: `{{ question | trim }}`.",
};

/// Methods of strings, and the filters that do the same.
const FILTERS: [(&str, &str); 9] = [
    ("capitalize", "capitalize"),
    ("format", "format"),
    ("items", "items"),
    ("join", "join"),
    ("lower", "lower"),
    ("replace", "replace"),
    ("strip", "trim"),
    ("title", "title"),
    ("upper", "upper"),
];

/// Most findings of one template.
const MOST_OF_A_FILE: usize = 50;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (text, uses) in cx.stack.prompts.values().flat_map(uses_of) {
        for (outside, range) in uses.outside.into_iter().take(MOST_OF_A_FILE) {
            let (message, help) = words(&outside);
            out.push(Diagnostic::new(&RULE, Place::Text { file: text.file.clone(), range }, message).help(help));
        }
    }
}

fn words(outside: &Outside) -> (String, String) {
    let usual = "use Jinja's own, or compute the value in the application and declare it as a variable";
    match outside {
        Outside::Template(statement) => (
            format!("`{statement}` takes text from another template"),
            "write the text into this template, so that a version of the prompt is complete".to_owned(),
        ),
        Outside::Function(name) => (
            format!("the template calls the function `{name}`"),
            "compute the value in the application and declare it as a variable; only `range`, `dict` and `namespace` are callable".to_owned(),
        ),
        Outside::Method(name) => {
            let filter = FILTERS.iter().find(|(method, _)| method == name);
            let help = filter.map_or_else(|| usual.to_owned(), |(_, filter)| format!("use the filter: `{{{{ … | {filter} }}}}`"));
            (format!("the template calls the method `{name}`, which only some renderers have"), help)
        }
        Outside::Internal(name) => {
            (format!("the template reads the internal attribute `{name}`"), "remove it; no prompt needs the inside of its renderer".to_owned())
        }
        Outside::Filter(name) => (format!("`{name}` is no filter of Jinja"), usual.to_owned()),
        Outside::Test(name) => (format!("`{name}` is no test of Jinja"), usual.to_owned()),
    }
}
