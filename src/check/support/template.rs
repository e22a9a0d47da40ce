//! What a prompt's template uses.
//!
//! The engine's own search for undeclared variables has no places and does not look inside slices,
//! so the tree is walked here.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::machinery::ast::{Call, CallArg, Expr, Macro, Stmt};
use minijinja::machinery::{Span, parse};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind};

use crate::stack::{Prompt, PromptVersion, TextFile};

/// Functions that only compute: every Jinja has them.
const FUNCTIONS: [&str; 3] = ["dict", "namespace", "range"];

/// Something that a template takes from outside itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::check) enum Outside {
    /// Another template, through this statement.
    Template(&'static str),
    /// A function.
    Function(String),
    /// A method of a value.
    Method(String),
    /// An attribute that is internal to the renderer.
    Internal(String),
    /// A filter that is not Jinja's own.
    Filter(String),
    /// A test that is not Jinja's own.
    Test(String),
}

/// What a template uses, each with its byte range.
#[derive(Debug, Default)]
pub(in crate::check) struct Uses {
    /// Variables that it does not set itself.
    pub(in crate::check) variables: Vec<(String, Range<usize>)>,
    /// What it takes from outside.
    pub(in crate::check) outside: Vec<(Outside, Range<usize>)>,
}

/// The templates of a version, with the field that names each.
pub(in crate::check) fn templates(version: &PromptVersion) -> impl Iterator<Item = (&'static str, &TextFile)> {
    version.system.iter().map(|text| ("system", text)).chain([("user", &version.user)])
}

/// What all templates of `prompt` use, by file; a template that does not parse is left out.
pub(in crate::check) fn uses_of(prompt: &Prompt) -> Vec<(&TextFile, Uses)> {
    let texts = prompt.versions.values().flat_map(|version| templates(version).map(|(_, text)| text));
    texts.filter_map(|text| Some((text, analyse(&text.text).ok()?))).collect()
}

/// What the template `text` uses.
///
/// # Errors
/// The fault in its syntax, and where.
pub(in crate::check) fn analyse(text: &str) -> Result<Uses, (String, Range<usize>)> {
    let tree = parse(text, "prompt", SyntaxConfig::default()).map_err(|error| {
        let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let line = error.line().unwrap_or(1).max(1);
        let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
        let end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| start + at);
        (message, error.range().filter(|range| !range.is_empty() && range.end <= text.len()).unwrap_or(start..end))
    })?;
    let mut walk = Walk { text, scopes: vec![BTreeSet::new()], environment: Environment::new(), uses: Uses::default() };
    walk.statement(&tree);
    Ok(walk.uses)
}

struct Walk<'t> {
    text: &'t str,
    /// Names that are set, innermost scope last.
    scopes: Vec<BTreeSet<&'t str>>,
    environment: Environment<'static>,
    uses: Uses,
}

impl<'t> Walk<'t> {
    fn outside(&mut self, what: Outside, range: Range<usize>) {
        self.uses.outside.push((what, range));
    }

