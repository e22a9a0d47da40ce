//! A template as its own words and the values between them.

use std::ops::Range;

use minijinja::machinery::ast::{Expr, Stmt};
use minijinja::machinery::{Span, parse};
use minijinja::syntax::SyntaxConfig;

/// A part of what a template renders to, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Words of the template.
    Text {
        /// The words, as they are rendered.
        text: &'t str,
        /// Their bytes in the template.
        range: Range<usize>,
        /// Whether every prompt has them, exactly once.
        always: bool,
    },
    /// A value.
    Value {
        /// Bytes of the expression in the template.
        range: Range<usize>,
        /// Whether it is a variable as it is, without filters.
        is_plain: bool,
        /// Whether every prompt has it, exactly once.
        always: bool,
    },
}

/// The pieces of `template`; none where it does not parse, which a rule reports. Words in a branch stand in it
/// once for each branch, and those in a loop once.
pub fn pieces(template: &str) -> Option<Vec<Piece<'_>>> {
    let tree = parse(template, "prompt", SyntaxConfig::default()).ok()?;
    let mut pieces = Vec::new();
    walk(&tree, true, &mut pieces);
    Some(pieces)
}

/// The words of `template` without its values: what tokens are counted of. A template that does not parse is
/// all words.
pub fn static_text(template: &str) -> Vec<&str> {
    match pieces(template) {
        Some(pieces) => {
            pieces.into_iter().filter_map(|piece| if let Piece::Text { text, .. } = piece { Some(text) } else { None }).collect()
        }
        None => vec![template],
    }
}

fn walk<'t>(statement: &Stmt<'t>, always: bool, pieces: &mut Vec<Piece<'t>>) {
    let mut all = |children: &[Stmt<'t>], always: bool| children.iter().for_each(|child| walk(child, always, pieces));
    match statement {
        Stmt::Template(template) => all(&template.children, always),
        Stmt::EmitRaw(raw) => pieces.push(Piece::Text { text: raw.raw, range: range(raw.span()), always }),
        Stmt::EmitExpr(emit) => {
            let is_plain = matches!(emit.expr, Expr::Var(_));
            // The span of a filter is its name alone.
            pieces.push(Piece::Value { range: range(if is_plain { emit.expr.span() } else { emit.span() }), is_plain, always });
        }
        Stmt::ForLoop(each) => {
            all(&each.body, false);
            all(&each.else_body, false);
        }
        Stmt::IfCond(branch) => {
            all(&branch.true_body, false);
            all(&branch.false_body, false);
        }
        Stmt::WithBlock(with) => all(&with.body, always),
        Stmt::AutoEscape(escape) => all(&escape.body, always),
        // What a filter makes of its words is not known.
        Stmt::FilterBlock(block) => all(&block.body, false),
        Stmt::SetBlock(set) => all(&set.body, false),
        Stmt::Block(block) => all(&block.body, always),
        Stmt::Macro(declared) => all(&declared.body, false),
        Stmt::CallBlock(block) => all(&block.macro_decl.body, false),
        Stmt::Set(_) | Stmt::Do(_) | Stmt::Extends(_) | Stmt::Include(_) | Stmt::Import(_) | Stmt::FromImport(_) => {}
    }
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces, static_text};

    #[test]
    fn words_and_values_are_told_apart() {
        let template = "Hello {{ name }},\n{% if vip %}dear {{ title | upper }}{% else %}you{% endif %}.\n";
        let found = pieces(template).expect("it parses");
        let shown: Vec<String> = found
            .iter()
            .map(|piece| match piece {
                Piece::Text { text, range, always } => {
                    assert_eq!(&template[range.clone()], *text);
                    format!("{text:?} {always}")
                }
                Piece::Value { range, is_plain: true, always } => format!("{} {always}", &template[range.clone()]),
                Piece::Value { range, is_plain: false, always } => {
                    assert!(template[range.clone()].contains("title"), "{}", &template[range.clone()]);
                    format!("a value {always}")
                }
            })
            .collect();
        assert_eq!(
            shown,
            ["\"Hello \" true", "name true", "\",\\n\" true", "\"dear \" false", "a value false", "\"you\" false", "\".\" true"]
        );
        assert_eq!(static_text(template).concat(), "Hello ,\ndear you.");
    }

    #[test]
    fn a_template_that_does_not_parse_is_all_words() {
        assert_eq!(pieces("{{ a"), None);
        assert_eq!(static_text("{{ a"), ["{{ a"]);
    }
}
