//! Prices, from the spec, a file or llmc's own list into the stack, and every way in which a file can be wrong.

use std::fs;
use std::path::Path;

use llmc::compile::{self, Compilation};
use llmc::policy::Policies;
use llmc::stack::{Price, PriceFault, PriceOrigin, Stack};
use proptest::prelude::*;

use crate::harness::{llmc, llmc_with};

/// A stack whose one model runs in a pool of `gpu`; `pool`, `blocks` and `budget` are more of the spec.
fn spec(gpu: &str, pool: &str, blocks: &str, budget: &str) -> String {
    format!(
        "stack \"shop\" {{
    namespace \"llm\"
    pool \"p\" {{
        gpu \"{gpu}\"
        nodes 1
        gpus-per-node 8
        {pool}
    }}
    model \"llama-8b\" {{
        source \"meta-llama/Llama-3.1-8B-Instruct\" revision=\"0e9e39f249a16976918f6564b8830bc894c89659\"
        engine \"vllm\" version=\"0.32.0\"
        place pool=\"p\"
        serve max-model-len=8192 max-num-seqs=64
    }}
    prompt \"chat\" {{
        variable \"question\" max-tokens=1000
        version \"v1\" {{
            user file=\"chat.md\"
            sampling temperature=0.2 max-tokens=500
        }}
        live \"v1\"
        rollback \"v1\"
    }}
    route \"chat\" {{
        prompt \"chat\"
        model \"llama-8b\"
    }}
    budget {{
        monthly 90000
        {budget}
    }}
    {blocks}
}}
"
    )
}

/// A folder with that spec, a prompt, and a file of prices.
fn folder(spec: &str, file: &str, prices: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("stack.kdl"), spec).expect("written");
    fs::write(folder.path().join("chat.md"), "{{ question }}\n").expect("written");
    fs::write(folder.path().join(file), prices).expect("written");
    folder
}

fn compiled(folder: &Path) -> Compilation {
    compile::compile(&folder.join("stack.kdl"), "stack.kdl", &Policies::shipped())
}

fn stack(spec: &str, prices: &str) -> Stack {
    let folder = folder(spec, "prices.yaml", prices.as_bytes());
    let Compilation { stack, findings, .. } = compiled(folder.path());
    // Prices of any size exceed any budget, which is not what these cases are about.
    let is_error = |f: &&llmc::diagnostic::Finding| f.rule.severity == llmc::diagnostic::Severity::Error && f.rule.code != "LLMC-B010";
    let errors: Vec<_> = findings.iter().filter(is_error).map(|f| &f.message).collect();
    assert!(errors.is_empty(), "{errors:?}");
    stack.expect("a stack")
}

fn shown(price: Option<&Price>) -> (String, String) {
    let price = price.expect("a price");
    (price.amount.to_string(), format!("{}, {}", price.source, price.date.map_or("no day".to_owned(), |d| d.to_string())))
}

fn is(price: Option<&Price>, amount: &str, source: &str) {
    assert_eq!(shown(price), (amount.to_owned(), source.to_owned()));
}

const FILE: &str = "prices file=\"prices.yaml\"";

const LIST: &str = "gpu:
  h100-80gb-sxm:
    on-demand: 3.1
    date: \"2026-11-01\"
    source: our contract
tokens:
  gpt-4o:
    input: 2
    output: 8
    date: \"2026-11-02\"
    source: our reseller
cpu-hour:
  price: 0.03
  date: \"2026-11-03\"
  source: our cloud
";

const EXTERNAL: &str = "external \"gpt-4o\" { provider \"openai\"; token-secret \"openai\" key=\"key\"; }
    route \"outside\" { prompt \"chat\"; model \"gpt-4o\"; }";

