//! Groups of layers that share the pool of blocks (`v1/core/kv_cache_utils.py`, `get_kv_cache_groups`;
//! since 0.33.0 `v1/core/kv_cache_planning.py`).

use super::page::{Kind, Spec};
use super::rules::Rules;

/// Layers that have one block table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// The cache of its first layer; all of them need as many blocks.
    pub(super) spec: Spec,
    /// Stage and bytes of a block of each layer.
    pub(super) pages: Vec<(usize, u64)>,
}

/// Groups, and whether there is but one whose layers differ in size.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Groups {
    /// The groups.
    pub(super) groups: Vec<Group>,
    /// Whether layers of one group have pages of different sizes.
    pub(super) mixed: bool,
}

/// Windows and chunks beside full attention become full attention, where groups are off
/// (`unify_hybrid_kv_cache_specs`).
fn without_groups(caches: &[(usize, Spec)]) -> Vec<(usize, Spec)> {
    let full = caches.iter().any(|(_, spec)| spec.kind == Kind::Full);
    let widened = |spec: &Spec| if full && matches!(spec.kind, Kind::Window(_) | Kind::Chunk(_)) { Kind::Full } else { spec.kind };
    caches.iter().map(|(stage, spec)| (*stage, Spec { kind: widened(spec), ..*spec })).collect()
}

/// The groups of some layers.
///
/// # Errors
/// Why the version makes none, in words.
pub(super) fn groups(caches: &[(usize, Spec)], rules: Rules, version: &semver::Version) -> Result<Groups, String> {
    let chunks = caches.iter().any(|(_, spec)| matches!(spec.kind, Kind::Chunk(_)));
    let mut caches = if rules.has_groups(chunks) { caches.to_vec() } else { without_groups(caches) };
    let Some((_, first)) = caches.first().copied() else {
        return Err("a model without a cache".to_owned());
    };
    let equal = caches.iter().all(|(_, spec)| *spec == first);
    let one_type = caches.iter().all(|(_, spec)| spec.same_type(&first));
    let same_size = caches.iter().all(|(_, spec)| spec.page_bytes == first.page_bytes);
    if equal || (one_type && (same_size || rules.mixes_sizes())) {
        let pages = caches.iter().map(|(stage, spec)| (*stage, spec.page_bytes)).collect();
        return Ok(Groups { groups: vec![Group { spec: first, pages }], mixed: !equal });
    }
    if !rules.has_groups(chunks) {
        return Err(format!("layers of different kinds, which vLLM {version} cannot serve together"));
    }
    if !same_size {
        equalize(&mut caches, rules, version)?;
    }
    Ok(Groups { groups: split(&caches, rules), mixed: false })
}

/// Makes all pages as large as the largest.
fn equalize(caches: &mut [(usize, Spec)], rules: Rules, version: &semver::Version) -> Result<(), String> {
    if !rules.equalizes_pages() {
        return Err(format!("layers with caches of different sizes, which vLLM {version} cannot serve together"));
    }
    let largest = caches.iter().map(|(_, spec)| spec.page_bytes).max().unwrap_or(0);
    for (_, spec) in caches {
        if spec.page_bytes == largest {
            continue;
        }
        if spec.is_state() && rules.pads_state_pages() {
            spec.page_bytes = largest;
        } else if !spec.is_state() && spec.page_bytes > 0 && largest.is_multiple_of(spec.page_bytes) {
            *spec = spec.with_block(spec.block_tokens.saturating_mul(largest / spec.page_bytes))?;
        } else if !spec.is_state() && spec.kind != Kind::Mla && rules.pads_attention_pages() {
            spec.page_bytes = largest;
        } else {
            return Err(format!("layers whose caches vLLM {version} cannot bring to one size"));
        }
    }
    Ok(())
}

/// Splits each kind into groups of about the same number of layers
/// (`_get_kv_cache_groups_uniform_page_size`).
fn split(caches: &[(usize, Spec)], rules: Rules) -> Vec<Group> {
    let mut kinds: Vec<Group> = Vec::new();
    for (stage, spec) in caches {
        match kinds.iter_mut().find(|kind| kind.spec == *spec) {
            Some(kind) => kind.pages.push((*stage, spec.page_bytes)),
            None => kinds.push(Group { spec: *spec, pages: vec![(*stage, spec.page_bytes)] }),
        }
    }
    let fewest = kinds.iter().map(|kind| kind.pages.len()).min().unwrap_or(1).max(1);
    let most = kinds.iter().map(|kind| kind.pages.len()).max().unwrap_or(1);
    let close = rules.close_counts().is_some_and(|(over, under)| most as u64 * under < fewest as u64 * over);
    let size = if close { most } else { fewest };
    let mut groups = Vec::new();
    for kind in kinds {
        let count = kind.pages.len().div_ceil(size);
        for place in 0..count {
            // In turns, so that each stage has layers of every group; one after the other until 0.10.2.
            let pages = if rules.groups_whole_model() {
                kind.pages.iter().skip(place).step_by(count).copied().collect()
            } else {
                kind.pages.iter().skip(place * size).take(size).copied().collect()
            };
            groups.push(Group { spec: kind.spec, pages });
        }
    }
    groups
}
