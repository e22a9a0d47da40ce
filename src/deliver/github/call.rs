//! One request with its retries, and what an answer means.

use std::time::{Duration, UNIX_EPOCH};

use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use super::{Connection, Fault};

/// Most bytes of an answer.
const MOST_ANSWER: usize = 64 << 20;

/// First wait before a retry; each one doubles, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Wait for a rate limit that does not say how long, after GitHub's documentation.
const LIMIT_WAIT: Duration = Duration::from_secs(60);

/// How a request ended that did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may have taken effect, or the state that it was made for is gone: look again.
    Again(Fault),
    /// It cannot succeed.
    Stop(Fault),
}

impl Failure {
    /// The fault, for an operation that does not look again.
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Again(fault) | Self::Stop(fault) => fault,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Stop(fault)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Patch,
}

/// A request.
pub(super) struct Call<'a> {
    /// What it is for; completes "cannot …".
    pub doing: &'a str,
    /// What is not there if it is not found.
    pub what: &'a str,
    /// The permission that it needs.
    pub needs: &'static str,
    /// Whether doing it twice is doing it once. If not, it is not sent again before another look.
    pub repeatable: bool,
    pub method: Method,
    pub path: String,
    pub body: Value,
}

/// A GraphQL operation.
pub(super) struct Operation<'a> {
    pub doing: &'a str,
    pub what: &'a str,
    pub needs: &'static str,
    pub repeatable: bool,
    pub name: &'static str,
    pub text: &'a str,
    pub variables: Value,
}

/// What was received.
struct Answer {
    status: u16,
    retry_after: Option<u64>,
    /// When the rate limit is renewed, in seconds since 1970, where it is used up.
    reset: Option<u64>,
    location: Option<String>,
    body: Value,
}

enum Verdict {
    /// It took no effect and may be sent again after this time.
    Wait(Duration, &'static str),
    /// Nobody knows whether it took effect.
    Unknown(String),
    /// It was made for a state that is gone.
    Stale(Fault),
    Stop(Fault),
}

impl Connection {
    /// Sends a REST request until it succeeds, fails for good or the time for retries is over.
    pub(super) fn call(&self, call: &Call<'_>) -> Result<Value, Failure> {
        self.insist(call, |answer| self.judge(call, answer))
    }

    /// As [`Self::call`], for GraphQL; gives the `data`.
    pub(super) fn graphql(&self, operation: &Operation<'_>) -> Result<Value, Failure> {
        let &Operation { doing, what, needs, repeatable, name, text, .. } = operation;
        let body = json!({ "operationName": name, "query": text, "variables": operation.variables });
        let call = Call { doing, what, needs, repeatable, method: Method::Post, path: self.address.graphql.clone(), body };
        self.insist(&call, |answer| self.judge(&call, answer).and_then(|body| self.judge_graphql(&call, body)))
    }

    /// Path of a REST request below the repository.
    pub(super) fn path(&self, repository: &str, rest: &str) -> String {
        format!("{}/repos/{repository}{rest}", self.address.prefix)
    }

    fn insist(&self, call: &Call<'_>, judge: impl Fn(Answer) -> Result<Value, Verdict>) -> Result<Value, Failure> {
        loop {
            let verdict = match self.send(call) {
                Ok(answer) => match judge(answer) {
                    Ok(value) => return Ok(value),
                    Err(verdict) => verdict,
                },
                Err(message) => Verdict::Unknown(message),
            };
            match verdict {
                Verdict::Wait(time, why) => self.wait(call.doing, time, why)?,
                Verdict::Unknown(message) => {
                    let message = self.clean(&message);
                    let fault = Fault::Unreachable { doing: call.doing.to_owned(), message: message.clone() };
                    self.back_off(&message).map_err(|()| Failure::Stop(fault.clone()))?;
                    if !call.repeatable {
                        return Err(Failure::Again(fault));
                    }
                }
                Verdict::Stale(fault) => return Err(Failure::Again(fault)),
                Verdict::Stop(fault) => return Err(Failure::Stop(fault)),
            }
        }
    }

    /// Waits as long as a rate limit asks, unless that is too long.
    fn wait(&self, doing: &str, time: Duration, why: &str) -> Result<(), Failure> {
        // The server names the time, which may be any number.
        if self.waited.get().saturating_add(time) > self.config.most_wait {
            return Err(Failure::Stop(Fault::RateLimited { doing: doing.to_owned(), seconds: time.as_secs() }));
        }
        self.sleep(time, why);
        Ok(())
    }

    /// Waits before another look, each time twice as long; fails once the time for that is over.
    pub(super) fn back_off(&self, why: &str) -> Result<(), ()> {
        let time = FIRST_WAIT.saturating_mul(1 << self.waits.get().min(16)).min(LONGEST_WAIT);
        if self.waited.get() + time > self.config.most_wait {
            return Err(());
        }
        self.sleep(time, why);
        Ok(())
    }

    fn sleep(&self, time: Duration, why: &str) {
        self.waited.set(self.waited.get() + time);
        self.waits.set(self.waits.get() + 1);
        self.say(&format!("waiting {} s: {why}", time.as_secs()));
        (self.config.sleep)(time);
    }

