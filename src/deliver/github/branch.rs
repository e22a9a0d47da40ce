//! Whose a branch is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call::{Call, Failure, Method, Operation};
use super::object::is_oid;
use super::view::Head;
use super::{Connection, Fault, HumanCommit, Target};

/// Begins the line of a commit message that names the folder's tree that the commit leads to.
pub(super) const TRAILER: &str = "Llmc-Tree: ";

/// What the trailer says of a folder that is gone.
pub(super) const GONE: &str = "none";

/// Most commits of a branch that are looked at, in pages of 100.
const MOST_PAGES: usize = 5;

/// Commits of others that are named.
const MOST_NAMED: usize = 10;

/// A branch that llmc may change.
#[derive(Debug)]
pub(super) struct Ours {
    /// Tree of the folder at the branch's head.
    pub folder: Option<String>,
    /// Whether the folder at the base is still as it was where the branch left it.
    pub is_base_still: bool,
}

struct Commit {
    sha: String,
    author: String,
    summary: String,
    tree: Option<String>,
}

impl Connection {
    /// Finds out whether the branch at `head` holds only what llmc committed.
    ///
    /// It does if nothing but the folder differs from where it left the base, and the folder is the
    /// one that llmc's newest commit names. Merging the base into the branch keeps both true.
    ///
    /// # Errors
    /// [`Fault::HumanCommits`] if it does not.
    pub(super) fn inspect(&self, target: &Target, base: &str, head: &Head) -> Result<Ours, Failure> {
        let (fork, commits) = self.commits(target, base, &head.commit)?;
        let trees = self.trees(target, [&fork, &head.commit, base])?;
        let [at_fork, at_head, at_base] = &trees;
        let is_base_still = at_fork.folder == at_base.folder;
        // Nothing that the base does not hold can be lost.
        if commits.is_empty() {
            return Ok(Ours { folder: at_head.folder.clone(), is_base_still });
        }
        let newest = commits.iter().rposition(|commit| commit.tree.is_some());
        let named = newest.and_then(|at| commits[at].tree.as_deref());
        if named == Some(at_head.folder.as_deref().unwrap_or(GONE)) && at_fork.beside == at_head.beside {
            return Ok(Ours { folder: at_head.folder.clone(), is_base_still });
        }
        // After llmc's newest commit somebody else's must be; if none is, that one was amended.
        let after = newest.map_or(0, |at| if at + 1 == commits.len() { at } else { at + 1 });
        let ours = newest.filter(|at| *at < after).map(|at| commits[at].sha.clone());
        let of_commit = |c: &Commit| HumanCommit { sha: c.sha.clone(), author: c.author.clone(), summary: c.summary.clone() };
        let commits = commits[after..].iter().take(MOST_NAMED).map(of_commit).collect();
        Err(Fault::HumanCommits { branch: target.branch.clone(), commits, ours }.into())
    }

    /// Where the branch left the base, and its commits since, oldest first.
    fn commits(&self, target: &Target, base: &str, head: &str) -> Result<(String, Vec<Commit>), Failure> {
        let doing = format!("compare {} with its base", target.branch);
        let mut commits = Vec::new();
        for page in 1..=MOST_PAGES {
            let answer = self.call(&Call {
                doing: &doing,
                what: &format!("the branch {}", target.branch),
                needs: "contents: read",
                repeatable: true,
                method: Method::Get,
                path: self.path(&target.repository, &format!("/compare/{base}...{head}?per_page=100&page={page}")),
                body: Value::Null,
            });
            let answer = match answer {
                // The commits exist, so what is not there is one that both have.
                Err(Failure::Stop(Fault::NotFound { .. })) => {
                    let summary = "a history that shares nothing with the base".to_owned();
                    let commits = vec![HumanCommit { sha: head.to_owned(), author: "somebody".to_owned(), summary }];
                    return Err(Fault::HumanCommits { branch: target.branch.clone(), commits, ours: None }.into());
                }
                answer => answer?,
            };
            let fork = answer["merge_base_commit"]["sha"].as_str().filter(|sha| is_oid(sha));
            let (Some(fork), Some(total)) = (fork, answer["total_commits"].as_u64()) else {
                return Err(self.senseless(&doing, "it names no common commit"));
            };
            let before = commits.len();
            commits.extend(answer["commits"].as_array().into_iter().flatten().map(|commit| self.commit_of(commit)));
            if commits.len() as u64 >= total {
                return Ok((fork.to_owned(), commits));
            }
            if commits.len() == before {
                return Err(self.senseless(&doing, "it lacks commits"));
            }
        }
        Err(Fault::TooLarge(format!("`{}` has more than {} commits; delete it", target.branch, MOST_PAGES * 100)).into())
    }

