//! How many tokens a prompt has for the model that reads it.
//!
//! Four answers, from nearly free to exact. [`of_text`] knows only characters. [`Family::most`] is a bound that
//! needs no vocabulary. [`Estimate`] is OpenAI's o200k times what was measured for the model's family.
//! [`Tokenizer`](crate::catalog::Tokenizer) is the model's own. The vocabulary of o200k is loaded where a text is
//! counted with it for the first time, and a model's own tokenizer likewise.

mod characters;
mod count;
mod estimate;
mod family;
mod known;
mod pieces;
mod prompt;
mod template;

pub use characters::{Tokens, of_text};
pub use count::{By, Count};
pub use estimate::{BASIS, o200k, of_family, of_known};
pub use family::Family;
pub use pieces::{Piece, pieces, static_text};
pub use prompt::{Parts, Reader, counted, of_version};
pub use template::{Messages, around};