    fn send(&self, call: &Call<'_>) -> Result<Answer, String> {
        self.requests.set(self.requests.get() + 1);
        let exchange = async {
            let path = call.path.as_str();
            let response = match call.method {
                Method::Get => self.client._get(path).await,
                Method::Post => self.client._post(path, Some(&call.body)).await,
                Method::Patch => self.client._patch(path, Some(&call.body)).await,
            };
            let response = response.map_err(|error| chain(&error))?;
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            let number = |name: &str| header(name).and_then(|value| value.trim().parse().ok());
            let mut answer = Answer {
                status: response.status().as_u16(),
                retry_after: number("retry-after"),
                reset: number("x-ratelimit-reset").filter(|_| number("x-ratelimit-remaining") == Some(0)),
                location: header("location").map(str::to_owned),
                body: Value::Null,
            };
            let body = Limited::new(response.into_body(), MOST_ANSWER).collect().await;
            let body = body.map_err(|error| format!("the answer was cut off ({})", chain(error.as_ref())))?.to_bytes();
            match serde_json::from_slice(&body) {
                Ok(value) => answer.body = value,
                Err(_) if (200..300).contains(&answer.status) && !body.is_empty() => return Err("the answer is no JSON".to_owned()),
                Err(_) => {}
            }
            Ok(answer)
        };
        let limit = self.config.most_request;
        let late = |_| {
            self.waited.set(self.waited.get() + limit);
            format!("no answer within {} s", limit.as_secs_f32())
        };
        self.runtime.block_on(async { tokio::time::timeout(limit, exchange).await.map_err(late)? })
    }

    fn judge(&self, call: &Call<'_>, answer: Answer) -> Result<Value, Verdict> {
        let message = self.message(&answer.body);
        let doing = call.doing.to_owned();
        let is_limit = message.to_lowercase().contains("rate limit");
        Err(match answer.status {
            200..=299 => return Ok(answer.body),
            301 | 302 | 307 | 308 => {
                let to = self.clean(&answer.location.unwrap_or_else(|| "a place that it does not name".to_owned()));
                Verdict::Stop(Fault::Moved { from: call.what.to_owned(), to })
            }
            401 => Verdict::Stop(Fault::Token(message)),
            403 | 429 if answer.status == 429 || answer.retry_after.is_some() || answer.reset.is_some() || is_limit => {
                let now = (self.config.now)().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                // The limit is renewed within the second that it names.
                let until = answer.reset.map(|reset| Duration::from_secs(reset.saturating_sub(now).saturating_add(1)));
                let time = answer.retry_after.map(Duration::from_secs).or(until).unwrap_or(LIMIT_WAIT).max(FIRST_WAIT);
                Verdict::Wait(time, "GitHub's rate limit")
            }
            403 => Verdict::Stop(Fault::Forbidden { doing, needs: call.needs, message }),
            404 => Verdict::Stop(Fault::NotFound { what: call.what.to_owned(), needs: call.needs }),
            500.. => Verdict::Unknown(format!("GitHub answers {}", answer.status)),
            status => Verdict::Stop(Fault::Refused { doing, status, message }),
        })
    }

    /// GraphQL reports errors inside an answer with status 200.
    fn judge_graphql(&self, call: &Call<'_>, body: Value) -> Result<Value, Verdict> {
        let doing = call.doing.to_owned();
        let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(error) = errors.first() else {
            return match body {
                Value::Object(mut body) if body.get("data").is_some_and(Value::is_object) => Ok(body["data"].take()),
                _ => Err(Verdict::Unknown("the answer holds no data".to_owned())),
            };
        };
        let message = self.message(&body);
        Err(match error["type"].as_str() {
            Some("NOT_FOUND") => Verdict::Stop(Fault::NotFound { what: call.what.to_owned(), needs: call.needs }),
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => Verdict::Stop(Fault::Forbidden { doing, needs: call.needs, message }),
            Some("RATE_LIMITED" | "RATE_LIMIT") => Verdict::Wait(LIMIT_WAIT, "GitHub's rate limit"),
            Some("STALE_DATA") => Verdict::Stale(Fault::Refused { doing, status: 200, message }),
            // GitHub gives a fault of its own no type.
            None if message.contains("Something went wrong") || message.contains("timeout") => Verdict::Unknown(message),
            _ => Verdict::Stop(Fault::Refused { doing, status: 200, message }),
        })
    }

    /// GitHub's words in a refusal, of REST or of GraphQL.
    fn message(&self, body: &Value) -> String {
        let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_error = |error: &Value| {
            let message = error.as_str().or(error["message"].as_str()).map(str::to_owned);
            let field = || Some(format!("{} {}", error["field"].as_str()?, error["code"].as_str()?));
            message.or_else(field)
        };
        let parts: Vec<String> =
            body["message"].as_str().map(str::to_owned).into_iter().chain(errors.iter().filter_map(of_error)).collect();
        if parts.is_empty() { "without a reason".to_owned() } else { self.clean(&parts.join("; ")) }
    }

    /// A fault for an answer that lacks what it must have.
    pub(super) fn senseless(&self, doing: &str, message: &str) -> Failure {
        Failure::Stop(Fault::Answer { doing: doing.to_owned(), message: self.clean(message) })
    }
}

/// An error with its causes, outermost first, each once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        // Only the first line: some errors carry a backtrace.
        let text = error.to_string().lines().next().unwrap_or_default().to_owned();
        if !text.is_empty() && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}
