//! Pull requests and comments through the command line, against the fake GitHub: what a person or a
//! job of CI types, and what then stands in the repository.

mod comment;
mod flow;
mod killed;
mod refusals;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::github::{Fake, TOKEN};
use crate::harness::{Run, edit, llmc_with, repository};

/// The repository that the stacks lie in.
pub const SHOP: &str = "acme/shop";

/// A repository on this machine, and the GitHub that it is delivered to.
pub struct Scratch {
    pub fake: Fake,
    pub folder: tempfile::TempDir,
}

impl Scratch {
    /// Stacks as `llmc init` writes them, and nothing of them at GitHub.
    pub fn of(names: &[&str]) -> Self {
        let scratch = Self { fake: Fake::start(), folder: repository(names) };
        scratch.fake.load(SHOP, &[("README.md".to_owned(), "# shop\n".to_owned())].into());
        scratch
    }

    /// As [`Self::of`], with the compiled trees merged at GitHub.
    pub fn merged(names: &[&str]) -> Self {
        let scratch = Self::of(names);
        scratch.is_ok(&["apply", "--pr"]);
        for name in names {
            scratch.fake.merge(SHOP, &format!("llmc/{name}"), "main", false);
        }
        scratch.is_ok(&["apply", "--pr"]);
        scratch.fake.log();
        scratch
    }

    pub fn spec(&self, name: &str) -> PathBuf {
        self.folder.path().join("stacks").join(name).join("stack.kdl")
    }

    pub fn edit(&self, name: &str, from: &str, to: &str) {
        edit(&self.spec(name), from, to);
    }

    pub fn environment(&self) -> Vec<(&str, &str)> {
        vec![("GITHUB_TOKEN", TOKEN), ("GITHUB_API_URL", &self.fake.url), ("GITHUB_REPOSITORY", SHOP)]
    }

    /// Runs `llmc`; the token is in nothing that it says.
    pub fn run(&self, args: &[&str]) -> Run {
        let run = llmc_with(self.folder.path(), args, &self.environment());
        assert!(!run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN), "{run:?}");
        run
    }

    /// As [`Self::run`], which must end well; gives what is printed.
    #[track_caller]
    pub fn is_ok(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!(run.code, 0, "{args:?}\n{}\n{}", run.stdout, run.stderr);
        run.stdout
    }

    /// As [`Self::run`], which must fail; gives what is said.
    #[track_caller]
    pub fn fails(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!(run.code, 1, "{args:?}\n{}\n{}", run.stdout, run.stderr);
        run.stdout + &run.stderr
    }

    /// The pull requests of `repository`, oldest first, after a look at everything that it stores.
    pub fn pulls(&self, repository: &str) -> Vec<Value> {
        let state = self.fake.state(repository);
        assert!(!state.to_string().contains(TOKEN), "the token is stored");
        state["pulls"].as_array().expect("a list").clone()
    }

    /// Branches of the open ones, by name.
    pub fn open(&self, repository: &str) -> Vec<String> {
        let pulls = self.pulls(repository);
        let open = pulls.iter().filter(|pull| pull["state"] == "open");
        let mut branches: Vec<String> = open.map(|pull| pull["head"].as_str().expect("a branch").to_owned()).collect();
        branches.sort();
        branches
    }

    /// Paths and contents on a branch.
    pub fn files(&self, repository: &str, branch: &str) -> BTreeMap<String, String> {
        let state = self.fake.state(repository);
        let files = state["branches"][branch]["files"].as_object().unwrap_or_else(|| panic!("no branch {branch}"));
        files.iter().map(|(path, text)| (path.clone(), text.as_str().unwrap_or_default().to_owned())).collect()
    }

    /// Requests that change something, since the last look.
    pub fn writes(&self) -> Vec<String> {
        let reads = ["graphql Look", "graphql Contents", "graphql Trees", "graphql Comments"];
        self.fake.log().into_iter().filter(|request| !request.starts_with("GET ") && !reads.contains(&request.as_str())).collect()
    }
}
