//! What Kubernetes accepts as a name, a label, a key or a quantity: pure functions over text.
//!
//! They follow the validation of Kubernetes 1.33 (`k8s.io/apimachinery`: `pkg/util/validation`,
//! `pkg/api/validation` and `pkg/api/resource`). Each returns the reason of its refusal in words
//! that read after the refused text: "`Web` may only have …".

mod dns;
mod labels;
mod quantity;

pub use dns::{is_dns_1035_label, is_dns_label, is_dns_subdomain, is_port_name};
pub use labels::{is_config_key, is_environment_name, is_label_value, label_key_fault};
pub use quantity::Quantity;

/// Refuses a text longer than `most` bytes.
fn at_most(text: &str, most: usize) -> Result<(), String> {
    if text.len() > most { Err(format!("has {} characters, and may have {most}", text.len())) } else { Ok(()) }
}

/// Refuses a text that has no character.
fn not_empty(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("is empty".into()) } else { Ok(()) }
}

/// Whether `text` begins and ends with one of `edge` and has only `inner` between.
fn is_framed(text: &str, edge: fn(&u8) -> bool, inner: fn(&u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(edge) && bytes.last().is_some_and(edge) && bytes.iter().all(inner)
}
