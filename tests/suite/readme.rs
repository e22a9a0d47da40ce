//! The README claims only what a command shows.

use std::fs;

use crate::harness::{llmc, root};

/// The code blocks of the README in `language`, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The README's example with its prompt files, after `edit`.
fn example(folder: &std::path::Path, edit: impl Fn(&str) -> String) {
    let spec = blocks("kdl").into_iter().find(|b| b.starts_with("stack ")).unwrap();
    fs::create_dir_all(folder.join("prompts")).unwrap();
    fs::write(folder.join("stack.kdl"), edit(&spec)).unwrap();
    fs::write(folder.join("prompts/support.md"), "Be brief.\n").unwrap();
    fs::write(folder.join("prompts/user.md"), "{{ query }}\n").unwrap();
}

#[test]
fn the_example_compiles_without_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    example(folder.path(), str::to_owned);
    let run = llmc(folder.path(), &["compile", "stack.kdl", "--out", "out"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let table = fs::read_to_string(root().join("README.md")).unwrap();
    for part in fs::read_dir(folder.path().join("out/shop-assistant")).unwrap() {
        let name = part.unwrap().file_name().into_string().unwrap();
        assert!(table.contains(&format!("`{name}")), "the README does not say what {name} is");
    }
}

/// The finding that the README shows is the one that its example gives with three GPUs for each
/// copy.
#[test]
fn the_finding_reads_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    example(folder.path(), |spec| spec.replace("tensor-parallel=4", "tensor-parallel=3"));
    let run = llmc(folder.path(), &["check", "stack.kdl"]);
    assert_eq!(run.code, 1);
    let shown = blocks("text").remove(0);
    assert!(run.stderr.contains(shown.trim()), "the README shows\n{shown}\nllmc says\n{}", run.stderr);
}

/// The lines that the README shows for a load that is too large give the finding and the figures that it
/// shows, and each setting that the finding proposes for them ends it.
#[test]
fn the_load_that_is_too_large_reads_as_shown() {
    let lines = blocks("kdl").into_iter().find(|block| block.starts_with("place ")).unwrap();
    let indented: String = lines.lines().map(|line| format!("        {line}\n")).collect();
    let with = |edit: &dyn Fn(&str) -> String| {
        let folder = tempfile::tempdir().unwrap();
        example(folder.path(), |spec| {
            let (before, rest) = spec.split_once("        place ").unwrap();
            let (_, after) = rest.split_once("max-num-seqs=64\n").unwrap();
            edit(&format!("{before}{indented}{after}"))
        });
        folder
    };
    let folder = with(&str::to_owned);
    let (check, fit) = (llmc(folder.path(), &["check", "stack.kdl"]), llmc(folder.path(), &["fit", "stack.kdl"]));
    assert_eq!((check.code, fit.code), (1, 1));
    let shown = blocks("text");
    let finding = shown.iter().find(|block| block.starts_with("error[LLMC-M003]")).unwrap();
    assert!(check.stderr.contains(finding.trim()), "the README shows\n{finding}\nllmc says\n{}", check.stderr);
    let figures = shown.iter().find(|block| block.starts_with("shop-assistant / ")).unwrap();
    assert_eq!(figures.trim(), fit.stdout.trim());
    for setting in ["max-model-len=", "max-num-seqs=", "concurrency="] {
        let of = |text: &str| text.split(&format!("`{setting}")).nth(1).unwrap().split('`').next().unwrap().to_owned();
        let (proposed, stands) = (of(finding), lines.split(setting).nth(1).unwrap().split_whitespace().next().unwrap().to_owned());
        let folder = with(&|spec| spec.replace(&format!("{setting}{stands}"), &format!("{setting}{proposed}")));
        let run = llmc(folder.path(), &["check", "stack.kdl"]);
        assert_eq!((run.code, run.stderr.contains("LLMC-M")), (0, false), "{setting}{proposed}: {}", run.stderr);
    }
}

/// Every `llmc` command line in the README exists.
#[test]
fn commands_exist() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let help = llmc(root(), &["--help"]).stdout;
    let words: Vec<&str> = text.split("`llmc ").skip(1).map(|rest| rest.split([' ', '`']).next().unwrap()).collect();
    assert!(words.len() >= 4, "{words:?}");
    for word in words {
        assert!(help.contains(&format!("\n  {word} ")), "`llmc {word}` is not a command");
    }
}

/// The facts that the README shows are the catalogue's.
#[test]
fn the_facts_read_as_shown() {
    let shown = blocks("text").into_iter().find(|block| block.starts_with("model ")).expect("the facts of a model");
    let name = shown.split_whitespace().nth(1).expect("its name");
    assert_eq!(llmc(root(), &["model", "show", name]).stdout, shown);
}

/// The cost that the README shows is the example stack's.
#[test]
fn the_cost_reads_as_shown() {
    let shown = blocks("text").into_iter().find(|block| block.starts_with("korean-assistant: ")).expect("the cost of a stack");
    let run = llmc(root(), &["cost", "korean-assistant"]);
    assert_eq!((run.code, run.stdout.trim_end()), (0, shown.trim_end()), "the README shows another cost");
}

