//! What a parsed policy declares and calls, found before anything is evaluated: a call of a function
//! that does not exist would otherwise be found only on the input that reaches it, and one that calls
//! itself would end the process.

use std::ops::Range;

use regorus::unstable::{Expr, Literal, Module, Query, Ref, Rule, RuleHead, Span};

/// A name such as `data.lib.f` or `input.model`, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) words: Vec<String>,
    pub(super) range: Range<usize>,
}

/// A rule with what it uses.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) range: Range<usize>,
    pub(super) line: u32,
    pub(super) is_function: bool,
    pub(super) calls: Vec<Name>,
    pub(super) uses: Vec<Name>,
}

/// A file's package, imports and rules.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) path: String,
    pub(super) package: Vec<String>,
    pub(super) package_range: Range<usize>,
    /// The last word of each import, or its alias, and what it stands for.
    pub(super) imports: Vec<(String, Name)>,
    pub(super) rules: Vec<Declared>,
}

impl Facts {
    /// What `module`, loaded from `path`, declares.
    pub(super) fn of(path: &str, package: Vec<String>, module: &Module) -> Self {
        let imports = module.imports.iter().filter_map(|import| {
            let name = name(&import.refr)?;
            let last = name.words.last()?.clone();
            Some((import.r#as.as_ref().map_or(last, |alias| alias.text().to_owned()), name))
        });
        Self {
            path: path.to_owned(),
            package,
            package_range: range(&module.package.span),
            imports: imports.collect(),
            rules: module.policy.iter().filter_map(declared).collect(),
        }
    }

    /// The full name of `words` used in this file, from `data` or `input` on.
    pub(super) fn full(&self, words: &[String]) -> Vec<String> {
        let Some((first, rest)) = words.split_first() else { return Vec::new() };
        if first == "data" || first == "input" {
            return words.to_vec();
        }
        let start = match self.imports.iter().find(|(alias, _)| alias == first) {
            Some((_, import)) => import.words.clone(),
            None => [&["data".to_owned()], self.package.as_slice(), std::slice::from_ref(first)].concat(),
        };
        [start, rest.to_vec()].concat()
    }
}

fn range(span: &Span) -> Range<usize> {
    let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    at(span.start)..at(span.end)
}

fn declared(rule: &Ref<Rule>) -> Option<Declared> {
    let mut seen = Seen::default();
    let (refr, is_function) = match rule.as_ref() {
        Rule::Spec { head, bodies, .. } => {
            for body in bodies {
                body.assign.iter().for_each(|assign| seen.expression(&assign.value));
                seen.query(&body.query);
            }
            match head {
                RuleHead::Compr { refr, assign, .. } => {
                    assign.iter().for_each(|assign| seen.expression(&assign.value));
                    (refr, false)
                }
                RuleHead::Set { refr, key, .. } => {
                    key.iter().for_each(|key| seen.expression(key));
                    (refr, false)
                }
                RuleHead::Func { refr, assign, .. } => {
                    assign.iter().for_each(|assign| seen.expression(&assign.value));
                    (refr, true)
                }
            }
        }
        Rule::Default { refr, args, value, .. } => {
            seen.expression(value);
            (refr, !args.is_empty())
        }
    };
    let name = name(refr)?;
    let first = name.words.first()?.clone();
    let line = refr.span().line;
    Some(Declared { name: first, range: name.range, line, is_function, calls: seen.calls, uses: seen.uses })
}

/// The words of a dotted name, up to the first part that is computed.
fn name(expression: &Expr) -> Option<Name> {
    let mut words = Vec::new();
    let mut next = expression;
    loop {
        match next {
            Expr::Var { span, .. } => {
                words.push(span.text().to_owned());
                words.reverse();
                return Some(Name { words, range: range(expression.span()) });
            }
            Expr::RefDot { refr, field, .. } => {
                words.push(field.0.text().to_owned());
                next = refr;
            }
            Expr::RefBrack { refr, index, .. } => {
                match index.as_ref() {
                    Expr::String { span, .. } => words.push(span.text().to_owned()),
                    // What comes after a computed part says nothing of where the name begins.
                    _ => words.clear(),
                }
                next = refr;
            }
            _ => return None,
        }
    }
}

#[derive(Default)]
struct Seen {
    calls: Vec<Name>,
    uses: Vec<Name>,
}

impl Seen {
    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { key, value, collection, .. } => {
                    key.iter().for_each(|key| self.expression(key));
                    self.expression(value);
                    self.expression(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expression(expr),
                Literal::Every { domain, query, .. } => {
                    self.expression(domain);
                    self.query(query);
                }
            }
            statement.with_mods.iter().for_each(|with| self.expression(&with.r#as));
        }
    }

    /// The parser bounds how deep an expression may be, except for dotted names, which are walked flat.
    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::String { .. } | Expr::RawString { .. } | Expr::Number { .. } | Expr::Bool { .. } | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.uses.extend(name(expression));
                let mut next = expression;
                loop {
                    match next {
                        Expr::RefDot { refr, .. } => next = refr,
                        Expr::RefBrack { refr, index, .. } => {
                            self.expression(index);
                            next = refr;
                        }
                        Expr::Var { .. } => break,
                        other => break self.expression(other),
                    }
                }
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|item| self.expression(item)),
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.expression(key);
                self.expression(value);
            }),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expression(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expression(key);
                self.expression(value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => {
                self.calls.extend(name(fcn));
                params.iter().for_each(|param| self.expression(param));
            }
            Expr::UnaryExpr { expr, .. } => self.expression(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expression(lhs);
                self.expression(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                key.iter().for_each(|key| self.expression(key));
                self.expression(value);
                self.expression(collection);
            }
        }
    }
}