#[test]
fn the_spec_goes_before_the_file_and_the_file_before_the_list() {
    let own = "llmc's list of 2026-09-20: CoreWeave on-demand and spot HGX H100, North America, by its 8 GPUs, 2026-09-20";
    let pool = |pool: &str, blocks: &str| stack(&spec("h100-80gb-sxm", pool, blocks, ""), LIST).pools["p"].prices.clone();
    is(pool("price-per-gpu-hour 2.5; priced-on \"2026-11-20\"", FILE).on_demand.as_ref(), "2.5", "the spec, 2026-11-20");
    is(pool("price-per-gpu-hour 2.5", FILE).on_demand.as_ref(), "2.5", "the spec, no day");
    is(pool("", FILE).on_demand.as_ref(), "3.1", "prices.yaml: our contract, 2026-11-01");
    is(pool("", "").on_demand.as_ref(), "6.155", own);
    // What a line of the file does not have comes from the list.
    let prices = pool("spot share=0.25", FILE);
    let (share, spot) = prices.spot.expect("a spot price");
    assert_eq!(share.to_string(), "0.25");
    is(Some(&spot), "2.46375", own);
    let prices = pool("reserved gpus=8 price-per-gpu-hour=2", FILE);
    let (gpus, reserved) = prices.reserved.expect("a reserved price");
    assert_eq!(gpus, 8);
    is(Some(&reserved), "2", "the spec, no day");

    let stack = |blocks: &str| stack(&spec("h100-80gb-sxm", "", &format!("{EXTERNAL}\n{blocks}"), ""), LIST);
    let of_file = stack(FILE);
    let tokens = &of_file.externals["gpt-4o"].prices;
    is(tokens.input.as_ref(), "2", "prices.yaml: our reseller, 2026-11-02");
    // The file has no price of cached tokens, so they cost what the others cost.
    is(tokens.cached_input.as_ref(), "2", "prices.yaml: our reseller, 2026-11-02");
    is(tokens.output.as_ref(), "8", "prices.yaml: our reseller, 2026-11-02");
    let of_list = stack("");
    let tokens = &of_list.externals["gpt-4o"].prices;
    let own = "llmc's list of 2026-05-01: OpenAI, standard tier, 2026-05-01";
    is(tokens.input.as_ref(), "2.5", own);
    is(tokens.cached_input.as_ref(), "1.25", own);
    is(tokens.output.as_ref(), "10", own);
    is(of_list.prices.storage_gib_month.as_ref(), "0.1", "llmc's list of 2026-10-19: RunPod disk of a pod, by GB, 2026-10-19");
    // Nothing of this stack is paid by the hour of a CPU.
    assert_eq!(of_file.prices.cpu_hour, None);
    let storage = stack("prices storage-gib-month=0.07").prices.storage_gib_month;
    is(storage.as_ref(), "0.07", "the spec, no day");
}

/// A record with prices of a list in it would compare two lists, not two specs.
#[test]
fn prices_of_a_list_are_not_written_into_the_record() {
    let stack = stack(&spec("h100-80gb-sxm", "", &format!("{EXTERNAL}\n{FILE}"), ""), LIST);
    assert!(stack.pools["p"].prices.on_demand.is_some());
    assert_eq!(stack.explicit.pool["p"].price_per_gpu_hour, None);
    assert_eq!(stack.explicit.external["gpt-4o"].input_price_per_million, None);
    assert_eq!(stack.explicit.prices.file.as_deref(), Some("prices.yaml"));
    assert_eq!(stack.explicit.prices.storage_gib_month, None);
}

