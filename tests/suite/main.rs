//! The integration tests, as one binary: the command as people run it, the rules one by one, the
//! real judges of its output, and input made to break it.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod accuracy;
mod analyze;
mod apply;
mod architecture;
mod budget;
mod checks;
mod ci;
mod cli;
mod cost;
mod crash;
mod design;
mod drift;
mod experiments;
mod fit;
mod flagd;
mod git;
#[cfg(feature = "github")]
mod github;
mod grafana;
mod guardrails;
mod harness;
mod hostile;
mod kubernetes;
mod lock;
mod markdown;
mod memory_cache;
mod model;
mod objects;
mod panels;
mod plan;
mod policy;
mod prices;
mod prometheus;
mod prompt;
mod properties;
#[cfg(feature = "github")]
mod pull_request;
mod readme;
mod rego;
mod releases;
mod secrets;
mod statistics;
mod throughput;
mod tokens;
mod traffic;
mod upgrade;
mod vllm;