    fn set(&mut self, name: &'t str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name);
        }
    }

    fn is_set(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.contains(name))
    }

    fn assign(&mut self, target: &Expr<'t>) {
        match target {
            Expr::Var(variable) => self.set(variable.id),
            Expr::List(list) => list.items.iter().for_each(|item| self.assign(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.assign(item)),
            other => self.expression(other),
        }
    }

    fn body(&mut self, names: &[&'t str], body: &[Stmt<'t>]) {
        self.scopes.push(names.iter().copied().collect());
        body.iter().for_each(|statement| self.statement(statement));
        self.scopes.pop();
    }

    fn statement(&mut self, statement: &Stmt<'t>) {
        match statement {
            Stmt::Template(template) => template.children.iter().for_each(|child| self.statement(child)),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(each) => {
                self.expression(&each.iter);
                self.scopes.push(BTreeSet::from(["loop"]));
                self.assign(&each.target);
                each.filter_expr.iter().for_each(|filter| self.expression(filter));
                each.body.iter().for_each(|child| self.statement(child));
                self.scopes.pop();
                self.body(&[], &each.else_body);
            }
            // A name that is set in a branch is known after it.
            Stmt::IfCond(branch) => {
                self.expression(&branch.expr);
                branch.true_body.iter().chain(&branch.false_body).for_each(|child| self.statement(child));
            }
            Stmt::WithBlock(with) => {
                self.scopes.push(BTreeSet::new());
                for (target, value) in &with.assignments {
                    self.expression(value);
                    self.assign(target);
                }
                with.body.iter().for_each(|child| self.statement(child));
                self.scopes.pop();
            }
            Stmt::Set(set) => {
                self.expression(&set.expr);
                self.assign(&set.target);
            }
            Stmt::SetBlock(set) => {
                set.filter.iter().for_each(|filter| self.expression(filter));
                self.body(&[], &set.body);
                self.assign(&set.target);
            }
            Stmt::AutoEscape(escape) => {
                self.expression(&escape.enabled);
                self.body(&[], &escape.body);
            }
            Stmt::FilterBlock(block) => {
                self.expression(&block.filter);
                self.body(&[], &block.body);
            }
            Stmt::Block(block) => self.body(&["super"], &block.body),
            Stmt::Extends(extends) => self.outside(Outside::Template("extends"), range(extends.span())),
            Stmt::Include(include) => self.outside(Outside::Template("include"), range(include.span())),
            Stmt::Import(import) => {
                self.assign(&import.name);
                self.outside(Outside::Template("import"), range(import.span()));
            }
            Stmt::FromImport(import) => {
                import.names.iter().for_each(|(name, alias)| self.assign(alias.as_ref().unwrap_or(name)));
                self.outside(Outside::Template("from"), range(import.span()));
            }
            Stmt::Macro(declared) => {
                self.set(declared.name);
                self.declared(declared);
            }
            Stmt::CallBlock(block) => {
                self.call(&block.call, block.call.span());
                self.declared(&block.macro_decl);
            }
            Stmt::Do(action) => self.call(&action.call, action.call.span()),
        }
    }

    fn declared(&mut self, declared: &Macro<'t>) {
        declared.defaults.iter().for_each(|value| self.expression(value));
        self.scopes.push(BTreeSet::from(["caller"]));
        declared.args.iter().for_each(|argument| self.assign(argument));
        declared.body.iter().for_each(|child| self.statement(child));
        self.scopes.pop();
    }

    fn expressions<'e>(&mut self, all: impl IntoIterator<Item = &'e Expr<'t>>)
    where
        't: 'e,
    {
        all.into_iter().for_each(|expression| self.expression(expression));
    }

    fn arguments(&mut self, arguments: &[CallArg<'t>]) {
        for argument in arguments {
            let (CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value)) = argument;
            self.expression(value);
        }
    }

    fn expression(&mut self, expression: &Expr<'t>) {
        match expression {
            Expr::Const(_) => {}
            Expr::Var(variable) => {
                if !self.is_set(variable.id) {
                    self.uses.variables.push((variable.id.to_owned(), range(variable.span())));
                }
            }
            Expr::UnaryOp(operation) => self.expression(&operation.expr),
            Expr::BinOp(operation) => self.expressions([&operation.left, &operation.right]),
            Expr::Compare(compare) => {
                self.expression(&compare.expr);
                self.expressions(compare.ops.iter().map(|op| &op.expr));
            }
            Expr::IfExpr(choice) => {
                self.expressions([&choice.test_expr, &choice.true_expr]);
                self.expressions(&choice.false_expr);
            }
            Expr::Filter(filter) => {
                self.expressions(&filter.expr);
                self.arguments(&filter.args);
                let unknown = self.environment.empty_state().apply_filter(filter.name, &[]);
                if unknown.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter) {
                    let place = self.named(filter.name, filter.span(), filter.expr.as_ref().map(Expr::span));
                    self.outside(Outside::Filter(filter.name.to_owned()), place);
                }
            }
            Expr::Test(test) => {
                self.expression(&test.expr);
                self.arguments(&test.args);
                let unknown = self.environment.empty_state().perform_test(test.name, &[]);
                if unknown.is_err_and(|error| error.kind() == ErrorKind::UnknownTest) {
                    let place = self.named(test.name, test.span(), Some(test.expr.span()));
                    self.outside(Outside::Test(test.name.to_owned()), place);
                }
            }
            Expr::GetAttr(attribute) => {
                self.expression(&attribute.expr);
                if attribute.name.starts_with('_') {
                    let place = self.named(attribute.name, attribute.span(), Some(attribute.expr.span()));
                    self.outside(Outside::Internal(attribute.name.to_owned()), place);
                }
            }
            Expr::GetItem(item) => self.expressions([&item.expr, &item.subscript_expr]),
            Expr::Slice(slice) => {
                self.expression(&slice.expr);
                self.expressions(slice.start.iter().chain(&slice.stop).chain(&slice.step));
            }
            Expr::Call(call) => self.call(call, call.span()),
            Expr::List(list) => self.expressions(&list.items),
            Expr::Tuple(tuple) => self.expressions(&tuple.items),
            Expr::Map(map) => self.expressions(map.keys.iter().chain(&map.values)),
        }
    }

    fn call(&mut self, call: &Call<'t>, span: Span) {
        self.arguments(&call.args);
        match &call.expr {
            Expr::Var(function) if self.is_set(function.id) || FUNCTIONS.contains(&function.id) => {}
            Expr::Var(function) => self.outside(Outside::Function(function.id.to_owned()), range(function.span())),
            Expr::GetAttr(method) => {
                let of_a_loop = matches!(&method.expr, Expr::Var(owner) if owner.id == "loop" && self.is_set("loop"));
                if !of_a_loop {
                    self.expression(&method.expr);
                    let place = self.named(method.name, span, Some(method.expr.span()));
                    self.outside(Outside::Method(method.name.to_owned()), place);
                }
            }
            other => {
                self.expression(other);
                self.outside(Outside::Function("…".to_owned()), range(span));
            }
        }
    }

    /// The place of `name` in an expression, after the part that ends at `after`.
    fn named(&self, name: &str, span: Span, after: Option<Span>) -> Range<usize> {
        let whole = range(span);
        let from = after.map_or(whole.start, |part| range(part).end.clamp(whole.start, whole.end.max(whole.start)));
        let found = self.text.get(from..).and_then(|rest| rest.find(name)).map(|at| from + at..from + at + name.len());
        found.unwrap_or(whole)
    }
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

