//! Tokens of a version of a prompt on a route.

use crate::catalog::{Counts, Tokenizer, TokenizerFault};
use crate::lock::Counted;
use crate::stack::{PromptVersion, Route, Stack, Target};

use super::estimate::{BASIS, o200k, of_base, of_known};
use super::known::known;
use super::{Count, Family, Messages, around, static_text};

/// What counts are remembered by where o200k counted.
const O200K: &str = "o200k";

/// What reads a prompt, as far as its tokens go.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Its vocabulary.
    pub family: Family,
    /// Its own tokenizer, where the spec names one.
    pub tokenizer: Option<&'a Tokenizer>,
    /// What was counted before in the same stack.
    pub counts: &'a Counts,
}

/// Tokens of what a version's templates say by themselves, without variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Of the system message; none without one.
    pub system: Count,
    /// Of the user message without its variables.
    pub user: Count,
    /// Of the chat template around them.
    pub template: Count,
    /// `tokenizer:<sha256>` of the model's own, `tokenizer:o200k`, else `estimate:<basis>:<family>`.
    pub by: String,
    /// Why the model's own tokenizer did not count, where the spec names one.
    pub fault: Option<TokenizerFault>,
}

impl Parts {
    /// All together.
    pub fn total(&self) -> Count {
        self.system.plus(self.user).plus(self.template)
    }

    /// What `llmc.lock` keeps of them.
    pub fn counted(&self) -> Counted {
        let [system, user, template] = [self.system, self.user, self.template].map(|count| count.expected);
        Counted { system, user, template, by: self.by.clone() }
    }
}

impl<'a> Reader<'a> {
    /// What `target` reads with.
    pub fn of_target(stack: &'a Stack, target: &Target) -> Self {
        let tokenizer = match target {
            Target::Model(name) => stack.tokenizers.get(name),
            Target::External(_) => None,
        };
        Self { family: Family::of_target(stack, target), tokenizer, counts: &stack.counts }
    }

    /// What nobody knows anything of reads with.
    pub fn unknown(stack: &'a Stack) -> Self {
        Self { family: Family::Unknown, tokenizer: None, counts: &stack.counts }
    }

    /// Tokens of `text`: with the model's own tokenizer, else as [`of_family`](super::of_family) says, and why not
    /// with its own. The first call may take seconds, and one for a text that was counted before is free.
    pub fn count(&self, text: &str) -> (Count, Option<TokenizerFault>) {
        match self.tokenizer.map(|tokenizer| self.counts.of(tokenizer.sha256(), text, || tokenizer.count(text))) {
            Some(Ok(tokens)) => (Count::exact(tokens), None),
            Some(Err(fault)) => (self.estimate(text), Some(fault)),
            None => (self.estimate(text), None),
        }
    }

    fn estimate(&self, text: &str) -> Count {
        let base = self.counts.of(O200K, text, || Ok(o200k(text)));
        of_base(self.family, text, base.unwrap_or_else(|_| o200k(text)))
    }

    /// The same of each of `texts`, together.
    pub fn count_all<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> (Count, Option<TokenizerFault>) {
        texts.into_iter().fold((Count::NONE, None), |(sum, fault), text| {
            let (count, other) = self.count(text);
            (sum.plus(count), fault.or(other))
        })
    }

    /// What `llmc.lock` calls what counts, where nothing goes wrong.
    pub fn by(&self) -> String {
        match self.tokenizer {
            Some(tokenizer) => format!("tokenizer:{}", tokenizer.sha256()),
            None => self.estimated_by(),
        }
    }

    fn estimated_by(&self) -> String {
        match self.family {
            Family::O200k => "tokenizer:o200k".to_owned(),
            family => format!("estimate:{BASIS}:{}", family.name()),
        }
    }

    /// Tokens of `version` by itself. `known` is what was counted before of these very templates, and costs nothing
    /// where the same counts now.
    pub fn parts(&self, version: &PromptVersion, known: Option<&Counted>) -> Parts {
        let messages = if version.system.is_some() { Messages::SystemAndUser } else { Messages::User };
        let template = around(self.family, messages);
        let system = version.system.as_ref().map(|text| static_text(&text.text)).unwrap_or_default();
        let user = static_text(&version.user.text);
        if let Some(known) = known.filter(|known| known.by == self.by()) {
            let of = |texts: &[&str], tokens: u64| match self.tokenizer {
                Some(_) => Count::exact(tokens),
                None => of_known(self.family, &texts.concat(), tokens),
            };
            return Parts { system: of(&system, known.system), user: of(&user, known.user), template, by: known.by.clone(), fault: None };
        }
        let (system, of_system) = self.count_all(system);
        let (user, of_user) = self.count_all(user);
        let fault = of_system.or(of_user);
        let by = if fault.is_some() { self.estimated_by() } else { self.by() };
        Parts { system, user, template, by, fault }
    }
}

/// Tokens of the version `name` of `prompt` for the model that answers it on `route`; none where the stack does not
/// have them. A vocabulary is loaded only where `llmc.lock` does not know these very templates.
pub fn of_version(stack: &Stack, prompt: &str, name: &str, route: &Route) -> Option<Parts> {
    let target = route.answers.get(name).map_or(&route.target, |answer| &answer.target);
    of_version_for(stack, prompt, name, route, target)
}

/// The same for `target`, such as a tier of the route.
pub fn of_version_for(stack: &Stack, prompt: &str, name: &str, route: &Route, target: &Target) -> Option<Parts> {
    let version = stack.prompts.get(prompt)?.versions.get(name)?;
    Some(Reader::of_target(stack, target).parts(version, known(stack, prompt, name, version, &route.name)))
}

/// Whether [`of_version_for`] would load nothing.
pub fn is_known(stack: &Stack, prompt: &str, name: &str, route: &Route, target: &Target) -> bool {
    let version = stack.prompts.get(prompt).and_then(|prompt| prompt.versions.get(name));
    let known = version.and_then(|version| known(stack, prompt, name, version, &route.name));
    known.is_some_and(|known| known.by == Reader::of_target(stack, target).by())
}

/// What `llmc.lock` keeps of these tokens, by the names of all three.
pub fn counted(stack: &Stack, prompt: &str, version: &str, route: &str) -> Option<Counted> {
    let route = stack.routes.get(route)?;
    of_version(stack, prompt, version, route).map(|parts| parts.counted())
}

#[cfg(test)]
mod tests {
    use super::{Count, O200K, Reader};
    use crate::catalog::{Counts, Tokenizer, TokenizerFault};
    use crate::estimate::tokens::Family;
    use crate::spec;

    /// What no vocabulary says can only come out of what was counted before.
    #[test]
    fn what_was_counted_is_not_counted_again() {
        let counts = Counts::default();
        let stated = spec::Tokenizer { file: "t.json".to_owned(), sha256: "0".repeat(64) };
        let tokenizer = Tokenizer::new(stated, || Err(TokenizerFault::Missing));
        assert_eq!(counts.of(O200K, "Hello.", || Ok(4711)), Ok(4711));
        assert_eq!(counts.of(tokenizer.sha256(), "Hello.", || Ok(815)), Ok(815));
        let estimates = Reader { family: Family::O200k, tokenizer: None, counts: &counts };
        let own = Reader { tokenizer: Some(&tokenizer), ..estimates };
        assert_eq!(estimates.count("Hello."), (Count::exact(4711), None));
        assert_eq!(own.count("Hello."), (Count::exact(815), None));
        // Another text is counted: the file is missing.
        assert_eq!(own.count("Hello").1, Some(TokenizerFault::Missing));
    }
}
