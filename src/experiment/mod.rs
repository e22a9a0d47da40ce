//! Experiments: who gets which arm, how many users show an effect, and what the scores say.

pub mod assign;