/// The plan that the README shows is the one that its commands give.
#[test]
fn the_plan_reads_as_shown() {
    let folder = edited_repository();
    let run = llmc(folder.path(), &["plan", "customer-support"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let shown = blocks("text").into_iter().find(|block| block.starts_with("customer-support: ")).unwrap();
    assert_eq!(shown, run.stdout, "the README shows another plan");
}

/// The upgrade that the README shows is the one that its commands give.
#[test]
fn the_upgrade_reads_as_shown() {
    let folder = after_sed(1);
    let run = llmc(folder.path(), &["upgrade", "vllm", "0.33.0", "customer-support", "--check"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let shown = blocks("text").into_iter().find(|block| block.contains(" 0.33.0")).unwrap();
    assert_eq!(shown, run.stdout, "the README shows another upgrade");
}

/// A repository with the example stacks and their trees, after the README's first `sed` command.
fn edited_repository() -> tempfile::TempDir {
    after_sed(0)
}

/// As [`edited_repository`], after the `sed` command of that number alone.
fn after_sed(number: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["stacks", "generated"] {
        crate::harness::copy(&root().join(part), &folder.path().join(part));
    }
    let commands: Vec<String> =
        blocks("sh").iter().flat_map(|block| block.lines()).filter(|l| l.starts_with("sed ")).map(str::to_owned).collect();
    let sed = &commands[number];
    assert!(std::process::Command::new("sh").args(["-c", sed]).current_dir(folder.path()).status().unwrap().success());
    folder
}

/// The commands that follow the clone and the installation, against the stand-in for GitHub, and the
/// pull request that the README shows.
#[cfg(feature = "github")]
#[test]
fn five_commands_open_a_pull_request() {
    use crate::github::Fake;
    let commands = blocks("sh").into_iter().find(|block| block.contains("apply --pr")).unwrap();
    let lines: Vec<&str> = commands.lines().collect();
    assert_eq!(lines.len(), 5, "{commands}");
    let fake = Fake::start();
    let name = lines[2].split("--repository ").nth(1).unwrap().split('=').next().unwrap();
    let folder = lines[2].split('=').nth(1).unwrap().trim_end_matches(" &");
    let exported = lines[3].strip_prefix("export ").unwrap().split(' ').map(|pair| pair.split_once('=').unwrap());
    let mut environment: std::collections::BTreeMap<&str, &str> = exported.collect();
    environment.insert("GITHUB_API_URL", &fake.url);
    let environment: Vec<(&str, &str)> = environment.into_iter().collect();
    let arguments: Vec<&str> = lines[4].strip_prefix("llmc ").unwrap().split(' ').collect();
    let apply = |folder: &std::path::Path| {
        let run = crate::harness::llmc_with(folder, &arguments, &environment);
        assert!(run.code == 0 && run.stdout.contains("opened #1"), "{}{}", run.stdout, run.stderr);
        fake.state(name)["pulls"][0]["body"].as_str().unwrap().to_owned()
    };

    fake.load(name, &crate::harness::texts(&root().join(folder)));
    apply(root());

    // The pull request of the README's change, where its base holds what stands in this repository.
    let standing = crate::harness::texts(&root().join("generated"));
    fake.load(name, &standing.into_iter().map(|(path, text)| (format!("generated/{path}"), text)).collect());
    let body = apply(edited_repository().path());
    let path = root().join("examples/pull-request.md");
    if std::env::var_os("LLMC_UPDATE_EXPECTED").is_some() {
        fs::write(&path, &body).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), body, "LLMC_UPDATE_EXPECTED=1 writes it");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let start: String =
        body.split("### Guardrails").next().unwrap().lines().map(|line| format!("> {line}").trim_end().to_owned() + "\n").collect();
    assert!(readme.contains(&start), "the README shows another pull request; this one begins\n{start}");
}

/// What the README says to change a prompt, done word by word in a copy of the repository: its blocks go into the
/// spec, its commands run, and print what it shows.
#[test]
fn a_prompt_is_changed_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["stacks", "generated"] {
        crate::harness::copy(&root().join(part), &folder.path().join(part));
    }
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_llmc")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let run = |command: &str| {
        let mut shell = std::process::Command::new("bash");
        shell.args(["-c", &format!("set -o pipefail; {{ {command}; }} 2>&1")]).current_dir(folder.path());
        let run = crate::harness::finish(shell.env_clear().env("PATH", &path).envs([crate::harness::TODAY]).output().unwrap());
        assert_eq!(run.code, 0, "{command}\n{}", run.stdout);
        format!("$ {command}\n{}", run.stdout)
    };
    let insert = |block: &str, before: &str, indent: &str| {
        let spec = folder.path().join("stacks/customer-support/stack.kdl");
        let text: String = block.lines().map(|line| format!("{indent}{line}\n")).collect();
        crate::harness::edit(&spec, before, &format!("{text}{before}"));
    };
    let file = root().join("README.md");
    let readme = fs::read_to_string(&file).unwrap();
    let start = readme.find("## Change a prompt safely\n").unwrap();
    let end = start + readme[start..].find("\n## Upgrade").unwrap();
    let mut section = String::new();
    for (index, piece) in readme[start..end].split("```").enumerate() {
        let done = match piece.split_once('\n').filter(|_| index % 2 == 1) {
            Some(("console", block)) => {
                let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
                assert!(!commands.is_empty(), "{block}");
                format!("console\n{}", commands.into_iter().map(&run).collect::<String>())
            }
            Some(("kdl", block)) => {
                match block.starts_with("version ") {
                    true => insert(block, "        live \"v1\"\n        rollback \"v1\"\n    }\n\n    guardrails", "        "),
                    false => insert(block, "    budget {", "    "),
                }
                piece.to_owned()
            }
            _ => piece.to_owned(),
        };
        section.push_str(if index == 0 { "" } else { "```" });
        section.push_str(&done);
    }
    let shown = format!("{}{section}{}", &readme[..start], &readme[end..]);
    if std::env::var_os("LLMC_UPDATE_EXPECTED").is_some() {
        fs::write(&file, &shown).unwrap();
    }
    assert!(fs::read_to_string(&file).unwrap() == shown, "LLMC_UPDATE_EXPECTED=1 writes what the commands print");
}
