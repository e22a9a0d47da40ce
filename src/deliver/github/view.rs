//! One look at the branches that matter.

use serde_json::{Value, json};

use super::call::{Failure, Operation};
use super::object::is_oid;
use super::{Connection, Fault, Target};

/// A commit and its root tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub commit: String,
    pub tree: String,
}

/// A ref by its full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ref {
    pub name: String,
    pub commit: String,
}

/// What one look saw.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// GitHub's name for the repository, which `updateRefs` wants.
    pub repository: String,
    /// Name of the base branch.
    pub base: String,
    pub base_head: Head,
    /// Tree of the stack's folder at the base, if it is there.
    pub base_folder: Option<String>,
    /// Where llmc's branch stands, if it is there.
    pub branch: Option<Head>,
    /// Refs that runs left behind that were killed.
    pub stale: Vec<Ref>,
}

const LOOK: &str =
    "query Look($owner: String!, $name: String!, $base: String!, $baseFolder: String!, $branch: String!, $staging: String!) {
  repository(owner: $owner, name: $name) {
    id
    nameWithOwner
    isArchived
    defaultBranchRef { name target { ...Head } }
    base: ref(qualifiedName: $base) { name target { ...Head } }
    baseFolder: object(expression: $baseFolder) { __typename oid }
    branch: ref(qualifiedName: $branch) { target { ...Head } }
    staging: refs(refPrefix: $staging, first: 50) { nodes { name target { oid } } }
  }
}
fragment Head on GitObject { oid ... on Commit { tree { oid } } }";

impl Target {
    /// Full name of llmc's branch.
    pub(super) fn branch_ref(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    /// What the full names of the stack's staging branches begin with.
    pub(super) fn staging(&self) -> String {
        format!("refs/heads/llmc-staging/{}/", self.branch.replace('/', "-"))
    }
}

impl Connection {
    /// Looks at the base, the branch and what killed runs left, in one request.
    pub(super) fn look(&self, target: &Target) -> Result<View, Failure> {
        let doing = format!("read {}", target.repository);
        let (owner, name) = target.repository.split_once('/').unwrap_or_default();
        let base = target.base.as_ref().map_or_else(|| "HEAD".to_owned(), |base| format!("refs/heads/{base}"));
        let data = self.graphql(&Operation {
            doing: &doing,
            what: &format!("the repository {}", target.repository),
            needs: "contents: read",
            repeatable: true,
            name: "Look",
            text: LOOK,
            variables: json!({
                "owner": owner,
                "name": name,
                "baseFolder": format!("{base}:{}", target.folder),
                "base": base,
                "branch": target.branch_ref(),
                "staging": target.staging(),
            }),
        })?;
        let repository = &data["repository"];
        let (Some(id), Some(now)) = (repository["id"].as_str(), repository["nameWithOwner"].as_str()) else {
            return Err(Fault::NotFound { what: format!("the repository {}", target.repository), needs: "contents: read" }.into());
        };
        if !now.eq_ignore_ascii_case(&target.repository) {
            return Err(Fault::Moved { from: format!("the repository {}", target.repository), to: self.clean(now) }.into());
        }
        if repository["isArchived"] == true {
            return Err(Fault::Config(format!("{} is archived, so nothing can be proposed to it", target.repository)).into());
        }
        let base = if target.base.is_some() { &repository["base"] } else { &repository["defaultBranchRef"] };
        let (Some(name), Some(base_head)) = (base["name"].as_str(), head(&base["target"])) else {
            return Err(Fault::NoBase { repository: target.repository.clone(), base: target.base.clone() }.into());
        };
        if name == target.branch {
            return Err(Fault::Config(format!("`{name}` is the base; llmc's own branch must be another")).into());
        }
        let base_folder = match (repository["baseFolder"]["__typename"].as_str(), repository["baseFolder"]["oid"].as_str()) {
            (None, _) => None,
            (Some("Tree"), Some(oid)) if is_oid(oid) => Some(oid.to_owned()),
            _ => return Err(Fault::Foreign(vec![target.folder.clone()]).into()),
        };
        let of_staging = |node: &Value| {
            let commit = node["target"]["oid"].as_str().filter(|oid| is_oid(oid))?;
            Some(Ref { name: format!("{}{}", target.staging(), node["name"].as_str()?), commit: commit.to_owned() })
        };
        Ok(View {
            repository: id.to_owned(),
            base: name.to_owned(),
            base_head,
            base_folder,
            branch: head(&repository["branch"]["target"]),
            stale: repository["staging"]["nodes"].as_array().into_iter().flatten().filter_map(of_staging).collect(),
        })
    }
}

fn head(target: &Value) -> Option<Head> {
    let (commit, tree) = (target["oid"].as_str()?, target["tree"]["oid"].as_str()?);
    (is_oid(commit) && is_oid(tree)).then(|| Head { commit: commit.to_owned(), tree: tree.to_owned() })
}
