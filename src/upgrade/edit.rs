//! Edits of a spec that leave every other byte as it is.

use std::ops::Range;

use serde_json::Value;

use crate::diagnostic::Route;
use crate::source::{self, Document, Syntax};
use crate::spec;

/// A change of one value.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// The version of a model's engine.
    Version {
        /// Name of the model.
        model: String,
        /// As it is written.
        from: String,
        /// As it becomes.
        to: String,
    },
    /// One of a model's own arguments goes.
    Remove {
        /// Name of the model.
        model: String,
        /// Its number.
        index: usize,
    },
    /// One of a model's own arguments becomes another.
    Replace {
        /// Name of the model.
        model: String,
        /// Its number.
        index: usize,
        /// The new one.
        argument: String,
    },
    /// Another version of a prompt goes live.
    Live {
        /// Name of the prompt.
        prompt: String,
        /// Name of the version.
        to: String,
    },
}

impl Edit {
    fn route(&self) -> Route {
        match self {
            Self::Version { model, .. } => Route::of(["model", model, "engine", "version"]),
            Self::Remove { model, index } | Self::Replace { model, index, .. } => {
                Route::of(["model", model, "serve", "args"]).index(*index)
            }
            Self::Live { prompt, .. } => Route::of(["prompt", prompt, "live"]),
        }
    }

    /// Arguments from the last on, so that a removal leaves the numbers of the others.
    fn order(&self) -> std::cmp::Reverse<usize> {
        std::cmp::Reverse(match self {
            Self::Version { .. } | Self::Live { .. } => 0,
            Self::Remove { index, .. } | Self::Replace { index, .. } => *index,
        })
    }
}

/// `text` with `edits`, read back and held against what it must say.
///
/// # Errors
/// What must be changed by hand.
pub(super) fn apply(text: &str, syntax: Syntax, mut edits: Vec<Edit>) -> Result<String, String> {
    edits.sort_by_key(Edit::order);
    let mut expected = read(text, syntax)?.value;
    for edit in &edits {
        change(&mut expected, edit);
    }
    let mut text = text.to_owned();
    let mut open: Vec<Edit> = edits;
    // A value behind a YAML alias changes with the one that the alias names, so it is tried again.
    loop {
        let before = open.len();
        let mut left = Vec::new();
        for edit in open {
            match step(&text, syntax, &edit)? {
                Some(edited) => text = edited,
                None => left.push(edit),
            }
        }
        open = left;
        match open.first() {
            None => break,
            Some(edit) if open.len() == before => return Err(by_hand(&edit.route())),
            Some(_) => {}
        }
    }
    if without_empty(read(&text, syntax)?.value) == without_empty(expected) {
        Ok(text)
    } else {
        Err("the spec cannot be edited without changing something else; change it by hand".to_owned())
    }
}

fn by_hand(route: &Route) -> String {
    format!("`{route}` is written in a way that llmc does not edit; change it by hand")
}

fn read(text: &str, syntax: Syntax) -> Result<Document, String> {
    source::read(text, syntax, spec::schema(), &mut Vec::new()).ok_or_else(|| "the spec can no longer be read".to_owned())
}

/// Does to the tree what an edit does to the text.
fn change(value: &mut Value, edit: &Edit) {
    let route = edit.route();
    match edit {
        Edit::Version { to, .. } | Edit::Live { to, .. } => {
            if let Some(version) = value.pointer_mut(route.as_str()) {
                *version = Value::String(to.clone());
            }
        }
        Edit::Replace { argument, .. } => {
            if let Some(place) = value.pointer_mut(route.as_str()) {
                *place = Value::String(argument.clone());
            }
        }
        Edit::Remove { index, .. } => {
            let list = route.parent().and_then(|list| value.pointer_mut(list.as_str())).and_then(Value::as_array_mut);
            if let Some(list) = list.filter(|list| *index < list.len()) {
                list.remove(*index);
            }
        }
    }
}

