//! Distributions and tests that experiments are designed and judged with: numbers in, numbers out.
