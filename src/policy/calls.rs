//! Whether every call and every name of the policies leads somewhere, and ends.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::BUILTINS;

use super::inspect::{Declared, Facts, Name};
use super::message::Texts;
use crate::diagnostic::{Finding, did_you_mean};

/// Documents that llmc gives beside the packages: the stack that stands, and the new one.
pub(super) const DOCUMENTS: [&str; 2] = ["base", "head"];
/// Most rules that may need one another in a row, so that the engine's stack suffices.
const MOST_IN_A_ROW: usize = 64;
/// Functions of Rego whose answer depends on more than the input.
const IMPURE: [&str; 5] = ["http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "uuid.rfc4122"];

type Path = Vec<String>;

/// What is wrong with the names in `files`.
pub(super) fn check(files: &[Facts], texts: &Texts) -> Vec<Finding> {
    let known = Known::of(files);
    let mut faults = Vec::new();
    for file in files {
        for (alias, import) in &file.imports {
            let fault = known.dangling(&import.words);
            faults.extend(fault.map(|fault| texts.fault(&file.path, import.range.clone(), fault.0, fault.1)));
            // The engine knows the imports of a package, not those of a file.
            let mut siblings = files.iter().filter(|other| other.package == file.package);
            let means_more = siblings.any(|other| {
                let other_import = other.imports.iter().any(|(name, target)| name == alias && target.words != import.words);
                other_import || other.rules.iter().any(|rule| rule.name == *alias)
            });
            if means_more && import.words.first().is_some_and(|word| word == "data") {
                let message = format!("`{alias}` has two meanings in the package `{}`", file.package.join("."));
                faults.push(texts.fault(&file.path, import.range.clone(), message, "give the import another name with `as`"));
            }
        }
        for rule in &file.rules {
            for call in &rule.calls {
                let fault = known.uncallable(file, call);
                faults.extend(fault.map(|fault| texts.fault(&file.path, call.range.clone(), fault.0, fault.1)));
            }
            for name in &rule.uses {
                let first = name.words.first();
                // A local variable is no name of this kind; a rule's own name leads to its package.
                let is_named = first.is_some_and(|first| first == "data" || file.imports.iter().any(|(alias, _)| alias == first));
                let fault = is_named.then(|| known.dangling(&file.full(&name.words)).or_else(|| known.split(file, name))).flatten();
                faults.extend(fault.map(|fault| texts.fault(&file.path, name.range.clone(), fault.0, fault.1)));
            }
        }
    }
    if faults.is_empty() { endless(files, &known, texts) } else { faults }
}

struct Known {
    /// Every package, with the number of its files.
    packages: BTreeMap<Path, usize>,
    /// Every rule by its full name, with the places of its definitions.
    rules: BTreeMap<Path, Vec<(usize, usize)>>,
}

impl Known {
    fn of(files: &[Facts]) -> Self {
        let mut known = Self { packages: BTreeMap::new(), rules: BTreeMap::new() };
        for (at_file, file) in files.iter().enumerate() {
            *known.packages.entry([&["data".to_owned()], file.package.as_slice()].concat()).or_default() += 1;
            for (at_rule, rule) in file.rules.iter().enumerate() {
                known.rules.entry(file.full_of_own(&rule.name)).or_default().push((at_file, at_rule));
            }
        }
        known
    }

    /// Why `full`, which begins with `data`, leads nowhere, and what would.
    fn dangling(&self, full: &[String]) -> Option<(String, String)> {
        let (first, rest) = full.split_first()?;
        if first != "data" || rest.first().is_some_and(|word| DOCUMENTS.contains(&word.as_str())) {
            return None;
        }
        if rest.is_empty() {
            let help = "name a package: `data.base`, or that of a policy file".to_owned();
            return Some(("`data` as a whole cannot be used".to_owned(), help));
        }
        let leads = |known: &Path| known.starts_with(full) || full.starts_with(known);
        // Below a package only its rules are there.
        let package_above = self.packages.keys().any(|package| package.len() < full.len() && full.starts_with(package));
        if self.rules.keys().any(leads) || (!package_above && self.packages.keys().any(leads)) {
            return None;
        }
        let text = full.join(".");
        let documents = DOCUMENTS.map(|word| format!("data.{word}"));
        let packages: Vec<String> = self.packages.keys().map(|package| package.join(".")).collect();
        let rules: Vec<String> = self.rules.keys().map(|rule| rule.join(".")).collect();
        let candidates = documents.iter().chain(&packages).chain(&rules).map(String::as_str);
        let help = match did_you_mean(&text, candidates) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "there are the packages of the policy files, and over a plan `data.base` and `data.head`".to_owned(),
        };
        Some((format!("there is nothing at `{text}`, so the rule would never say a word"), help))
    }

    /// Why what `name` needs cannot be evaluated, and what can. The engine evaluates an imported package
    /// as a whole, and then takes the second file of it for done before its rules have values.
    fn split(&self, file: &Facts, name: &Name) -> Option<(String, String)> {
        let imported = file.imports.iter().find(|(alias, _)| Some(alias) == name.words.first()).map(|(_, import)| &import.words);
        let whole = imported.unwrap_or(&name.words);
        let split = self.packages.iter().find(|(package, files)| **files > 1 && package.starts_with(whole))?;
        let package = split.0.join(".");
        let rule = name.words.last().filter(|_| name.words.len() > 1).map_or("deny", String::as_str);
        Some((
            format!("the package `{package}` stands in {} files, and cannot be used as a whole", split.1),
            format!("name its rule in full: `{package}.{rule}`"),
        ))
    }

    /// Why `call` cannot be called, and what can.
    fn uncallable(&self, file: &Facts, call: &Name) -> Option<(String, String)> {
        let text = call.words.join(".");
        if IMPURE.contains(&text.as_str()) || text.starts_with("time.") {
            let message = format!("`{text}` is not available: a verdict depends on the input alone");
            return Some((message, "put what the rule needs into the spec".to_owned()));
        }
        let full = file.full(&call.words).join(".");
        if text == "print" || BUILTINS.contains_key(text.as_str()) || self.functions().any(|known| known == full) {
            return None;
        }
        let own = format!("data.{}.", file.package.join("."));
        let functions: Vec<String> = self.functions().map(|known| known.strip_prefix(&own).map(str::to_owned).unwrap_or(known)).collect();
        let builtins: BTreeSet<&str> = BUILTINS.keys().copied().filter(|name| !IMPURE.contains(name)).collect();
        let help = match did_you_mean(&text, builtins.into_iter().chain(functions.iter().map(String::as_str))) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "declare it, or import the package that does".to_owned(),
        };
        Some((format!("there is no function `{text}`"), help))
    }

    fn functions(&self) -> impl Iterator<Item = String> {
        self.rules.keys().map(|path| path.join("."))
    }

    /// The rule that `full` names or looks into.
    fn rule(&self, full: &[String]) -> Option<&Path> {
        (1..=full.len()).find_map(|words| self.rules.get_key_value(&full[..words])).map(|(path, _)| path)
    }
}