/// A tree in which a list of no arguments is the same as none.
fn without_empty(mut value: Value) -> Value {
    for model in value.get_mut("model").and_then(Value::as_object_mut).into_iter().flat_map(|models| models.values_mut()) {
        let Some(serve) = model.get_mut("serve").and_then(Value::as_object_mut) else { continue };
        if serve.get("args").is_some_and(|args| args.as_array().is_some_and(Vec::is_empty)) {
            serve.remove("args");
        }
    }
    value
}

/// One edit; `None` where its place does not show the value.
fn step(text: &str, syntax: Syntax, edit: &Edit) -> Result<Option<String>, String> {
    let document = read(text, syntax)?;
    let route = edit.route();
    let value = document.value.pointer(route.as_str()).and_then(Value::as_str).ok_or_else(|| by_hand(&route))?;
    let Some(range) = document.spans.get(&route).map(|spans| spans.value.clone()) else { return Ok(None) };
    let (old, new) = match edit {
        Edit::Version { to, .. } | Edit::Live { to, .. } if value == to => return Ok(Some(text.to_owned())),
        Edit::Version { from, to, .. } => (from.as_str(), to.as_str()),
        Edit::Replace { argument, .. } => (value, argument.as_str()),
        Edit::Live { to, .. } => (value, to.as_str()),
        Edit::Remove { .. } => {
            let list = route.parent().unwrap_or_default();
            let count = document.value.pointer(list.as_str()).and_then(Value::as_array).map_or(0, Vec::len);
            let key = document.spans.get(&list).map_or(range.clone(), |spans| spans.key.clone());
            return Ok(match syntax {
                Syntax::Kdl if count == 1 => Some(without_empty_braces(text, without_kdl(text, range))),
                Syntax::Kdl => Some(without_kdl(text, range)),
                Syntax::Yaml => without_yaml(text, range, key, count),
            });
        }
    };
    let shown = text.get(range.clone()).unwrap_or_default();
    let Some((before, after)) = shown.split_once(old).filter(|(_, after)| !after.contains(old)) else { return Ok(None) };
    Ok(Some(spliced(text, range, &format!("{before}{new}{after}"))))
}

fn spliced(text: &str, range: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default())
}

/// The whole line that `at` is in, with its end.
fn line(text: &str, at: usize) -> Range<usize> {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |end| at + end + 1);
    start..end
}

/// The text without one argument of a node; a node that had no other goes with its line, but for a
/// comment behind it.
fn without_kdl(text: &str, range: Range<usize>) -> String {
    let line = line(text, range.start);
    let before = text.get(line.start..range.start).unwrap_or_default();
    let after = text.get(range.end..line.end).unwrap_or_default();
    // Between braces on one line, the node and its `;` go.
    if let Some(front) = before.trim_end().strip_suffix("args").filter(|front| front.trim_end().ends_with(['{', ';'])) {
        let behind = after.trim_start();
        if behind.starts_with(['}', ';']) {
            let end = line.end - behind.strip_prefix(';').unwrap_or(behind).len();
            return spliced(text, line.start + front.trim_end().len()..end, "");
        }
    }
    if before.trim() != "args" || !(after.trim().is_empty() || after.trim_start().starts_with("//")) {
        let start = range.start - (before.len() - before.trim_end_matches([' ', '\t']).len());
        return spliced(text, start..range.end, "");
    }
    if after.trim().is_empty() {
        return spliced(text, line, "");
    }
    let indent = before.len() - before.trim_start().len();
    let gap = after.len() - after.trim_start().len();
    spliced(text, line.start + indent..range.end + gap, "")
}

/// `edited` without the braces that held nothing but what `text` has more.
fn without_empty_braces(text: &str, edited: String) -> String {
    let at = text.bytes().zip(edited.bytes()).take_while(|(a, b)| a == b).count();
    let halves = edited.get(..at).zip(edited.get(at..));
    let braces = halves.and_then(|(before, after)| {
        let before = before.trim_end().strip_suffix('{')?.trim_end().len();
        let after = after.trim_start().strip_prefix('}')?;
        Some(before..edited.len() - after.len())
    });
    braces.map_or(edited.clone(), |braces| spliced(&edited, braces, ""))
}

