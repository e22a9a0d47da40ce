//! One comment for each tag of a pull request, never an older one over a newer.

use serde_json::{Value, json};

use super::call::{Call, Failure, Method, Operation};
use super::{Connection, Fault};

/// Most characters of a comment or of a pull request's body, after GitHub.
pub const MOST_BODY: usize = 65_536;

/// The hidden first line by which a comment is found again: its tag, and when what it says was true.
const START: &str = "<!-- llmc-comment tag=";
const MIDDLE: &str = " valid-at=";
const END: &str = " -->";

/// Most pages of 100 comments that are read.
const MOST_PAGES: usize = 100;

/// How often the comments are read.
const MOST_LOOKS: usize = 6;

const COMMENTS: &str = "query Comments($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(first: 100, after: $after) {
        nodes { id body url viewerDidAuthor }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}";

const UPDATE: &str = "mutation UpdateComment($id: ID!, $body: String!) {
  updateIssueComment(input: { id: $id, body: $body }) { issueComment { id } }
}";

const DELETE: &str = "mutation DeleteComment($id: ID!) {
  deleteIssueComment(input: { id: $id }) { clientMutationId }
}";

/// What became of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommentOutcome {
    /// It is new.
    Created {
        /// Where people see it.
        url: String,
    },
    /// It was there and says something else now.
    Updated {
        /// Where people see it.
        url: String,
    },
    /// It was there and says the same.
    Unchanged {
        /// Where people see it.
        url: String,
    },
    /// There is none, and none was to be made.
    NotNeeded,
    /// A newer one is there, which stays.
    NewerStands {
        /// Where people see it.
        url: String,
        /// Since when it holds, as RFC 3339.
        valid_at: String,
    },
}

struct Comment {
    id: String,
    body: String,
    url: String,
    /// When what it says was true; in UTC and so sortable as text.
    valid_at: String,
}

/// Whether this run made the comment.
enum Creation {
    Untried,
    /// The answer was lost.
    Unknown,
    /// It did; where people see it.
    Done(String),
}

struct Subject<'a> {
    repository: &'a str,
    number: u64,
    tag: &'a str,
    /// Whether a comment is made where there is none.
    create: bool,
}

impl Connection {
    /// Says `text`, which was true at `valid_at` (`2026-01-31T00:00:00Z`), in the one comment of llmc's that
    /// carries `tag`. Without `create`, a comment that is there is updated and none is made.
    ///
    /// # Errors
    /// When the text is too long, or the server refuses or cannot be reached.
    pub fn comment(
        &self,
        repository: &str,
        number: u64,
        tag: &str,
        valid_at: &str,
        text: &str,
        create: bool,
    ) -> Result<CommentOutcome, Fault> {
        super::check_repository(repository)?;
        if tag.is_empty() || !tag.chars().all(|c| c.is_ascii_alphanumeric() || "-._/".contains(c)) {
            return Err(Fault::Config("the tag of a comment is letters, digits, `-`, `.`, `_` and `/`".to_owned()));
        }
        if !is_time(valid_at) {
            return Err(Fault::Config("the time of a comment is in UTC, such as 2026-01-31T00:00:00Z".to_owned()));
        }
        let body = &format!("{START}{tag}{MIDDLE}{valid_at}{END}\n{text}");
        let length = body.chars().count();
        if length > MOST_BODY {
            let message = format!("the comment has {length} characters; GitHub takes {MOST_BODY}: leave out whole resources");
            return Err(Fault::TooLarge(message));
        }
        self.begin();
        let subject = Subject { repository, number, tag, create };
        let mut created = Creation::Untried;
        let mut last = String::new();
        for _ in 0..MOST_LOOKS {
            match self.comment_once(&subject, valid_at, body, &mut created) {
                Err(Failure::Again(fault)) => last = fault.to_string(),
                ended => return ended.map_err(Failure::fault),
            }
        }
        Err(Fault::Racing { branch: format!("pull request #{number}"), message: last })
    }

    fn comment_once(&self, subject: &Subject<'_>, valid_at: &str, body: &str, creation: &mut Creation) -> Result<CommentOutcome, Failure> {
        let mut ours = self.comments(subject)?;
        // The first of the newest: two runs that see the same comments keep the same one.
        ours.sort_by(|a, b| b.valid_at.cmp(&a.valid_at));
        let mut ours = ours.into_iter();
        let Some(newest) = ours.next() else {
            // One that was made and is not listed yet must not be made again.
            if let Creation::Done(url) = creation {
                return Ok(CommentOutcome::Created { url: url.clone() });
            }
            if !subject.create {
                return Ok(CommentOutcome::NotNeeded);
            }
            *creation = Creation::Unknown;
            *creation = Creation::Done(self.create(subject, body)?);
            // Another run may have made one at the same time: the next look keeps one of them.
            let message = "the comment that was made is looked for".to_owned();
            return Err(Failure::Again(Fault::Answer { doing: format!("comment on pull request #{}", subject.number), message }));
        };
        for double in ours {
            self.delete(subject, &double)?;
        }
        let url = newest.url;
        if newest.body.replace("\r\n", "\n").trim_end() == body.trim_end() {
            let is_old = matches!(creation, Creation::Untried);
            return Ok(if is_old { CommentOutcome::Unchanged { url } } else { CommentOutcome::Created { url } });
        }
        if newest.valid_at.as_str() > valid_at {
            return Ok(CommentOutcome::NewerStands { url, valid_at: newest.valid_at });
        }
        self.mutate(subject, "UpdateComment", UPDATE, json!({ "id": newest.id, "body": body }))?;
        Ok(CommentOutcome::Updated { url })
    }