impl Facts {
    fn full_of_own(&self, rule: &str) -> Path {
        [&["data".to_owned()], self.package.as_slice(), &[rule.to_owned()]].concat()
    }
}

/// Functions that call themselves, and rules that need one another in too long a row.
fn endless(files: &[Facts], known: &Known, texts: &Texts) -> Vec<Finding> {
    let mut search = Search { files, known, depth: BTreeMap::new(), open: Vec::new(), texts, fault: None };
    for path in known.rules.keys() {
        search.visit(path);
        if search.fault.is_some() {
            break;
        }
    }
    search.fault.into_iter().collect()
}

struct Search<'a> {
    files: &'a [Facts],
    known: &'a Known,
    /// Rules in a row from each rule on, for those that were seen through.
    depth: BTreeMap<&'a Path, usize>,
    /// The rules on the way to the one that is looked at.
    open: Vec<&'a Path>,
    texts: &'a Texts,
    fault: Option<Finding>,
}

impl<'a> Search<'a> {
    fn visit(&mut self, path: &'a Path) -> usize {
        if let Some(depth) = self.depth.get(path) {
            return *depth;
        }
        if self.open.len() >= MOST_IN_A_ROW {
            let message = format!("more than {MOST_IN_A_ROW} rules need one another in a row");
            self.report(path, message, "write them as fewer rules");
            return 0;
        }
        self.open.push(path);
        let mut depth = 0;
        for (file, rule) in self.known.rules.get(path).into_iter().flatten() {
            let Some((file, rule)) = self.files.get(*file).and_then(|file| Some((file, file.rules.get(*rule)?))) else { continue };
            for next in self.next(file, rule) {
                if self.fault.is_some() {
                    return 0;
                }
                match self.open.iter().position(|open| *open == next) {
                    // The engine finds a circle that leads through a rule without arguments.
                    Some(at) if self.open.iter().skip(at).all(|path| self.is_function(path)) => {
                        let message = format!("the function `{}` calls itself, which Rego does not allow", next.join("."));
                        self.report(next, message, "write it with a comprehension, `every`, `walk` or `graph.reachable`");
                        return 0;
                    }
                    Some(_) => {}
                    None => depth = depth.max(1 + self.visit(next)),
                }
            }
        }
        self.open.pop();
        if depth + self.open.len() >= MOST_IN_A_ROW && self.fault.is_none() {
            let message = format!("more than {MOST_IN_A_ROW} rules need one another in a row");
            self.report(path, message, "write them as fewer rules");
        }
        self.depth.insert(path, depth);
        depth
    }

    /// The rules that `rule` calls or uses.
    fn next(&self, file: &Facts, rule: &Declared) -> BTreeSet<&'a Path> {
        let found = |name: &Name| self.known.rule(&file.full(&name.words));
        // A function is used by calling it; a variable may have its name.
        let used = rule.uses.iter().filter_map(found).filter(|path| !self.is_function(path));
        rule.calls.iter().filter_map(found).chain(used).collect()
    }

    fn is_function(&self, path: &Path) -> bool {
        let mut definitions = self.known.rules.get(path).into_iter().flatten();
        definitions.any(|(file, rule)| self.files.get(*file).and_then(|file| file.rules.get(*rule)).is_some_and(|rule| rule.is_function))
    }

    fn report(&mut self, path: &Path, message: String, help: &str) {
        let first = self.known.rules.get(path).and_then(|places| places.first());
        let Some((file, rule)) = first.and_then(|(file, rule)| Some((self.files.get(*file)?, self.files.get(*file)?.rules.get(*rule)?)))
        else {
            return;
        };
        self.fault = Some(self.texts.fault(&file.path, rule.range.clone(), message, help));
    }
}