#[test]
fn prices_are_converted_to_the_digit() {
    let on_demand = |pool: &str, blocks: &str, file: &str| {
        let stack = stack(&spec("h100-80gb-sxm", pool, blocks, "currency \"EUR\""), file);
        stack.pools["p"].prices.on_demand.clone()
    };
    let rate = |rates: &str| format!("{FILE} {{\n{rates}\n}}");
    let usd = "rate \"USD\" value=0.92";
    let in_spec = |price: &str, rate: &str| {
        let price = on_demand(
            &format!("price-per-gpu-hour {price}; currency \"CHF\""),
            &format!("prices {{ {usd}; rate \"CHF\" value={rate}; }}"),
            "",
        );
        shown(price.as_ref()).0
    };
    assert_eq!(in_spec("2.21", "1.07"), "2.3647");
    assert_eq!(in_spec("0.1", "3"), "0.3");
    assert_eq!(in_spec("0.0000001", "1.5"), "0.00000015");
    // Twelve digits behind the point, half away from zero.
    assert_eq!(in_spec("0.0000001", "0.000005"), "0.000000000001");
    // Less than half of the last one is a finding (LLMC-B003), and no price of zero.
    assert_eq!(in_spec("0.123456789012345", "1.00000000000001"), "0.123456789012");
    assert_eq!(in_spec("1000000000000", "1000000000000"), "1000000000000000000000000");
    assert_eq!(in_spec("999999999999.999", "0.999999999999999"), "999999999999.998");
    // The list's own currency, and that of a file.
    is(
        on_demand("", &rate(usd), "currency: CHF\n").as_ref(),
        "5.6626",
        "llmc's list of 2026-09-20: CoreWeave on-demand and spot HGX H100, North America, by its 8 GPUs, 2026-09-20",
    );
    let chf = format!("currency: CHF\n{LIST}");
    is(on_demand("", &rate(&format!("{usd}\nrate \"CHF\" value=1.1")), &chf).as_ref(), "3.41", "prices.yaml: our contract, 2026-11-01");
    // In the stack's own currency nothing is converted, and nothing rounded.
    let own = on_demand("price-per-gpu-hour 0.000000000000123456789", &format!("prices {{ {usd}; }}"), "");
    assert_eq!(shown(own.as_ref()).0, "0.000000000000123456789");
}

/// The messages of the errors in that spec with that file of prices.
fn errors(folder: &Path) -> Vec<String> {
    let run = llmc(folder, &["check", "--format", "short", "stack.kdl"]);
    let errors: Vec<String> =
        run.stderr.lines().chain(run.stdout.lines()).filter(|line| line.contains("error[")).map(str::to_owned).collect();
    assert_eq!(run.code == 0, errors.is_empty(), "{}", run.stderr);
    errors
}

/// The one error in a stack whose file of prices is `text`, at `place` and with `words`.
#[track_caller]
fn one_error(file: &str, text: &[u8], place: &str, words: &str) {
    let spec = spec("h100-80gb-sxm", "", &format!("prices file=\"{file}\""), "");
    let folder = folder(&spec, file, text);
    let errors = errors(folder.path());
    let is_it = |line: &String| line.starts_with(place) && line.contains(words);
    assert!(matches!(errors.as_slice(), [line] if is_it(line)), "not `{words}` at {place}:\n{}", errors.join("\n"));
}

#[test]
fn a_file_of_prices_is_read_like_a_spec() {
    let line = |price: &str, date: &str| format!("gpu:\n  h100-80gb-sxm:\n    on-demand: {price}\n    date: {date}\n    source: us\n");
    let yaml = |price: &str, date: &str, place: &str, words: &str| one_error("prices.yaml", line(price, date).as_bytes(), place, words);
    yaml("-2", "\"2026-01-01\"", "prices.yaml:3:16", "LLMC-S006]: `on-demand` is -2, below the least allowed value 0");
    yaml("1000000000001", "\"2026-01-01\"", "prices.yaml:3:16", "above the greatest allowed value");
    yaml("1.23456789012345678901234567890", "\"2026-01-01\"", "prices.yaml:3:16", "at most 15 digits");
    yaml("\"2\"", "\"2026-01-01\"", "prices.yaml:3:16", "must be a number, not a string");
    yaml(".nan", "\"2026-01-01\"", "prices.yaml:", "not numbers here");
    yaml("1e-40", "\"2026-01-01\"", "prices.yaml:3:16", "is not an amount of money");
    yaml("2", "2026-02-30", "prices.yaml:4:11", "`2026-02-30` is not a day of the calendar");
    yaml("2", "20260230", "prices.yaml:4:11", "must be a string");
    yaml("!!float 2", "\"2026-01-01\"", "prices.yaml:3:16", "the tag `!!float` has no meaning");
    yaml("2\n    on-demand: 3", "\"2026-01-01\"", "prices.yaml:4:5", "`on-demand` is given twice");
    let one = |text: &str, place: &str, words: &str| one_error("prices.yaml", text.as_bytes(), place, words);
    one("gpus: {}\n", "prices.yaml:1:1", "a price list has no field `gpus`");
    one("- gpu\n", "prices.yaml:1:1", "the price list must be a block, not a list");
    one("currency: usd\n", "prices.yaml:1:11", "does not have the form");
    one("cpu-hour: {price: 0.1, date: \"2026-01-01\"}\n", "prices.yaml:1:1", "lacks the required field `source`");
    one("gpu: {h100-80gb-smx: {on-demand: 1, date: \"2026-01-01\", source: us}}\n", "prices.yaml:1:7", "LLMC-B007");
    one("a: &a [*a]\n", "prices.yaml:", "LLMC-S0");
    one("gpu: [\n", "prices.yaml:", "LLMC-S001");
    one_error(
        "prices.kdl",
        b"gpu \"h100-80gb-sxm\" on-demand=-1 date=\"2026-01-01\" source=\"us\"\n",
        "prices.kdl:1:21",
        "below the least",
    );
    one_error("prices.kdl", b"currency r\"EUR\"\n", "prices.kdl:1:10", "LLMC-S001");
    one_error("prices.kdl", b"currency \"EUR\" \"USD\"\n", "prices.kdl:1:16", "LLMC-S004");
    one_error("prices.csv", b"gpu,price\n", "stack.kdl:32:", "LLMC-B007]: `prices.csv` ends in neither");
}

