//! Colours at a terminal.

/// ANSI styles, or none.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    is_coloured: bool,
}

impl Style {
    /// Code of bold text, for [`Style::paint`].
    pub const BOLD: &'static str = "1";
    /// Code of faint text.
    pub const DIM: &'static str = "2";
    /// Code of red text.
    pub const RED: &'static str = "31";
    /// Code of green text.
    pub const GREEN: &'static str = "32";
    /// Code of yellow text.
    pub const YELLOW: &'static str = "33";
    /// Code of blue text.
    pub const BLUE: &'static str = "34";
    /// Code of magenta text.
    pub const MAGENTA: &'static str = "35";
    /// Code of cyan text.
    pub const CYAN: &'static str = "36";

    /// Styles where `is_coloured`, else none.
    pub const fn new(is_coloured: bool) -> Self {
        Self { is_coloured }
    }

    /// `text` with the style of `code`.
    pub fn paint(self, code: &str, text: &str) -> String {
        if self.is_coloured && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