    /// Makes the comment; gives its address.
    fn create(&self, subject: &Subject<'_>, body: &str) -> Result<String, Failure> {
        let answer = self.call(&Call {
            doing: &format!("comment on pull request #{}", subject.number),
            what: &format!("pull request #{} of {}", subject.number, subject.repository),
            needs: "pull_requests: write",
            repeatable: false,
            method: Method::Post,
            path: self.path(subject.repository, &format!("/issues/{}/comments", subject.number)),
            body: json!({ "body": body }),
        })?;
        Ok(self.clean(answer["html_url"].as_str().unwrap_or_default()))
    }

    /// The comments of llmc's with the tag, oldest first, without those of anybody else.
    fn comments(&self, subject: &Subject<'_>) -> Result<Vec<Comment>, Failure> {
        let (owner, name) = subject.repository.split_once('/').unwrap_or_default();
        let doing = format!("read the comments of pull request #{}", subject.number);
        let mut after = Value::Null;
        let mut comments = Vec::new();
        for _ in 0..MOST_PAGES {
            let data = self.graphql(&Operation {
                doing: &doing,
                what: &format!("pull request #{} of {}", subject.number, subject.repository),
                needs: "pull_requests: read",
                repeatable: true,
                name: "Comments",
                text: COMMENTS,
                variables: json!({ "owner": owner, "name": name, "number": subject.number, "after": after }),
            })?;
            let page = &data["repository"]["pullRequest"]["comments"];
            let nodes = page["nodes"].as_array().ok_or_else(|| self.senseless(&doing, "it holds no comments"))?;
            comments.extend(nodes.iter().filter_map(|node| {
                let body = node["body"].as_str().filter(|_| node["viewerDidAuthor"] == true)?;
                let valid_at = marked(body, subject.tag)?.to_owned();
                let (id, url) = (node["id"].as_str()?.to_owned(), self.clean(node["url"].as_str().unwrap_or_default()));
                Some(Comment { id, body: body.to_owned(), url, valid_at })
            }));
            if page["pageInfo"]["hasNextPage"] != true {
                return Ok(comments);
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        Err(Fault::TooLarge(format!("pull request #{} has more than {} comments", subject.number, MOST_PAGES * 100)).into())
    }

    fn delete(&self, subject: &Subject<'_>, comment: &Comment) -> Result<(), Failure> {
        match self.mutate(subject, "DeleteComment", DELETE, json!({ "id": comment.id })) {
            // Another run was quicker.
            Err(Failure::Stop(Fault::NotFound { .. })) => Ok(()),
            ended => ended,
        }
    }

    fn mutate(&self, subject: &Subject<'_>, name: &'static str, text: &str, variables: Value) -> Result<(), Failure> {
        self.graphql(&Operation {
            doing: &format!("change the comment on pull request #{}", subject.number),
            what: &format!("the comment on pull request #{}", subject.number),
            needs: "pull_requests: write",
            repeatable: true,
            name,
            text,
            variables,
        })?;
        Ok(())
    }
}

/// The time that a body with the marker of `tag` names.
fn marked<'a>(body: &'a str, tag: &str) -> Option<&'a str> {
    let line = body.lines().next()?.trim_end();
    let time = line.strip_prefix(START)?.strip_prefix(tag)?.strip_prefix(MIDDLE)?.strip_suffix(END)?;
    Some(time).filter(|time| is_time(time))
}

/// Whether `text` is a time in UTC in full seconds, so that the order of texts is the order of times.
fn is_time(text: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    let form = b"0000-00-00T00:00:00Z";
    text.len() == form.len() && text.bytes().zip(*form).all(fits)
}

#[cfg(test)]
mod tests {
    use super::marked;

    #[test]
    fn a_marker_is_the_whole_first_line() {
        let time = "2026-01-31T00:00:00Z";
        let body = format!("<!-- llmc-comment tag=a valid-at={time} -->\nplan");
        assert_eq!(marked(&body, "a"), Some(time));
        for other in ["b", "", "a valid-at=2026-01-31T00:00:00Z"] {
            assert_eq!(marked(&body, other), None);
        }
        assert_eq!(marked(&format!("x\n{body}"), "a"), None);
        assert_eq!(marked(&body.replace('Z', "+01:00"), "a"), None);
    }
}
