//! Commits through the API, so that GitHub signs them, and moves of branches with a lease.

use serde_json::{Value, json};

use super::branch::{GONE, TRAILER};
use super::call::{Call, Failure, Method, Operation};
use super::object::{Listing, PLAIN, base64, is_oid, tree_oid};
use super::propose::Job;
use super::view::{Head, Ref, View};
use super::{Connection, Fault};
use crate::deliver::is_below;

/// Most bytes of contents in one `createCommitOnBranch`, before base64 makes them a third longer.
const MOST_BYTES: usize = 15_000_000;

/// Most bytes of contents and most files in one REST tree.
const TREE_BYTES: usize = 10_000_000;
const TREE_FILES: usize = 1_000;

/// Name of no commit: a ref that goes to it is deleted.
const NOWHERE: &str = "0000000000000000000000000000000000000000";

const COMMIT: &str = "mutation Commit($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}";

const UPDATE_REFS: &str = "mutation UpdateRefs($input: UpdateRefsInput!) {
  updateRefs(input: $input) { clientMutationId }
}";

/// A move of a ref, which only happens if it still is at `from`.
pub(super) struct Move<'a> {
    pub name: &'a str,
    pub from: &'a str,
    /// None to delete it.
    pub to: Option<&'a str>,
}

/// What a commit changes.
struct Changes<'a> {
    additions: Vec<(&'a str, &'a str)>,
    deletions: Vec<&'a str>,
    /// Whether `createCommitOnBranch` can do it: it writes plain files only, and takes so many bytes.
    is_simple: bool,
}

impl<'a> Changes<'a> {
    /// What makes `wanted` of `from`; none when it needs a content that the files of `job` lack.
    fn new(job: &Job<'a>, from: &'a Listing, wanted: &'a Listing) -> Option<Self> {
        let mut additions = Vec::new();
        let differs = |(path, entry): &(&String, &super::object::Entry)| from.get(*path) != Some(*entry);
        for (path, _) in wanted.iter().filter(differs) {
            additions.push((path.as_str(), job.files.get(path)?));
        }
        let deletions: Vec<&str> = from.keys().filter(|path| !wanted.contains_key(*path)).map(String::as_str).collect();
        let bytes: usize = additions.iter().map(|(_, text)| text.len()).sum();
        let is_plain = |(path, _): &(&str, &str)| from.get(*path).is_none_or(|entry| entry.mode == PLAIN);
        let turns = |path: &str| additions.iter().any(|(added, _)| is_below(added, path) || is_below(path, added));
        let is_simple = bytes <= MOST_BYTES && additions.iter().all(is_plain) && !deletions.iter().any(|path| turns(path));
        Some(Self { additions, deletions, is_simple })
    }
}

impl Connection {
    /// Makes the branch, at the base.
    pub(super) fn create_ref(&self, job: &Job<'_>, name: &str, commit: &str) -> Result<(), Failure> {
        let answer = self.call(&Call {
            doing: &format!("create {name}"),
            what: &format!("the repository {}", job.target.repository),
            needs: "contents: write",
            repeatable: false,
            method: Method::Post,
            path: self.path(&job.target.repository, "/git/refs"),
            body: json!({ "ref": name, "sha": commit }),
        });
        match answer {
            Ok(_) => Ok(()),
            // Another run may have made it.
            Err(Failure::Stop(fault @ Fault::Refused { .. })) => Err(Failure::Again(fault)),
            Err(failure) => Err(failure),
        }
    }

    /// Commits what makes `wanted` of `from` to the branch at `head`. False when the files do not
    /// suffice for that, because the branch lacks something that the base has.
    pub(super) fn append(
        &self,
        job: &Job<'_>,
        view: &View,
        head: &Head,
        from: &Listing,
        wanted: &Listing,
    ) -> Result<Option<String>, Failure> {
        let Some(changes) = Changes::new(job, from, wanted) else { return Ok(None) };
        if changes.is_simple {
            return self.commit(job, &job.target.branch, &head.commit, &changes, wanted).map(Some);
        }
        let commit = self.commit_by_trees(job, head, &changes, wanted)?;
        let name = job.target.branch_ref();
        self.move_refs(job, view, &[Move { name: &name, from: &head.commit, to: Some(&commit) }])?;
        Ok(Some(commit))
    }

    /// Makes the branch one commit on the base, in the place of what llmc committed at `head`.
    pub(super) fn rebuild(&self, job: &Job<'_>, view: &View, head: &Head, wanted: &Listing) -> Result<String, Failure> {
        let standing = job.standing;
        let base = &standing.view.base_head;
        let name = job.target.branch_ref();
        let Some(changes) = Changes::new(job, &standing.listing, wanted) else {
            return Err(self.senseless("commit", "the folder lists what was not read"));
        };
        if !changes.is_simple {
            let commit = self.commit_by_trees(job, base, &changes, wanted)?;
            self.move_refs(job, view, &[Move { name: &name, from: &head.commit, to: Some(&commit) }])?;
            return Ok(commit);
        }
        let digest = tree_oid(wanted).ok().flatten().unwrap_or_default();
        let staging = format!("{}{:.12}", job.target.staging(), digest);
        self.create_ref(job, &staging, &base.commit)?;
        let branch = staging.trim_start_matches("refs/heads/");
        let commit = self.commit(job, branch, &base.commit, &changes, wanted)?;
        let moves = [Move { name: &name, from: &head.commit, to: Some(&commit) }, Move { name: &staging, from: &commit, to: None }];
        self.move_refs(job, view, &moves)?;
        Ok(commit)
    }

