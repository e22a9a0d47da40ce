//! What several rules share.

pub(super) mod placement;