/// The text without one item of a list; a comment behind it stays on a line of its own.
fn without_yaml(text: &str, range: Range<usize>, key: Range<usize>, count: usize) -> Option<String> {
    let line = line(text, range.start);
    let before = text.get(line.start..range.start)?;
    let after = text.get(range.end..line.end)?;
    if before.trim() == "-" {
        let indent = before.len() - before.trim_start().len();
        let comment = after.trim();
        let rest = if comment.is_empty() { String::new() } else { format!("{}{}", &before[..indent], after.trim_start()) };
        let edited = spliced(text, line, &rest);
        // The last item takes the list with it.
        let colon = key.end + edited.get(key.end..)?.find(':')? + 1;
        return Some(if count == 1 { spliced(&edited, colon..colon, " []") } else { edited });
    }
    // Between brackets a comma goes with the item.
    let mut next = text.get(range.end..)?.trim_start();
    while next.starts_with('#') {
        next = next.split_once('\n').map_or("", |(_, after)| after.trim_start());
    }
    if let Some(behind) = next.strip_prefix(',') {
        let comma = text.len() - next.len();
        // A comment needs a blank before it.
        let blanks = behind.len() - behind.trim_start_matches([' ', '\t']).len();
        let end = comma + 1 + if behind.get(blanks..)?.starts_with('#') { 0 } else { blanks };
        let kept = text.get(range.end..comma)?;
        return Some(spliced(text, range.start..end, if kept.trim().is_empty() { "" } else { kept }));
    }
    let front = text.get(..range.start)?.trim_end();
    let start = front.strip_suffix(',').map_or(range.start, str::len);
    Some(spliced(text, start..range.end, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KDL: &str = r#"stack "a" {
    namespace "n"
    model "m" {
        source "o/m" revision="0e9e39f249a16976918f6564b8830bc894c89659"
        engine "vllm" version="0.11.0" // pinned
        place pool="p"
        serve max-model-len=8192 max-num-seqs=1 {
            // one
            args "--swap-space=4" // why
            args "--seed=7" "--task=generate"   "--device=cuda"
            args "--num-scheduler-steps=2"
        }
    }
}
"#;

    fn removed(index: usize) -> Edit {
        Edit::Remove { model: "m".into(), index }
    }

    #[test]
    fn kdl_keeps_every_other_byte() {
        let edits = vec![
            Edit::Version { model: "m".into(), from: "0.11.0".into(), to: "0.33.0".into() },
            removed(0),
            Edit::Replace { model: "m".into(), index: 2, argument: "--runner=generate".into() },
            removed(3),
            removed(4),
        ];
        let expected = KDL
            .replace("0.11.0", "0.33.0")
            .replace("args \"--swap-space=4\" // why", "// why")
            .replace("--task", "--runner")
            .replace("   \"--device=cuda\"", "")
            .replace("            args \"--num-scheduler-steps=2\"\n", "");
        assert_eq!(apply(KDL, Syntax::Kdl, edits), Ok(expected));
    }

    #[test]
    fn a_node_between_braces_goes_whole() {
        let line = |rest: &str| KDL.replace("max-num-seqs=1 {\n            // one", rest);
        for (from, to) in [
            ("max-num-seqs=1 { args \"--x=1\"; }\n        serve {", "max-num-seqs=1 { }\n        serve {"),
            ("max-num-seqs=1 { args \"--x=1\" }\n        serve {", "max-num-seqs=1 {}\n        serve {"),
        ] {
            let (text, at) = (line(from), line(from).find("\"--x=1\"").expect("a place"));
            assert_eq!(without_kdl(&text, at..at + 7), line(to));
        }
    }

    #[test]
    fn braces_that_hold_nothing_more_go() {
        let one = |braces: &str| {
            KDL.replacen(&KDL[KDL.find(" {\n            // one").expect("a brace")..], &format!("{braces}\n    }}\n}}\n"), 1)
        };
        for (from, to) in [
            (" { args \"--x=1\" }", ""),
            (" { args \"--x=1\"; }", ""),
            (" {\n            args \"--x=1\"\n        }", ""),
            (" {\n            args \"--x=1\" // why\n        }", " {\n            // why\n        }"),
        ] {
            assert_eq!(apply(&one(from), Syntax::Kdl, vec![removed(0)]), Ok(one(to)), "{from}");
        }
    }

    /// A stack with a model `m` whose engine has `version`.
    fn yaml(version: &str, args: &str) -> String {
        format!("stack: a # name\nnamespace: n\nmodel:\n{}", model("m", version, args))
    }

    fn model(name: &str, version: &str, args: &str) -> String {
        format!(
            "  {name}:\n    source: {{repository: o/m, revision: 0e9e39f249a16976918f6564b8830bc894c89659}}\n    \
             engine: {{name: vllm, version: {version}}}   # pinned\n    place: {{pool: p}}\n    serve:\n      \
             max-model-len: 8192\n      max-num-seqs: 1\n{args}"
        )
    }

    #[test]
    fn yaml_keeps_every_other_byte() {
        for (args, index, expected) in [
            ("      args: [\"--a\", --b=1, '--c']\n", 0, "      args: [--b=1, '--c']\n"),
            ("      args: [\"--a\", --b=1, '--c']\n", 1, "      args: [\"--a\", '--c']\n"),
            ("      args: [\"--a\", --b=1, '--c']\n", 2, "      args: [\"--a\", --b=1]\n"),
            ("      args: [--a]\n", 0, "      args: []\n"),
            ("      args: [--a, # why\n        --b]\n", 0, "      args: [ # why\n        --b]\n"),
            ("      args: [--a # why\n        , --b]\n", 0, "      args: [ # why\n        --b]\n"),
            (
                "      args: [\n        --a, # why\n        --b # yes\n      ]\n",
                0,
                "      args: [\n         # why\n        --b # yes\n      ]\n",
            ),
            ("      args:\n        - --a # why\n        - --b\n", 0, "      args:\n        # why\n        - --b\n"),
            ("      args:\n        - --a\n        - \"--b=1\"\n", 1, "      args:\n        - --a\n"),
            ("      args: # all\n        - --a\n", 0, "      args: [] # all\n"),
        ] {
            assert_eq!(apply(&yaml("0.11.0", args), Syntax::Yaml, vec![removed(index)]), Ok(yaml("0.11.0", expected)), "{args}");
        }
        let version = Edit::Version { model: "m".into(), from: "0.11.0".into(), to: "0.33.0".into() };
        assert_eq!(apply(&yaml("0.11.0", ""), Syntax::Yaml, vec![version]), Ok(yaml("0.33.0", "")));
    }

    #[test]
    fn an_alias_follows_what_it_names() {
        let text = format!("stack: a\nnamespace: n\nmodel:\n{}{}", model("a", "&v 0.11.0", ""), model("m", "*v", ""));
        let version = |model: &str| Edit::Version { model: model.into(), from: "0.11.0".into(), to: "0.33.0".into() };
        assert_eq!(apply(&text, Syntax::Yaml, vec![version("m"), version("a")]), Ok(text.replace("0.11.0", "0.33.0")));
        // A model that must keep its version cannot share it.
        assert!(apply(&text, Syntax::Yaml, vec![version("m")]).is_err());
    }

    #[test]
    fn what_is_not_written_plainly_is_refused() {
        let escaped = KDL.replace("0.11.0", "0.11\\u{2e}0");
        let version = Edit::Version { model: "m".into(), from: "0.11.0".into(), to: "0.33.0".into() };
        assert!(apply(&escaped, Syntax::Kdl, vec![version]).is_err_and(|why| why.contains("by hand")));
    }
}
