//! `llmc drift`

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::Failure;
use super::output::{Output, plural};
use super::planned::{self, PlannedStack, Request};
use super::progress::Progress;
use crate::deliver::cluster::{Cluster, Difference, ObjectId};
use crate::deliver::{self, Changes};
use crate::diagnostic::{printable, redact};
use crate::plan;

/// Version of the JSON form, `major.minor`: a minor version only adds fields.
const FORMAT_VERSION: &str = "1.0";
/// Most fields of an object that are shown as text.
const MOST_FIELDS: usize = 10;
/// Most characters of a value that are shown as text.
const MOST_CHARS: usize = 80;

/// Say where the written files have drifted from the specs, and the cluster from the files.
///
/// Without a cluster, the files in `generated/` are compared with what the specs compile to: stale
/// files, and files that were edited by hand. With --kubeconfig or --context, the cluster is compared
/// with the files as they stand, through kubectl: objects that are missing, objects that a
/// server-side apply of the files would change (tried as a dry run), and objects that carry the
/// stack's labels and are in no file any more. Nothing is written anywhere.
///
/// What the files do not set does not count: the number of copies that an autoscaler chose, defaults,
/// annotations that controllers add, status.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of stacks in `stacks/`, or paths of specs. Default: every stack of the repository.
    #[arg(value_name = "STACK")]
    stacks: Vec<String>,
    /// File with the address and the credentials of the cluster.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Name of the cluster's context in the kubeconfig.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Under whose name the dry run applies. Fields that were taken out of the files are seen only under the
    /// name that deploys them: `kustomize-controller` for Flux, `argocd-controller` for Argo CD.
    #[arg(long, value_name = "NAME", default_value = "llmc")]
    field_manager: String,
    /// Seconds that one question to the cluster may take.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: u32,
    /// Exit with 2 when something has drifted.
    #[arg(long)]
    detailed_exitcode: bool,
    /// How it is printed.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
    /// Number of stacks that are compiled at once. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  llmc drift
  llmc drift --context production --detailed-exitcode
  llmc drift customer-support --kubeconfig ~/.kube/config --field-manager kustomize-controller

kubectl needs leave to get and list the stack's objects, and to patch them, which a dry run asks for.

Exit codes: 0 compared, 1 something failed, 2 something has drifted (with --detailed-exitcode only).";

/// How drift is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// What was found about one stack.
struct Report<'a> {
    stack: &'a PlannedStack,
    changes: Changes,
    edited: Vec<String>,
    /// None when no cluster was asked.
    cluster: Option<Asked>,
}

/// What the cluster answered.
struct Asked {
    /// Number of objects that the tree deploys.
    objects: usize,
    differences: Vec<(ObjectId, Difference)>,
}

impl Report<'_> {
    fn has_drifted(&self) -> bool {
        !self.changes.is_empty() || !self.edited.is_empty() || self.cluster.as_ref().is_some_and(|asked| !asked.differences.is_empty())
    }
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let cluster = cluster(args)?;
    let mut planned = planned::plan(&Request::of(&args.stacks, args.jobs), output)?;
    planned.hold(output)?;
    let progress = Progress::start("asking the cluster");
    let mut reports = Vec::new();
    for stack in &planned.stacks {
        progress.say(format!("asking the cluster about {}", stack.name));
        let changes = Changes::between(&stack.old, &stack.files);
        let edited = deliver::in_the_way(&stack.old, &stack.files);
        let cluster = cluster.as_ref().map(|cluster| ask(cluster, stack)).transpose()?;
        reports.push(Report { stack, changes, edited, cluster });
    }
    drop(progress);
    match args.format {
        Format::Json => output.print(&json_of(&reports))?,
        Format::Text => {
            for report in &reports {
                output.print(&text_of(report))?;
            }
        }
    }
    match () {
        () if !planned.failed.is_empty() => Err(Failure::Reported),
        () if args.detailed_exitcode && reports.iter().any(Report::has_drifted) => Err(Failure::Changes),
        () => Ok(()),
    }
}

fn cluster(args: &Args) -> Result<Option<Cluster<'_>>, Failure> {
    if args.kubeconfig.is_none() && args.context.is_none() {
        return Ok(None);
    }
    if let Some(path) = args.kubeconfig.as_ref().filter(|path| !path.is_file()) {
        return Err(format!("there is no kubeconfig file `{}`", path.display()).into());
    }
    let is_name = |name: &str| !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control);
    if !is_name(&args.field_manager) {
        return Err("a field manager has a name of 1 to 128 printable characters".to_owned().into());
    }
    Ok(Some(Cluster {
        kubeconfig: args.kubeconfig.as_deref(),
        context: args.context.as_deref(),
        field_manager: &args.field_manager,
        limit: Duration::from_secs(args.timeout.into()),
    }))
}

