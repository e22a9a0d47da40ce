//! What `llmc cost` says beside the bill: capacities, comparisons, effects and assumptions.

use super::*;

fn text_of(folder: &Path) -> String {
    llmc(folder, &["cost", "."]).stdout
}

#[test]
fn one_copy_and_the_copies_needed_are_shown_with_their_bounds() {
    let folder = example("customer-support", &[]);
    let (stack, _) = priced(folder.path());
    let of = &model(&stack, "llama-70b")["capacity"];
    assert_eq!((&of["asked_requests_per_second"], of["unknown"].as_array().unwrap().len()), (&"12.000000".into(), 0));
    let figures = ["low", "expected", "ceiling"].map(|bound| decimal(of["copy_requests_per_second"][bound].as_str().unwrap()));
    assert!(figures[0] > Decimal::ZERO && figures[0] <= figures[1] && figures[1] <= figures[2], "{figures:?}");
    let needed = ["low", "expected", "ceiling"].map(|bound| Decimal::from(of["copies_needed"][bound].as_u64().unwrap()));
    assert_eq!(needed, figures.map(|each| (Decimal::from(12) / each).ceil()));
    let text = text_of(folder.path());
    let line =
        text.lines().find(|line| line.starts_with("  llama-70b") && line.contains("limited by ")).unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains(" 12 ") && !text.contains("0.4000000"), "{text}");
    assert!(model(&stack, "gpt-4o")["capacity"].is_null(), "nobody knows what an external model serves");
    // Where it is not known it says why.
    let (stack, _) = priced(example("research-desk", &[]).path());
    let of = &model(&stack, "llama-8b")["capacity"];
    assert!(of["copy_requests_per_second"].is_null() && of["unknown"][0].as_str().unwrap().contains("no load is stated"), "{of:#}");
}

#[test]
fn an_effect_that_moves_no_copies_says_how_many_there_are() {
    let folder = example("customer-support", &[]);
    let text = text_of(folder.path());
    let line = text.lines().find(|line| line.contains("semantic cache of route `support`:")).unwrap();
    assert!(line.contains(" more than it saves at 20 % to 40 %, as stated") && !line.contains(" -"), "{line}");
    assert!(line.contains("2 copies of `llama-8b` with and without it") && !text.contains("is fixed"), "{line}");
    // 15 requests a second reach the 70B without the cache, and its 3 copies are all that there are.
    let (stack, _) = priced(folder.path());
    let each = decimal(model(&stack, "llama-70b")["capacity"]["copy_requests_per_second"]["expected"].as_str().unwrap());
    let needed = (Decimal::from(15) / each).ceil();
    assert!(needed > Decimal::from(3), "{each}: the example is changed");
    assert!(line.contains(&format!("without it `llama-70b` would take {needed} copies, and has at most 3")), "{line}");
}

#[test]
fn an_external_model_without_a_price_is_named_and_not_compared() {
    let external = "    external \"mini\" {\n provider \"openai\"\n output-price-per-million 2\n token-secret \"openai\" key=\"key\"\n }\n    prompt \"support\" {";
    let folder = example("customer-support", &[("    prompt \"support\" {", external)]);
    let (stack, _) = priced(folder.path());
    let triage = stack["routes"].as_array().unwrap().iter().find(|route| route["name"] == "triage").unwrap();
    assert_eq!(triage["against"].as_array().unwrap().len(), 1, "gpt-4o has its prices");
    assert_eq!(triage["not_compared"], serde_json::json!(["`mini`, whose price of input tokens is not known"]));
    let text = text_of(folder.path());
    assert!(text.contains("route `triage` is not held against `mini`, whose price of input tokens is not known"), "{text}");
}

#[test]
fn tokens_of_an_external_model_cost_what_it_asks() {
    let stated = "output-tokens=250 { prefix-hits at-least=0.4; }";
    let (stack, _folder) = on_tokens(&[(LOAD, stated)]);
    let of = model(&stack, "gpt-4o");
    // 60 % at 2.50 and 40 % at 1.25.
    assert_eq!((&of["per_million_input_tokens"], &of["per_million_output_tokens"]), (&"2.000000".into(), &"10.000000".into()));
}

/// Small prices are neither rounded nor shown as nothing.
#[test]
fn a_price_keeps_its_digits() {
    let (stack, folder) = on_tokens(&[("output-price-per-million 10.00", "output-price-per-million 0.0000001")]);
    let prices = stack["prices"].as_array().unwrap();
    let price = prices.iter().find(|price| price["what"] == "external gpt-4o: a million output tokens").unwrap();
    assert_eq!(price["amount"], "0.0000001");
    edit(&folder.path().join("stack.kdl"), " input-price-per-million 2.50", " input-price-per-million 0.0000001");
    edit(&folder.path().join("stack.kdl"), "cached-input-price-per-million 1.25", "");
    let text = text_of(folder.path());
    assert!(text.contains("< 0.000001"), "{text}");
}

#[test]
fn copies_that_stay_are_not_split_over_the_month() {
    let checks = ("            self-check\n        }\n        output", "        }\n        output");
    let folder = example("customer-support", &[("requests-per-second=5 ", "requests-per-second=1 "), checks]);
    let text = text_of(folder.path());
    assert!(text.contains("`llama-70b`: 2 copies, by its load") && !text.contains("and 2 for the rest"), "{text}");
}

#[test]
fn a_stack_without_models_costs_what_it_reserves() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("stack.kdl");
    fs::write(&spec, "stack \"empty\" {\n namespace \"e\"\n}\n").unwrap();
    let (stack, code) = priced(folder.path());
    assert_eq!((code, amounts(&stack["monthly"])), (0, ["0.00"; 3].map(str::to_owned)));
    let pool = "pool \"p\" {\n gpu \"l4-24gb\"\n nodes 1\n gpus-per-node 1\n price-per-gpu-hour 0.7\n reserved gpus=1 price-per-gpu-hour=0.3\n }\n";
    edit(&spec, " namespace \"e\"\n", &format!(" namespace \"e\"\n {pool}"));
    let (stack, _) = priced(folder.path());
    // 0.30 x 730.
    assert_eq!(item(&stack, "idle-reservation", "p"), ["219.00"; 3]);
}
