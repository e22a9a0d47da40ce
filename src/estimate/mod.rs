//! Pure functions that answer before anything runs, with units in their names and bounds on what is
//! not arithmetic.

pub mod memory;
pub mod throughput;
pub mod tokens;