fn ask(cluster: &Cluster<'_>, stack: &PlannedStack) -> Result<Asked, Failure> {
    if stack.old.files.is_empty() {
        return Ok(Asked { objects: 0, differences: Vec::new() });
    }
    let failed = |why: String| Failure::Message(format!("{}: {}", stack.name, redact(&why)));
    let objects =
        plan::deployed(&stack.old).map_err(|paths| failed(format!("no Kubernetes objects can be read from {}", paths.join(", "))))?;
    // The labels of a tree carry the name that it was compiled for.
    let name = stack.renamed_from.as_deref().unwrap_or(&stack.name);
    let differences = cluster.differences(name, &objects).map_err(|fault| failed(fault.to_string()))?;
    Ok(Asked { objects: objects.len(), differences: differences.into_iter().collect() })
}

fn text_of(report: &Report<'_>) -> String {
    let name = &report.stack.name;
    let mut lines = Vec::new();
    let mut list = |what: &str, paths: &[String]| lines.extend(paths.iter().map(|path| format!("  {what} {}", printable(path))));
    if report.stack.compilation.is_none() {
        lines.push(format!("  stale: no spec declares this stack any more; {} of it stand", plural(report.changes.deleted.len(), "file")));
    } else {
        list("stale, missing:", &report.changes.created);
        list("stale:", &report.changes.updated);
        list("stale, left over:", &report.changes.deleted);
    }
    let mut list = |what: &str, paths: &[String]| lines.extend(paths.iter().map(|path| format!("  {what} {}", printable(path))));
    list("edited by hand:", &report.edited);
    for (id, difference) in report.cluster.iter().flat_map(|asked| &asked.differences) {
        let object = printable(&format!("{} {}/{}", id.kind, id.namespace, id.name));
        match difference {
            Difference::Missing(why) => {
                lines.push(format!("  cluster, missing: {object}{}", why.iter().map(|w| format!(" ({w})")).collect::<String>()));
            }
            Difference::LeftOver => lines.push(format!("  cluster, left over: {object}")),
            Difference::Refused(words) => lines.push(format!("  cluster, refused: {object}: {}", printable(&redact(words)))),
            Difference::Changed { live, wanted } => {
                lines.push(format!("  cluster, differs: {object}"));
                let fields = plan::changed_fields(live, wanted);
                if fields.is_empty() {
                    lines.push("    another version of the file was applied, with the same fields".to_owned());
                }
                let shown = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), short);
                lines.extend(fields.iter().take(MOST_FIELDS).map(|field| {
                    format!("    {}: {} in the cluster, {} in the files", printable(&field.path), shown(&field.old), shown(&field.new))
                }));
                if fields.len() > MOST_FIELDS {
                    lines.push(format!("    and {} more", plural(fields.len() - MOST_FIELDS, "field")));
                }
            }
        }
    }
    let against =
        report.cluster.as_ref().map(|asked| format!(", {} in the cluster compared", plural(asked.objects, "object"))).unwrap_or_default();
    if lines.is_empty() { format!("{name}: no drift{against}\n") } else { format!("{name}: drifted{against}\n{}\n", lines.join("\n")) }
}

fn short(value: &Value) -> String {
    let text = redact(&value.to_string());
    let short: String = text.chars().take(MOST_CHARS).collect();
    printable(&if short.len() < text.len() { format!("{short}...") } else { short })
}

fn json_of(reports: &[Report<'_>]) -> String {
    let stacks: Vec<Value> = reports
        .iter()
        .map(|report| {
            let cluster = report.cluster.as_ref().map(|asked| {
                let differences: Vec<Value> = asked.differences.iter().map(|(id, difference)| difference_json(id, difference)).collect();
                json!({ "objects": asked.objects, "differences": differences })
            });
            json!({
                "stack": report.stack.name,
                "drifted": report.has_drifted(),
                "tree": {
                    "missing": report.changes.created,
                    "stale": report.changes.updated,
                    "left_over": report.changes.deleted,
                    "edited": report.edited,
                },
                "cluster": cluster,
            })
        })
        .collect();
    let document = json!({ "format_version": FORMAT_VERSION, "llmc_version": env!("CARGO_PKG_VERSION"), "stacks": stacks });
    format!("{document:#}\n")
}

fn difference_json(id: &ObjectId, difference: &Difference) -> Value {
    let (what, message, fields) = match difference {
        Difference::Missing(why) => ("missing", why.clone(), Vec::new()),
        Difference::LeftOver => ("left-over", None, Vec::new()),
        Difference::Refused(words) => ("refused", Some(redact(words)), Vec::new()),
        Difference::Changed { live, wanted } => ("differs", None, plan::changed_fields(live, wanted)),
    };
    json!({
        "difference": what,
        "api_version": id.api_version,
        "kind": id.kind,
        "namespace": id.namespace,
        "name": id.name,
        "message": message,
        "fields": fields,
    })
}
