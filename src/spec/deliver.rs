//! Where the output goes, who relies on it, and what was decided to be let through.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who depends on a stack. Policies are strictest where people do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nobody but its developers.
    #[default]
    Development,
    /// Testers.
    Staging,
    /// Users.
    Production,
}

/// Where the compiled tree goes as a pull request.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-argument" = "to"))]
pub struct Deliver {
    /// What kind of server holds the repository. Its address and the token come from the
    /// environment, never from a spec: a spec is written by whoever opens a pull request.
    pub to: Forge,
    /// Owner and name of the repository. Default: the repository that the command runs in.
    #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$"))]
    pub repository: Option<String>,
    /// Branch that the pull request goes into. Default: the repository's default branch.
    #[schemars(regex(pattern = "^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$"))]
    pub base: Option<String>,
    /// Folder of the repository that `<stack>/` goes into. Default: `generated`.
    #[serde(default = "generated")]
    #[schemars(regex(pattern = "^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*){0,15}$"), length(max = 200))]
    pub path: String,
    /// Labels of the pull request. Default: none.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 50)))]
    pub labels: Vec<String>,
    /// Who is asked to review: a login, or `owner/team`. Default: nobody, so that the repository's
    /// own rules decide.
    #[serde(default)]
    #[schemars(length(max = 15), inner(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9._-]{1,100})?$")))]
    pub reviewers: Vec<String>,
    /// Open the pull request as a draft. Default: false.
    #[serde(default)]
    pub draft: bool,
}

fn generated() -> String {
    "generated".into()
}

/// A kind of server that holds repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Forge {
    /// GitHub, or GitHub Enterprise.
    Github,
}

/// A decision to let through what a policy refuses, until a day.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Waiver {
    /// Who answers for it.
    #[schemars(length(min = 1, max = 200))]
    pub owner: String,
    /// Why it is right for now.
    #[schemars(length(min = 1, max = 2000))]
    pub reason: String,
    /// Last day on which it holds, in UTC, as `2027-01-31`.
    #[schemars(regex(pattern = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"))]
    pub until: String,
}