/// What a spec may not state as a price, and what it may.
#[test]
fn amounts_of_a_spec() {
    let refused = |price: &str, words: &str| {
        let folder = folder(&spec("h100-80gb-sxm", &format!("price-per-gpu-hour {price}"), "", ""), "prices.yaml", b"");
        let errors = errors(folder.path());
        let is_it = |line: &String| line.starts_with("stack.kdl:7:28:") && line.contains(words);
        assert!(matches!(errors.as_slice(), [line] if is_it(line)), "not `{words}`:\n{}", errors.join("\n"));
    };
    refused("-0.01", "`price-per-gpu-hour` is -0.01, below the least allowed value 0");
    refused("1000000000000.5", "above the greatest allowed value 1000000000000");
    refused("123456789012345678901234567890", "above the greatest allowed value 1000000000000");
    refused("1.23456789012345678901234567890", "at most 15 digits");
    refused("0.1234567890123456", "at most 15 digits");
    for price in ["0.0000001", "1000000000000", "1.23456789012345", "0"] {
        let stack = stack(&spec("h100-80gb-sxm", &format!("price-per-gpu-hour {price}"), "", ""), "");
        is(stack.pools["p"].prices.on_demand.as_ref(), price, "the spec, no day");
    }
}

/// A rate that nothing can use would be one that somebody relies on.
#[test]
fn a_rate_is_of_a_currency() {
    for name in ["usd", "US Dollar", "EURO", "€"] {
        let blocks = format!("prices {{\n rate \"{name}\" value=1.1\n}}");
        let folder = folder(&spec("h100-80gb-sxm", "", &blocks, ""), "prices.yaml", b"");
        let errors = errors(folder.path());
        assert!(matches!(errors.as_slice(), [one] if one.contains("LLMC-B003") && one.contains("three capital letters")), "{errors:?}");
    }
}

