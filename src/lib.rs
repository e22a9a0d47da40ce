//! `llmc` compiles one spec of an LLM deployment into the files that other systems run.
//!
//! The folders are the pipeline, and data flows one way:
//!
//! | stage | takes | gives |
//! |---|---|---|
//! | [`source`] | text, KDL or YAML | a tree with a place for every key and value |
//! | [`spec`] | the tree | what the user wrote, as types; the JSON Schema comes from them |
//! | [`lock`] | `llmc.lock` | which versions of prompts were live, and what they were made of |
//! | [`resolve`] | the spec and the [`catalog`] | the [`stack`]: references bound, defaults filled |
//! | [`check`] | spec and stack | findings, one file for each rule |
//! | [`estimate`] | facts and settings | whether an engine starts and what one copy serves, with bounds |
//! | [`statistics`] | samples | distributions, tests and sample sizes |
//! | [`experiment`] | experiments, scores | who gets which arm, how many users it takes, what was found |
//! | [`fit`] | the stack | whether each model starts, held against its load |
//! | [`capacity`] | the stack, what fits | what reaches each model, and what one copy of it serves |
//! | [`cost`] | the stack, its capacities | the bill for a month, by model, route and request |
//! | [`emit`] | the stack, its [`engine`]s, its cost | files |
//! | [`pricing`] | a spec, before and after a change | what it costs, and which lines cause the difference |
//! | [`prompt`] | the stack | what each version of a prompt is on each route, how long, and what a request costs |
//! | [`plan`] | the tree that stands and the files | what would change, and what that means |
//! | [`policy`] | the stack, its objects, a plan | what Rego policies say of them |
//! | [`upgrade`] | a spec, a release of its engine | what changes, and the spec with its edits |
//! | [`deliver`] | files | a written tree, whole or not at all, here or as a pull request |
//!
//! Every stage reports [`diagnostic`]s and may ask [`syntax`] what Kubernetes accepts as a name, a
//! label or a quantity; [`compile`] runs them all; [`cli`] is the only code that reads arguments,
//! the environment or the clock, or prints.

#![cfg_attr(test, allow(clippy::expect_used, clippy::unwrap_used, clippy::panic))]

pub mod capacity;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod compile;
pub mod cost;
pub mod deliver;
pub mod diagnostic;
pub mod emit;
pub mod engine;
pub mod estimate;
pub mod experiment;
pub mod fit;
pub mod lock;
pub mod plan;
pub mod policy;
pub mod pricing;
pub mod prompt;
pub mod resolve;
pub mod source;
pub mod spec;
pub mod stack;
pub mod statistics;
pub mod syntax;
pub mod upgrade;