    fn commit_of(&self, commit: &Value) -> Commit {
        let message = commit["commit"]["message"].as_str().unwrap_or_default();
        let author = commit["author"]["login"].as_str().or(commit["commit"]["author"]["name"].as_str());
        let tree = message.lines().rev().find_map(|line| line.strip_prefix(TRAILER)).map(|tree| tree.trim().to_owned());
        Commit {
            sha: commit["sha"].as_str().filter(|sha| is_oid(sha)).unwrap_or_default().to_owned(),
            author: self.clean(author.unwrap_or("somebody")),
            summary: self.clean(message.lines().next().unwrap_or_default()),
            tree,
        }
    }

    /// What each commit holds beside the folder, and the folder's tree.
    fn trees(&self, target: &Target, commits: [&str; 3]) -> Result<[Around; 3], Failure> {
        let levels = levels(&target.folder);
        let mut text = "query Trees($owner: String!, $name: String!) {\n  repository(owner: $owner, name: $name) {\n".to_owned();
        for (c, commit) in commits.iter().enumerate() {
            // What stands beside the folder at the base as it is now does not matter.
            let levels = levels.iter().filter(|_| c < 2);
            for (l, level) in levels.enumerate() {
                let expression = json!(format!("{commit}:{level}"));
                text += &format!("    c{c}l{l}: object(expression: {expression}) {{ ... on Tree {{ entries {{ name mode oid }} }} }}\n");
            }
            let expression = json!(format!("{commit}:{}", target.folder));
            text += &format!("    c{c}f: object(expression: {expression}) {{ oid }}\n");
        }
        text.push_str("  }\n}");
        let (owner, name) = target.repository.split_once('/').unwrap_or_default();
        let data = self.graphql(&Operation {
            doing: &format!("compare {} with its base", target.branch),
            what: &format!("the repository {}", target.repository),
            needs: "contents: read",
            repeatable: true,
            name: "Trees",
            text: &text,
            variables: json!({ "owner": owner, "name": name }),
        })?;
        let repository = &data["repository"];
        let parts: Vec<&str> = target.folder.split('/').collect();
        Ok([0, 1, 2].map(|c| {
            let beside = parts.iter().enumerate().map(|(l, inside)| beside(&repository[format!("c{c}l{l}").as_str()], inside)).collect();
            Around { folder: repository[format!("c{c}f").as_str()]["oid"].as_str().map(str::to_owned), beside }
        }))
    }
}

/// A commit as seen from the folder.
struct Around {
    folder: Option<String>,
    /// At each level from the root to the folder: name, mode and object of everything else.
    beside: Vec<BTreeSet<(String, u64, String)>>,
}

fn beside(tree: &Value, inside: &str) -> BTreeSet<(String, u64, String)> {
    let of_entry = |entry: &Value| Some((entry["name"].as_str()?.to_owned(), entry["mode"].as_u64()?, entry["oid"].as_str()?.to_owned()));
    tree["entries"].as_array().into_iter().flatten().filter_map(of_entry).filter(|(name, ..)| name != inside).collect()
}

/// The folders that hold `folder`, outermost first; the root is the empty path.
fn levels(folder: &str) -> Vec<&str> {
    std::iter::once("").chain(folder.match_indices('/').map(|(at, _)| &folder[..at])).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_folder_above_is_looked_at() {
        assert_eq!(super::levels("a/b/c"), ["", "a", "a/b"]);
        assert_eq!(super::levels("a"), [""]);
    }
}
