//! Rows of panels on Grafana's grid of 24 columns.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::panel::Panel;
use crate::emit::manifest::sha256;

/// Columns of the grid.
pub(super) const COLUMNS: u32 = 24;

/// A row with its panels, in reading order.
pub(super) struct Row {
    /// Name within the dashboard; part of the id of each of its panels, so it is never changed.
    pub(super) key: &'static str,
    /// Title.
    pub(super) title: &'static str,
    /// Whether the row is open when the dashboard is.
    pub(super) open: bool,
    /// Panels; those without content are left out.
    pub(super) panels: Vec<Panel>,
}

/// Ids by name, so that links to a panel survive changes elsewhere in the dashboard.
#[derive(Default)]
struct Ids(BTreeSet<u32>);

impl Ids {
    /// An id from 1 to 2^31 - 1 that nothing else has.
    fn id(&mut self, name: &str) -> u32 {
        let mut attempt = name.to_owned();
        loop {
            let id = hash(&attempt);
            if id != 0 && self.0.insert(id) {
                return id;
            }
            // Taken: two names in about two thousand million share a hash.
            attempt.push('\'');
        }
    }
}

fn hash(text: &str) -> u32 {
    let digest = sha256(text.as_bytes());
    digest.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or_default() & 0x7fff_ffff
}

/// Places all rows, one below the other; the panels of a closed row lie within it.
pub(super) fn place(rows: &[Row], scrape_interval: &str) -> Vec<Value> {
    let mut ids = Ids::default();
    let mut out = Vec::new();
    let mut top = 0;
    for row in rows {
        let panels: Vec<&Panel> = row.panels.iter().filter(|panel| panel.has_content()).collect();
        if panels.is_empty() {
            continue;
        }
        let row_id = ids.id(row.key);
        let (placed, bottom) = flow(&panels, top + 1);
        let panels: Vec<Value> = placed
            .into_iter()
            .map(|(panel, grid)| panel.to_json(ids.id(&format!("{}/{}", row.key, panel.key)), grid, scrape_interval))
            .collect();
        let (inside, below) = if row.open { (Vec::new(), panels) } else { (panels, Vec::new()) };
        out.push(json!({
            "id": row_id,
            "type": "row",
            "title": row.title,
            "collapsed": !row.open,
            "gridPos": { "h": 1, "w": COLUMNS, "x": 0, "y": top },
            "panels": inside,
        }));
        out.extend(below);
        top = if row.open { bottom } else { top + 1 };
    }
    out
}

/// Fills lines from left to right; a line is as high as its highest panel.
fn flow<'a>(panels: &[&'a Panel], top: u32) -> (Vec<(&'a Panel, Value)>, u32) {
    let (mut x, mut y, mut line_height) = (0, top, 0);
    let mut placed = Vec::new();
    for panel in panels {
        if x + panel.width > COLUMNS {
            (x, y, line_height) = (0, y + line_height, 0);
        }
        placed.push((*panel, json!({ "h": panel.height, "w": panel.width, "x": x, "y": y })));
        x += panel.width;
        line_height = line_height.max(panel.height);
    }
    (placed, y + line_height)
}

#[cfg(test)]
mod tests {
    use super::{Ids, Row, hash, place};
    use crate::emit::grafana::panel::{Kind, Panel};

    fn panel(key: &str, width: u32, height: u32) -> Panel {
        Panel::new(Kind::Lines, key, key, "s", "test").query(Some("up".into()), "x").size(width, height)
    }

    #[test]
    fn a_taken_id_moves_the_later_name_only() {
        let mut ids = Ids::default();
        ids.0.insert(hash("a"));
        assert_eq!(ids.id("a"), hash("a'"));
        assert_eq!(ids.id("b"), hash("b"));
    }

    #[test]
    fn lines_are_as_high_as_their_highest_panel() {
        let panels = vec![panel("a", 12, 5), panel("b", 8, 9), panel("c", 8, 3), Panel::new(Kind::Lines, "empty", "", "s", "no query")];
        let closed = Row { key: "closed", title: "Closed", open: false, panels: vec![panel("d", 24, 4)] };
        let rows = [Row { key: "open", title: "Open", open: true, panels }, closed];
        let grid: Vec<String> = place(&rows, "30s").iter().map(|p| format!("{} {}", p["title"], p["gridPos"])).collect();
        assert_eq!(
            grid,
            [
                r#""Open" {"h":1,"w":24,"x":0,"y":0}"#,
                r#""a" {"h":5,"w":12,"x":0,"y":1}"#,
                r#""b" {"h":9,"w":8,"x":12,"y":1}"#,
                r#""c" {"h":3,"w":8,"x":0,"y":10}"#,
                r#""Closed" {"h":1,"w":24,"x":0,"y":13}"#,
            ]
        );
        assert_eq!(place(&rows, "30s")[4]["panels"][0]["gridPos"]["y"], 14);
    }
}