    /// Removes what killed runs left.
    pub(super) fn sweep(&self, job: &Job<'_>, view: &View, stale: &[Ref]) -> Result<(), Failure> {
        let moves: Vec<_> = stale.iter().map(|stale| Move { name: &stale.name, from: &stale.commit, to: None }).collect();
        self.move_refs(job, view, &moves)
    }

    /// Moves all of the refs, or none.
    pub(super) fn move_refs(&self, job: &Job<'_>, view: &View, moves: &[Move<'_>]) -> Result<(), Failure> {
        // The lease makes the force safe: what is replaced is what was looked at.
        let of_move = |m: &Move<'_>| json!({ "name": m.name, "beforeOid": m.from, "afterOid": m.to.unwrap_or(NOWHERE), "force": true });
        let updates: Vec<Value> = moves.iter().map(of_move).collect();
        let answer = self.graphql(&Operation {
            doing: &format!("move {}", job.target.branch),
            what: &format!("the branch {}", job.target.branch),
            needs: "contents: write",
            repeatable: false,
            name: "UpdateRefs",
            text: UPDATE_REFS,
            variables: json!({ "input": { "repositoryId": view.repository, "refUpdates": updates } }),
        });
        match answer {
            Ok(_) => Ok(()),
            // One of them has moved, or is gone.
            Err(Failure::Stop(fault @ (Fault::Refused { .. } | Fault::NotFound { .. }))) => Err(Failure::Again(fault)),
            Err(failure) => Err(failure),
        }
    }

    fn commit(&self, job: &Job<'_>, branch: &str, head: &str, changes: &Changes<'_>, wanted: &Listing) -> Result<String, Failure> {
        let (headline, body) = job.message(wanted);
        let doing = format!("commit {} files to {branch}", changes.additions.len() + changes.deletions.len());
        self.say(&doing);
        let path = |path: &str| format!("{}/{path}", job.target.folder);
        let additions = changes.additions.iter().map(|(p, text)| json!({ "path": path(p), "contents": base64(text.as_bytes()) }));
        let data = self.graphql(&Operation {
            doing: &doing,
            what: &format!("the branch {branch}"),
            needs: "contents: write",
            repeatable: false,
            name: "Commit",
            text: COMMIT,
            variables: json!({ "input": {
                "branch": { "repositoryNameWithOwner": job.target.repository, "branchName": branch },
                "message": { "headline": headline, "body": body },
                "expectedHeadOid": head,
                "fileChanges": {
                    "additions": additions.collect::<Vec<_>>(),
                    "deletions": changes.deletions.iter().map(|p| json!({ "path": path(p) })).collect::<Vec<_>>(),
                },
            } }),
        });
        let data = match data {
            // A branch that was deleted under the commit.
            Err(Failure::Stop(fault @ Fault::NotFound { .. })) => return Err(Failure::Again(fault)),
            data => data?,
        };
        self.oid(&doing, &data["createCommitOnBranch"]["commit"]["oid"])
    }

    /// Commits through REST, where a file is more than plain or there is too much for one mutation.
    /// GitHub signs these for an App only.
    fn commit_by_trees(&self, job: &Job<'_>, head: &Head, changes: &Changes<'_>, wanted: &Listing) -> Result<String, Failure> {
        let doing = format!("commit {} files to {}", changes.additions.len() + changes.deletions.len(), job.target.branch);
        self.say(&doing);
        let path = |path: &str| format!("{}/{path}", job.target.folder);
        // Deletions first, so that a folder can take the place of a file.
        let deletions: Vec<Value> =
            changes.deletions.iter().map(|p| json!({ "path": path(p), "mode": PLAIN, "type": "blob", "sha": null })).collect();
        let mut chunks: Vec<Vec<Value>> = deletions.chunks(TREE_FILES).map(<[Value]>::to_vec).collect();
        let mut bytes = usize::MAX;
        for (p, text) in &changes.additions {
            if bytes.saturating_add(text.len()) > TREE_BYTES || chunks.last().is_none_or(|chunk| chunk.len() >= TREE_FILES) {
                chunks.push(Vec::new());
                bytes = 0;
            }
            bytes += text.len();
            let entry = json!({ "path": path(p), "mode": PLAIN, "type": "blob", "content": text });
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(entry);
            }
        }
        let post = |what: &str, rest: &str, body: Value| {
            let answer = self.call(&Call {
                doing: &doing,
                what,
                needs: "contents: write",
                // An object that is made twice is one object.
                repeatable: true,
                method: Method::Post,
                path: self.path(&job.target.repository, rest),
                body,
            })?;
            self.oid(&doing, &answer["sha"])
        };
        let mut tree = head.tree.clone();
        for chunk in chunks {
            tree = post("the base tree", "/git/trees", json!({ "base_tree": tree, "tree": chunk }))?;
        }
        let (headline, body) = job.message(wanted);
        let commit = json!({ "message": format!("{headline}\n\n{body}"), "tree": tree, "parents": [head.commit] });
        post("the tree", "/git/commits", commit)
    }

    fn oid(&self, doing: &str, value: &Value) -> Result<String, Failure> {
        let oid = value.as_str().filter(|oid| is_oid(oid));
        oid.map(str::to_owned).ok_or_else(|| self.senseless(doing, "it names no object"))
    }
}

impl Job<'_> {
    /// Headline and body of a commit that leads to `wanted`.
    fn message(&self, wanted: &Listing) -> (String, String) {
        let tree = tree_oid(wanted).ok().flatten();
        let body = format!("Llmc-Plan: {}\n{TRAILER}{}\n", self.proposal.plan_sha256, tree.as_deref().unwrap_or(GONE));
        (self.proposal.title.clone(), body)
    }
}
