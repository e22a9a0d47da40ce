//! Tables and bars at a terminal.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::diagnostic::Style;

/// Rows of cells: the first column is aligned to the left, the others to the right, and what follows the
/// aligned columns stands as it is.
pub(super) struct Table {
    rows: Vec<(Vec<String>, String)>,
}

impl Table {
    pub(super) fn new(heads: &[&str]) -> Self {
        Self { rows: vec![(heads.iter().map(|head| (*head).to_owned()).collect(), String::new())] }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>, rest: String) {
        self.rows.push((cells.into_iter().collect(), rest));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// Its lines; the first is the head.
    pub(super) fn lines(&self, style: Style) -> Vec<String> {
        let columns = self.rows.iter().map(|(cells, _)| cells.len()).max().unwrap_or(0);
        let wide = |column: usize| self.rows.iter().filter_map(|(cells, _)| cells.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| wide(column).unwrap_or(0)).collect();
        let line = |(cells, rest): &(Vec<String>, String)| {
            let padded = cells.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
                let space = " ".repeat(width.saturating_sub(cell.chars().count()));
                if at == 0 { format!("{cell}{space}") } else { format!("  {space}{cell}") }
            });
            let line: String = padded.collect();
            format!("  {line}{}{rest}", if rest.is_empty() { "" } else { "  " }).trim_end().to_owned()
        };
        let mut lines: Vec<String> = self.rows.iter().map(line).collect();
        if let Some(head) = lines.first_mut() {
            *head = style.paint(Style::DIM, head);
        }
        lines
    }
}

/// So many cells of `cells` as `part` is of `whole`; at least one for anything.
fn cells_of(part: Decimal, whole: Decimal, cells: usize) -> usize {
    let share = part.checked_div(whole).and_then(|share| share.to_f64()).unwrap_or(0.0);
    let wide = (share * cells as f64).round() as usize;
    if part > Decimal::ZERO { wide.clamp(1, cells) } else { 0 }
}

/// A bar of one amount.
pub(super) fn bar(part: Decimal, whole: Decimal, cells: usize, style: Style) -> String {
    let filled = cells_of(part, whole, cells);
    format!("[{}{}]", style.paint(Style::BLUE, &"#".repeat(filled)), " ".repeat(cells - filled))
}

/// Minimum, expected and maximum on one bar, with the budget as a mark.
pub(super) fn budget_bar(amounts: [Decimal; 3], budget: Decimal, cells: usize, style: Style) -> String {
    let [minimum, expected, maximum] = amounts;
    let whole = maximum.max(budget);
    let [low, middle, high, mark] = [minimum, expected, maximum, budget].map(|amount| cells_of(amount, whole, cells));
    let mut text = String::new();
    for at in 0..cells {
        let (cell, colour) = match at + 1 {
            cell if cell == mark => ("|", Style::BOLD),
            cell if cell <= low => ("#", if cell > mark { Style::RED } else { Style::GREEN }),
            cell if cell <= middle => ("=", if cell > mark { Style::RED } else { Style::YELLOW }),
            cell if cell <= high => ("-", if cell > mark { Style::RED } else { Style::DIM }),
            _ => (" ", ""),
        };
        text.push_str(&if colour.is_empty() { cell.to_owned() } else { style.paint(colour, cell) });
    }
    format!("[{text}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style::new(false);

    #[test]
    fn bars_show_shares() {
        let of = |part: i64, whole: i64| bar(part.into(), whole.into(), 10, PLAIN);
        assert_eq!(
            [of(0, 10), of(1, 1000), of(5, 10), of(10, 10), of(0, 0)],
            ["[          ]", "[#         ]", "[#####     ]", "[##########]", "[          ]"]
        );
        let budget = |amounts: [i64; 3], limit: i64| budget_bar(amounts.map(Decimal::from), limit.into(), 10, PLAIN);
        assert_eq!(budget([2, 5, 7], 10), "[##===--  |]");
        assert_eq!(budget([2, 5, 10], 4), "[##=|=-----]");
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["item", "a month"]);
        table.row(["llama".into(), "1,234.00".into()], "[##]".into());
        table.row(["x".into(), "5.00".into()], String::new());
        assert_eq!(table.lines(PLAIN), ["  item    a month", "  llama  1,234.00  [##]", "  x          5.00"]);
    }
}
