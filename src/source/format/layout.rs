//! Tokens to lines: four spaces for each level, one space between values, at most one empty line.

use super::tokens::Token;

const INDENT: &str = "    ";

/// Lays the tokens out. Lines stay the lines that the author chose.
pub(super) fn lay_out(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    let mut depth: usize = 0;
    let mut blank = false;
    let mut after_open = true;
    let mut continued = false;
    for line in tokens.split(|t| *t == Token::Line) {
        let line: &[Token<'_>] = trim(line);
        if line.is_empty() {
            blank = true;
            continue;
        }
        let leading_closes = line.iter().take_while(|t| **t == Token::Close).count();
        // An empty line separates blocks; at the edges of one it says nothing.
        if blank && !after_open && leading_closes == 0 {
            out.push('\n');
        }
        let level = depth.saturating_sub(leading_closes) + usize::from(continued);
        out.push_str(&INDENT.repeat(level));
        write(line, &mut out);
        out.push('\n');
        for token in line {
            match token {
                Token::Open => depth += 1,
                Token::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        blank = false;
        let last = line.iter().rev().find(|t| !matches!(t, Token::Space | Token::Comment(_)));
        after_open = last == Some(&Token::Open);
        continued = last == Some(&Token::Continue);
    }
    out
}

fn trim<'a, 't>(line: &'a [Token<'t>]) -> &'a [Token<'t>] {
    let start = line.iter().position(|t| *t != Token::Space).unwrap_or(line.len());
    let end = line.iter().rposition(|t| *t != Token::Space).map_or(start, |at| at + 1);
    &line[start..end]
}

fn write(line: &[Token<'_>], out: &mut String) {
    let mut before: Option<Token<'_>> = None;
    let mut spaced = false;
    for token in line {
        if *token == Token::Space {
            spaced = true;
            continue;
        }
        let space = match (before, token) {
            (None, _) | (_, Token::End) | (Some(Token::Open), Token::Close) => false,
            (_, Token::Open | Token::Close | Token::Comment(_) | Token::Continue) => true,
            (Some(Token::Open | Token::Close | Token::End), _) => true,
            _ => spaced,
        };
        if space {
            out.push(' ');
        }
        out.push_str(match token {
            Token::Comment(text) | Token::Word(text) => text,
            Token::Open => "{",
            Token::Close => "}",
            Token::End => ";",
            Token::Continue => "\\",
            Token::Space | Token::Line => "",
        });
        before = Some(*token);
        spaced = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::lay_out;

    #[test]
    fn comments_strings_and_lines_survive() {
        let text = "// top\nstack   \"x\"{ // why\n\n\n  a  /* in */ 1   key=2 ;b 3\n\n\n/-c {d}\n \"\"\"\n   kept  as is\n   \"\"\"\nlong \\  // goes on\n  1\ne {\n} }";
        let formatted = "// top\nstack \"x\" { // why\n    a /* in */ 1 key=2; b 3\n\n    /-c { d }\n    \"\"\"\n   kept  as is\n   \"\"\"\n    long \\ // goes on\n        1\n    e {\n    } }\n";
        assert_eq!(lay_out(&tokens(text)), formatted);
        assert_eq!(lay_out(&tokens(formatted)), formatted);
    }
}
