//! The pull request of a branch.

use serde_json::{Value, json};

use super::call::{Call, Failure, Method};
use super::comment::MOST_BODY;
use super::propose::{Job, PullRequest};
use super::{Connection, Fault};

/// What the marker names instead of a plan once llmc closed the pull request itself.
const CLOSED: &str = "none";

/// A pull request as it is.
#[derive(Debug)]
pub(super) struct Pull {
    pub number: u64,
    pub url: String,
    pub is_open: bool,
    is_merged: bool,
    title: String,
    body: String,
    pub labels: Vec<String>,
}

impl Pull {
    /// Whether a person closed it, for the plan that is to be proposed.
    pub(super) fn is_refusal_of(&self, plan_sha256: &str) -> bool {
        !self.is_open && !self.is_merged && self.body.contains(&marker(plan_sha256))
    }
}

/// Hidden line of a body that says which plan it is about.
fn marker(plan_sha256: &str) -> String {
    format!("<!-- llmc-plan: {plan_sha256} -->")
}

impl Job<'_> {
    /// Body of the pull request, with its marker.
    fn body(&self) -> String {
        format!("{}\n\n{}\n", self.proposal.body.trim_end(), marker(&self.proposal.plan_sha256))
    }

    /// Refuses what GitHub would not take.
    pub(super) fn check_body(&self) -> Result<(), Fault> {
        let length = self.body().chars().count();
        if length > MOST_BODY {
            let message =
                format!("the body of the pull request has {length} characters; GitHub takes {MOST_BODY}: leave out whole resources");
            return Err(Fault::TooLarge(message));
        }
        Ok(())
    }

    fn pulls<'a>(&self, connection: &Connection, doing: &'a str, method: Method, rest: &str, body: Value) -> Call<'a> {
        Call {
            doing,
            what: "the pull request",
            needs: "pull_requests: write",
            repeatable: method != Method::Post,
            method,
            path: connection.path(&self.target.repository, rest),
            body,
        }
    }
}

impl Connection {
    /// The pull requests of the branch into the base, newest first, closed ones too.
    pub(super) fn pull_requests(&self, job: &Job<'_>) -> Result<Vec<Pull>, Failure> {
        let doing = "look for the pull request";
        let (branch, base) = (&job.target.branch, job.standing.base());
        let head = format!("{}:{}", job.target.owner(), escape(branch));
        let query = format!("/pulls?state=all&head={head}&base={}&sort=created&direction=desc&per_page=30", escape(base));
        let answer = self.call(&job.pulls(self, doing, Method::Get, &query, Value::Null))?;
        let pulls = answer.as_array().ok_or_else(|| self.senseless(doing, "it is no list"))?;
        // The server was asked for these only; one that ignores a filter must not lead to others.
        let is_ours = |pull: &&Value| pull["head"]["ref"] == branch.as_str() && pull["base"]["ref"] == base;
        pulls.iter().filter(is_ours).map(|pull| self.pull(doing, pull)).collect()
    }

    fn pull(&self, doing: &str, pull: &Value) -> Result<Pull, Failure> {
        let text = |field: &str| pull[field].as_str().unwrap_or_default().to_owned();
        let labels = pull["labels"].as_array().into_iter().flatten().filter_map(|label| label["name"].as_str());
        Ok(Pull {
            number: pull["number"].as_u64().ok_or_else(|| self.senseless(doing, "a pull request has no number"))?,
            url: self.clean(pull["html_url"].as_str().unwrap_or_default()),
            is_open: pull["state"] == "open",
            is_merged: pull["merged_at"].is_string(),
            title: text("title"),
            body: text("body").replace("\r\n", "\n"),
            labels: labels.map(str::to_owned).collect(),
        })
    }