/// The README's list of prices is one, and prices its stack.
#[test]
fn the_list_of_the_readme_is_used() {
    let readme = fs::read_to_string(crate::harness::root().join("README.md")).expect("the README");
    let section = readme.split("\n## Prices\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
    let list = section.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a list");
    let line = section.split("```kdl\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a line of a spec");
    let stack = stack(&spec("h100-80gb-sxm", "", line, "currency \"EUR\""), list);
    is(stack.pools["p"].prices.on_demand.as_ref(), "2.714", "prices.yaml: contract 4711, 2026-11-20");
    let run = llmc(crate::harness::root(), &["schema", "prices"]);
    let schema = fs::read_to_string(crate::harness::root().join("schemas/prices.schema.json")).expect("the schema");
    assert_eq!((run.code, run.stdout), (0, schema));
}

/// A secret is found, and no output shows it.
#[test]
fn a_secret_in_a_list_is_a_finding() {
    let list = LIST.replace("our contract", "\"our contract, password=hunter2-not-real\"");
    one_error("prices.yaml", list.as_bytes(), "prices.yaml:5:", "LLMC-X001");
    let folder = folder(&spec("h100-80gb-sxm", "spot share=1", FILE, ""), "prices.yaml", list.replace("3.1", "0.1").as_bytes());
    let run = llmc(folder.path(), &["check", "stack.kdl"]);
    let shown = format!("{}{}", run.stdout, run.stderr);
    assert!(shown.contains("LLMC-X001") && shown.contains("LLMC-B006") && !shown.contains("hunter2"), "{shown}");
}

/// Anchors are resolved, and then hold what the same lines written out would hold.
#[test]
fn aliases_are_lists_like_others_and_nothing_is_none() {
    let text = "gpu:\n  h100-80gb-sxm: &h\n    on-demand: 2\n    date: \"2026-11-01\"\n    source: us\n  h100-80gb-pcie: *h\n";
    let price = stack(&spec("h100-80gb-pcie", "", FILE, ""), text).pools["p"].prices.on_demand.clone();
    is(price.as_ref(), "2", "prices.yaml: us, 2026-11-01");
    let price = stack(&spec("h100-80gb-sxm", "", FILE, ""), "{}\n").pools["p"].prices.on_demand.clone();
    assert_eq!(shown(price.as_ref()).0, "6.155");
    for empty in ["", "\n", "# nothing\n", "~\n"] {
        one_error("prices.yaml", empty.as_bytes(), "prices.yaml:", "the price list must be a block, not empty");
    }
    let bomb = (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| text + &format!("a{}: &a{} [*a{i}, *a{i}]\n", i + 1, i + 1));
    one_error("prices.yaml", bomb.as_bytes(), "prices.yaml:", "LLMC-S009");
}

#[test]
fn files_that_are_no_list() {
    one_error("prices.yaml", b"\x7fELF\x02\x01\xff\xfe", "stack.kdl:32:", "LLMC-F004");
    one_error("prices.yaml", b"gpu: {}\0\n", "prices.yaml:1:8", "LLMC-F005");
    one_error("prices.yaml", &vec![b'#'; 2 * 1024 * 1024], "stack.kdl:32:", "LLMC-F003");
    one_error("prices.yaml", "source: \u{202E}\n".as_bytes(), "prices.yaml:1:9", "LLMC-F005");
    let named = |file: &str, prepare: &dyn Fn(&Path)| {
        let spec = spec("h100-80gb-sxm", "", &format!("prices file=\"{file}\""), "");
        let folder = folder(&spec, "other.yaml", b"");
        prepare(folder.path());
        let errors = errors(folder.path());
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.concat()
    };
    let outside = tempfile::NamedTempFile::new().expect("a temporary file");
    let link = |folder: &Path| std::os::unix::fs::symlink(outside.path(), folder.join("prices.yaml")).expect("a link");
    assert!(named("prices.yaml", &link).contains("LLMC-F006"));
    assert!(named("../prices.yaml", &|_| {}).contains("LLMC-F006"));
    assert!(named("/etc/prices.yaml", &|_| {}).contains("LLMC-F006"));
    assert!(named("prices.yaml", &|_| {}).contains("LLMC-F001"));
    assert!(named("prices.yaml", &|folder| fs::create_dir(folder.join("prices.yaml")).expect("a folder")).contains("LLMC-F002"));
}

/// A file with a fault may have had the price: that it is not there is no second finding, and llmc's own list
/// takes its place in nothing.
#[test]
fn a_broken_file_is_not_replaced_by_the_list() {
    let folder = folder(&spec("h100-80gb-sxm", "", FILE, ""), "prices.yaml", b"gpu: [\n");
    let stack = compiled(folder.path()).stack.expect("a stack");
    assert_eq!(stack.pools["p"].prices.on_demand, None);
    assert!(stack.price_uses.iter().all(|price| price.fault == Some(PriceFault::Unreadable) && price.origin.is_none()));
}

#[test]
fn what_is_in_another_currency_needs_a_rate_once() {
    let budget = "currency \"EUR\"";
    let folder = folder(&spec("h100-80gb-sxm", "", EXTERNAL, budget), "prices.yaml", b"");
    let found = errors(folder.path());
    assert_eq!(found.len(), 1, "{found:?}");
    let words = "an hour of a GPU of `p`, a million input tokens of `gpt-4o` and 3 more are priced in USD, and the spec has no rate from USD to EUR";
    assert!(found[0].contains("LLMC-B003") && found[0].contains(words), "{found:?}");
    let stack = compiled(folder.path()).stack.expect("a stack");
    let price = stack.price_uses.iter().find(|price| price.block == "pool").expect("the price of the pool");
    assert_eq!((price.origin, price.currency.as_str()), (Some(PriceOrigin::List), "USD"));
    assert_eq!(stack.pools["p"].prices.on_demand, None);
}

/// Only the provider itself has the prices of llmc's list.
#[test]
fn another_service_has_its_own_token_prices() {
    let blocks = EXTERNAL.replace("provider \"openai\"", "provider \"openai\"; base-url \"https://llm.example.com/v1\"");
    let of_list = folder(&spec("h100-80gb-sxm", "", &blocks, ""), "prices.yaml", b"");
    let found = errors(of_list.path());
    assert!(
        matches!(found.as_slice(), [one] if one.contains("LLMC-B002") && one.contains("input and output tokens of `gpt-4o`")),
        "{found:?}"
    );
    let stack = stack(&spec("h100-80gb-sxm", "", &format!("{blocks}\n{FILE}"), ""), LIST);
    is(stack.externals["gpt-4o"].prices.output.as_ref(), "8", "prices.yaml: our reseller, 2026-11-02");
}

/// The list grows old, whatever day the tests are run on; it is never of the future.
#[test]
fn the_day_decides_what_is_old() {
    let folder = folder(&spec("h100-80gb-sxm", "price-per-gpu-hour 3; priced-on \"2026-11-20\"", EXTERNAL, ""), "prices.yaml", b"");
    let on = |seconds: &str| {
        let run = llmc_with(folder.path(), &["check", "--format", "short", "stack.kdl"], &[("SOURCE_DATE_EPOCH", seconds)]);
        let mut codes: Vec<&str> =
            run.stderr.lines().chain(run.stdout.lines()).filter_map(|line| line.split_once("[LLMC-B")?.1.get(..3)).collect();
        codes.sort_unstable();
        codes.join(" ")
    };
    // 2026-11-23: the prices of tokens are of May. 2028: those of the spec and of the list are old, each once.
    assert_eq!(on("1795392000"), "004");
    assert_eq!(on("1830000000"), "004 004");
    // 2026-06-01: the price of the spec has not come yet; what the list has of later days is no mistake.
    assert_eq!(on("1780272000"), "005");
    // No day at all.
    assert_eq!(on("0"), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever stands in a file of prices is refused with a word or read, and nothing fails.
    #[test]
    fn any_bytes_are_a_list_or_a_finding(bytes in prop::collection::vec(any::<u8>(), 0..200), kdl in any::<bool>()) {
        no_panic(if kdl { "prices.kdl" } else { "prices.yaml" }, &bytes);
    }

    #[test]
    fn anything_like_a_list_is_one_or_a_finding(words in prop::collection::vec(0..WORDS.len(), 0..40), kdl in any::<bool>()) {
        let text: String = words.into_iter().map(|at| WORDS[at]).collect();
        no_panic(if kdl { "prices.kdl" } else { "prices.yaml" }, text.as_bytes());
    }
}

const WORDS: [&str; 24] = [
    "gpu",
    "tokens",
    "currency",
    ": ",
    "\n",
    "\n  ",
    "\n    ",
    "h100-80gb-sxm",
    "on-demand",
    "spot",
    "date",
    "source",
    "\"2026-01-01\"",
    "2026-02-30",
    "1e999",
    "-1",
    "0.1",
    "{",
    "}",
    "[",
    "&a ",
    "*a",
    "\"EUR\"",
    "=",
];

fn no_panic(file: &str, bytes: &[u8]) {
    let spec = spec("h100-80gb-sxm", "spot share=0.5", &format!("prices file=\"{file}\""), "");
    let folder = folder(&spec, file, bytes);
    let compilation = compiled(folder.path());
    let stack = compilation.stack.expect("a stack");
    assert!(stack.pools["p"].prices.on_demand.is_some() || !compilation.findings.is_empty(), "refused without a word: {bytes:?}");
}
