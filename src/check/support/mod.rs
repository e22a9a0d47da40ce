//! What several rules share.

pub(super) mod indicators;
pub(super) mod load;
pub(super) mod names;
pub(super) mod placement;
pub(super) mod template;