#[cfg(test)]
mod tests {
    use super::{Outside, analyse};

    fn variables(text: &str) -> Vec<String> {
        let uses = analyse(text).expect(text);
        uses.variables.iter().for_each(|(name, range)| assert_eq!(&text[range.clone()], name));
        uses.variables.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn only_what_a_template_does_not_set_is_a_variable() {
        let cases: &[(&str, &[&str])] = &[
            ("가 {{ a }} {{ b.c }} {{ d[e] }}", &["a", "b", "d", "e"]),
            ("{{ document[:limit] }}", &["document", "limit"]),
            ("{% for x in xs if x != y %}{{ x }}{{ loop.index }}{% else %}{{ x }}{% endfor %}", &["xs", "y", "x"]),
            ("{% set a = b %}{{ a }}{% with c = a %}{{ c }}{% endwith %}{{ c }}", &["b", "c"]),
            ("{% if a is defined %}{% set t = 1 %}{% endif %}{{ t }}", &["a"]),
            ("{% macro m(x, y=z) %}{{ x }}{{ y }}{% endmacro %}{{ m(q) }}", &["z", "q"]),
            ("{% raw %}{{ no }}{% endraw %}{# {{ no }} #}{{ '{{ no }}' }}", &[]),
            ("```\n{ not: jinja }\n```\n---\n]]> % } {{ a | default('x') | upper }}", &["a"]),
            ("{% set ns = namespace(n=0) %}{% set ns.n = k %}{{ ns.n }}", &["k"]),
            ("{{ a if b else c }} {{ {'k': d} }} {{ [e, -f] }} {{ not g and h > i }}", &["b", "a", "c", "d", "e", "f", "g", "h", "i"]),
        ];
        for (text, expected) in cases {
            assert_eq!(variables(text), *expected, "{text}");
        }
    }

    #[test]
    fn what_comes_from_outside_is_found_at_its_place() {
        let cases = [
            ("a {% include 'x.md' %}", Outside::Template("include"), "include 'x.md'"),
            ("{% extends 'x' %}", Outside::Template("extends"), "extends 'x'"),
            ("{% import 'x' as y %}", Outside::Template("import"), "import 'x' as y"),
            ("{% from 'x' import y %}", Outside::Template("from"), "from 'x' import y"),
            ("{{ now() }}", Outside::Function("now".into()), "now"),
            ("{{ a.strip() }}", Outside::Method("strip".into()), "strip"),
            ("{{ ''.__class__ }}", Outside::Internal("__class__".into()), "__class__"),
            ("{{ a | to_yaml }}", Outside::Filter("to_yaml".into()), "to_yaml"),
            ("{{ a is odder }}", Outside::Test("odder".into()), "odder"),
        ];
        for (text, what, place) in cases {
            let found = analyse(text).expect(text).outside;
            let [(outside, range)] = found.as_slice() else { panic!("{text}: {found:?}") };
            assert_eq!((outside, &text[range.clone()]), (&what, place), "{text}");
        }
        for text in [
            "{{ range(3) | join(',') }}",
            "{% for x in range(2) %}{{ loop.cycle('a', 'b') }}{% endfor %}",
            "{{ a is none or a is string }}",
        ] {
            assert_eq!(analyse(text).expect(text).outside, Vec::new(), "{text}");
        }
    }
}