    /// Opens the pull request.
    pub(super) fn open_pull_request(&self, job: &Job<'_>, warnings: &mut Vec<String>) -> Result<PullRequest, Failure> {
        let doing = "open the pull request";
        self.say(doing);
        let mut draft = job.proposal.draft;
        loop {
            let body = json!({
                "title": job.proposal.title,
                "head": job.target.branch,
                "base": job.standing.base(),
                "body": job.body(),
                "draft": draft,
            });
            let fault = match self.call(&job.pulls(self, doing, Method::Post, "/pulls", body)) {
                Ok(answer) => {
                    let pull = self.pull(doing, &answer)?;
                    return Ok(PullRequest { number: pull.number, url: pull.url, commit: None, warnings: Vec::new() });
                }
                Err(Failure::Stop(Fault::Refused { status: 422, message, .. })) if draft && message.contains("Draft pull requests") => {
                    warnings.push("this repository has no drafts, so the pull request is open for review".to_owned());
                    draft = false;
                    continue;
                }
                Err(Failure::Stop(fault)) => fault,
                Err(again) => return Err(again),
            };
            let Fault::Refused { message, .. } = &fault else { return Err(fault.into()) };
            // GitHub does not yet know the branch that was just made.
            if message.contains("Could not resolve to a node") {
                self.back_off(&message.clone()).map_err(|()| Failure::Stop(fault))?;
                continue;
            }
            // Another run was quicker, or the branch moved.
            let again = message.contains("already exists") || message.contains("No commits between") || message.contains("head invalid");
            return Err(if again { Failure::Again(fault) } else { Failure::Stop(fault) });
        }
    }

    /// Gives an open pull request its title and body; false when it has them.
    pub(super) fn describe(&self, job: &Job<'_>, pull: &Pull) -> Result<bool, Failure> {
        if pull.title == job.proposal.title && pull.body.trim_end() == job.body().trim_end() {
            return Ok(false);
        }
        let body = json!({ "title": job.proposal.title, "body": job.body() });
        let rest = format!("/pulls/{}", pull.number);
        self.call(&job.pulls(self, &format!("update pull request #{}", pull.number), Method::Patch, &rest, body))?;
        Ok(true)
    }

    /// Adds the labels that it lacks; false when it lacks none. A failure is a warning.
    pub(super) fn label(&self, job: &Job<'_>, number: u64, has: &[String], warnings: &mut Vec<String>) -> bool {
        let lacks = |label: &&String| !has.iter().any(|h| h.eq_ignore_ascii_case(label));
        let missing: Vec<&String> = job.proposal.labels.iter().filter(lacks).collect();
        if missing.is_empty() {
            return false;
        }
        let body = json!({ "labels": missing });
        self.attempt(job, "add the labels", &format!("/issues/{number}/labels"), body, warnings)
    }

    /// Asks for reviews. A failure is a warning.
    pub(super) fn ask_reviewers(&self, job: &Job<'_>, number: u64, warnings: &mut Vec<String>) {
        let (teams, people): (Vec<&String>, Vec<&String>) = job.proposal.reviewers.iter().partition(|reviewer| reviewer.contains('/'));
        if teams.is_empty() && people.is_empty() {
            return;
        }
        let slug = |team: &&String| team.rsplit('/').next().unwrap_or_default().to_owned();
        let body = json!({ "reviewers": people, "team_reviewers": teams.iter().map(slug).collect::<Vec<_>>() });
        self.attempt(job, "ask for the reviews", &format!("/pulls/{number}/requested_reviewers"), body, warnings);
    }

    /// Something that a pull request can do without.
    fn attempt(&self, job: &Job<'_>, doing: &str, rest: &str, body: Value, warnings: &mut Vec<String>) -> bool {
        // A label or a reviewer that is there already stays one.
        let call = Call { repeatable: true, ..job.pulls(self, doing, Method::Post, rest, body) };
        self.call(&call).map_err(|failure| warnings.push(failure.fault().to_string())).is_ok()
    }

    /// Closes a pull request whose difference is gone. It no longer names its plan, so that the same
    /// plan can be proposed again.
    pub(super) fn close(&self, job: &Job<'_>, pull: &Pull) -> Result<(), Failure> {
        let mut body = pull.body.clone();
        if let Some((start, end)) = body.find("<!-- llmc-plan: ").and_then(|at| Some((at, at + body[at..].find("-->")? + 3))) {
            body.replace_range(start..end, &marker(CLOSED));
        }
        self.say(&format!("closing pull request #{}: nothing is left to change", pull.number));
        let (doing, rest) = (format!("close pull request #{}", pull.number), format!("/pulls/{}", pull.number));
        self.call(&job.pulls(self, &doing, Method::Patch, &rest, json!({ "state": "closed", "body": body })))?;
        Ok(())
    }
}

/// Text in a query.
fn escape(text: &str) -> String {
    let of_byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(of_byte).collect()
}
