//! The bills of the example stacks, as a person works them out on paper.
//!
//! Prices and loads are those of the specs, with 0.04 for a CPU hour, 0.005 for a GiB hour of memory and 0.10
//! for a GiB of a volume. From llmc come only what one copy serves and its share of time for prompts (the
//! roofline, which has its own tests), never an amount. Lengths of texts that guardrails put around
//! a question are their characters by 4.4, the figure for English.

use super::*;

fn d(text: &str) -> Decimal {
    decimal(text)
}

/// What the roofline says of one copy: requests in a second, and the share of time for prompts.
fn one_copy(stack: &str, model: &str) -> (f64, Decimal) {
    let capacities = capacities(&resolved(stack));
    let throughput = capacities.into_iter().find(|c| c.model == model).unwrap().throughput.unwrap();
    (throughput.requests_per_second.expected, format!("{:.9}", throughput.prefill_share).parse().unwrap())
}

/// The fewest copies, from `least` to `most`, that serve `rate` requests a second.
fn copies_for(rate: f64, each: f64, least: u32, most: u32) -> Decimal {
    (least..=most).find(|copies| f64::from(*copies) * each >= rate).unwrap_or(most).into()
}

fn route<'v>(stack: &'v Value, name: &str) -> &'v Value {
    stack["routes"].as_array().unwrap().iter().find(|route| route["name"] == name).unwrap()
}

/// With six decimals, as amounts for one request are.
fn six(amount: Decimal) -> String {
    let mut rounded = amount.round_dp_with_strategy(6, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(6);
    rounded.to_string()
}

/// What each request of `requests` costs on GPT-4o, at 2.50 and 10.00 a million, 1.25 for cached input.
fn gpt_4o(requests: &str, input: Decimal, cached: Decimal, output: Decimal) -> Decimal {
    d(requests) * (input * d("2.50") + cached * d("1.25") + output * d("10")) / d("1000000")
}

/// Tokens of a text that a screen asks about a question: 10 of the chat template, 694 characters of the
/// screen, and of the prompt what is not the system message (295 characters) or the instructions (225).
fn input_check(prompt: &str) -> Decimal {
    d("10") + d("694") / d("4.4") + d(prompt) - d("520") / d("4.4")
}

/// The same about a part of an answer of `part` tokens: 1,004 characters with the instructions.
fn output_check(part: &str) -> Decimal {
    d("10") + d("1004") / d("4.4") + d(part)
}

#[test]
fn customer_support_by_hand() {
    let (stack, code) = priced(example("customer-support", &[]).path());
    assert_eq!((code, &stack["currency"], &stack["is_partial"]), (0, &"USD".into(), &Value::Bool(false)));

    // 5 a second to `support`; the cache answers a fifth, the tier a quarter of the rest: 4 x 0.75 = 3 for the 70B,
    // 3 judgements of questions, and 2 x 3 of answers (250 tokens are more than a chunk of 200): 12 a second.
    let (each, _) = one_copy("customer-support", "llama-70b");
    let busy = copies_for(12.0, each, 2, 3);
    // Four tenths of the month are as busy as that; 2 copies run in the rest.
    let copies = busy * d("0.4") + d("2") * d("0.6");
    assert_eq!(model(&stack, "llama-70b")["copies"]["expected"], cents(copies));

    // A copy has 4 GPUs x 2.21 = 8.84 an hour; x 730 = 6,453.20. 2 copies: 12,906.40. 3 copies: 19,359.60.
    let gpus_70b = cents(copies * d("6453.20"));
    assert_eq!(item(&stack, "gpus", "llama-70b"), ["12906.40", gpus_70b.as_str(), "19359.60"]);
    // 2 copies x 1 GPU x 1.10 x 730 = 1,606.00, whatever the load.
    assert_eq!(item(&stack, "gpus", "llama-8b"), ["1606.00"; 3]);
    // A copy more for 3,620 s (3,600 to start, 20 to drain) holds 4 GPUs: 3,620 / 3,600 x 8.84 = 8.889111…;
    // for 3 copies 26.667333…, 4 times a month 106.669333…. None at the minimum.
    let rollouts_70b = cents(copies * d("8.84") * d("3620") * d("4") / d("3600"));
    assert_eq!(item(&stack, "rollouts", "llama-70b"), ["0.00", rollouts_70b.as_str(), "106.67"]);
    // 758 s / 3,600 x 1.10 = 0.231611…; for 2 copies 0.463222…, 4 times 1.852888….
    assert_eq!(item(&stack, "rollouts", "llama-8b"), ["0.00", "1.85", "1.85"]);
    // 2 servers x (1 CPU x 0.04 + 1 GiB x 0.005) = 0.09 an hour; x 730 = 65.70.
    assert_eq!(item(&stack, "guardrails", "default"), ["65.70"; 3]);
    // (2 CPU x 0.04 + 8 GiB x 0.005) = 0.12 an hour; x 730 = 87.60.
    assert_eq!(item(&stack, "semantic-cache", "support"), ["87.60"; 3]);
    // 168 GiB x 0.1 and 28 GiB x 0.1.
    assert_eq!(item(&stack, "storage", "llama-70b"), ["16.80"; 3]);
    assert_eq!(item(&stack, "storage", "llama-8b"), ["2.80"; 3]);

    // GPT-4o, escalations: 0.05 a second x 0.4 x 2,628,000 s = 52,560 requests, each judged once as a question
    // and 3 times as an answer (350 tokens in chunks that overlap by 50: 200, 200 and 50, 150 on average).
    // Verdicts have 2 tokens.
    let escalation = |requests: &str| {
        let zero = Decimal::ZERO;
        gpt_4o(requests, d("1400"), zero, d("350"))
            + gpt_4o(requests, input_check("1400"), zero, d("2"))
            + d("3") * gpt_4o(requests, output_check("150"), zero, d("2"))
    };
    // As fallback: of 900 tokens a tenth is cached; answers of 250 are judged twice: 200 and 100 tokens.
    let fallback = |requests: &str| {
        let zero = Decimal::ZERO;
        gpt_4o(requests, d("810"), d("90"), d("250"))
            + gpt_4o(requests, input_check("900"), zero, d("2"))
            + d("2") * gpt_4o(requests, output_check("150"), zero, d("2"))
    };
    // A thousandth of 3 a second, in 0.4 of the month: 0.0012 x 2,628,000 = 3,153.6 requests. At most a hundredth,
    // busy all month: 0.03 x 2,628,000 = 78,840, and 0.05 x 2,628,000 = 131,400 escalations.
    let tokens = cents(escalation("52560") + fallback("3153.6"));
    let most_tokens = cents(escalation("131400") + fallback("78840"));
    assert_eq!(item(&stack, "tokens", "gpt-4o"), ["0.00", tokens.as_str(), most_tokens.as_str()]);
    assert_eq!((tokens.as_str(), most_tokens.as_str()), ("744.04", "2499.57"), "on paper");

    // The sums: 12,906.40 + 1,606.00 + 65.70 + 87.60 + 16.80 + 2.80 = 14,685.30 without traffic;
    // 19,359.60 + 1,606.00 + 106.67 + 1.85 + 65.70 + 87.60 + 16.80 + 2.80 + 2,499.57 = 23,746.59 at most;
    // 1,606.00 + 1.85 + 65.70 + 87.60 + 16.80 + 2.80 + 744.04 = 2,524.79 beside the 70B.
    let expected = cents(d(&gpus_70b) + d(&rollouts_70b) + d("2524.79"));
    assert_eq!(amounts(&stack["monthly"]), ["14685.30", expected.as_str(), "23746.59"]);
    assert_eq!(stack["items"].as_array().unwrap().len(), 9, "no other line");

    // The 70B for one request and a million tokens: 12 x 0.4 x 2,628,000 = 12,614,400 requests.
    let cost_70b = d(&gpus_70b) + d(&rollouts_70b) + d("16.80");
    let of_70b = model(&stack, "llama-70b");
    assert_eq!((&of_70b["requests"], &of_70b["per_request"]), (&"12614400".into(), &six(cost_70b / d("12614400")).into()));
    // For each answer 900 + 250 tokens, one check of its question and two of it.
    let each_answer = d("1150") + input_check("900") + d("2") + d("2") * (output_check("150") + d("2"));
    assert_eq!(of_70b["per_million_tokens"], six(cost_70b / (d("3.153600") * each_answer)), "3.1536 million answers");

    // An escalation: its tokens, and of 65.70 for guardrails 52,560 of 52,560 + 5,256,000 requests.
    let route_of = route(&stack, "escalation");
    let monthly = cents(escalation("52560")).parse::<Decimal>().unwrap() + d("0.65");
    assert_eq!((&route_of["monthly"], &route_of["per_request"]), (&cents(monthly).into(), &six(monthly / d("52560")).into()));
}

/// `triage` on the 8B, held against GPT-4o.
#[test]
fn customer_support_against_an_external_model_by_hand() {
    let (stack, _) = priced(example("customer-support", &[]).path());
    let route = route(&stack, "triage");
    // 9 x 0.4 x 2,628,000 = 9,460,800 requests, of 344 x 2.50 + 39 x 10.00 by a million = 0.00125: 11,826.00.
    let against = &route["against"][0];
    assert_eq!((&route["requests"], &against["external"]), (&"9460800".into(), &"gpt-4o".into()));
    assert_eq!((&against["external_per_request"], &against["external_monthly"]), (&"0.001250".into(), &"11826.00".into()));
    // Of 1,606.00 + 1.85 + 2.80 = 1,610.65 for the 8B it pays by GPU time. Prompts that are read in a second:
    // 9 x 344 of its own; of 1 by the tier 900 less a tenth that is cached, its question, and two parts of its answer.
    let (_, prompts) = one_copy("customer-support", "llama-8b");
    let read = d("3096") / (d("3096") + d("810") + input_check("900") + d("2") * output_check("150"));
    // Answers that are written: 9 x 39; of the tier 250, and three verdicts of 2.
    let written = d("351") / (d("351") + d("250") + d("6"));
    let own = d("1610.65") * (prompts * read + (Decimal::ONE - prompts) * written);
    assert_eq!((&against["own_monthly"], &route["monthly"]), (&cents(own).into(), &cents(own).into()));
    // On GPT-4o 1 request/s costs 0.00125 x 2,628,000 = 3,285.00 a month.
    assert_eq!(against["break_even_requests_per_second"], six(own / d("3285")));
    assert_eq!(against["stated_requests_per_second"], "3.600000");
    assert_eq!(route["per_request"], six(d(&cents(own)) / d("9460800")));
}

#[test]
fn korean_assistant_by_hand() {
    let (stack, code) = priced(example("korean-assistant", &[]).path());
    assert_eq!(code, 0);
    // 1 GPU x 1.10 x 730; no rollout starts a second pod on the only GPU.
    assert_eq!(item(&stack, "gpus", "llama-8b"), ["803.00"; 3]);
    // 2 x (0.04 + 0.005) x 730, and 28 GiB x 0.1.
    assert_eq!(item(&stack, "guardrails", "korean"), ["65.70"; 3]);
    assert_eq!(item(&stack, "storage", "llama-8b"), ["2.80"; 3]);
    assert_eq!(stack["items"].as_array().unwrap().len(), 3, "{stack:#}");
    // 803.00 + 65.70 + 2.80.
    assert_eq!(amounts(&stack["monthly"]), ["871.50"; 3]);
    assert_eq!((&stack["is_partial"], &stack["budget"]), (&Value::Bool(false), &"1100.00".into()));
    // 1 request/s x 730 x 3,600 s = 2,628,000 requests; all of the bill is the one route's:
    // 871.50 / 2,628,000 = 0.000331621….
    let route = route(&stack, "qna");
    assert_eq!((&route["requests"], &route["monthly"], &route["per_request"]), (&"2628000".into(), &"871.50".into(), &"0.000332".into()));
    // With one check of each question and two of each answer (200 tokens: a chunk, and the 50 that stay) the
    // model gets 4 a second: 805.80 / 10,512,000 = 0.0000766….
    let of = model(&stack, "llama-8b");
    assert_eq!((&of["requests"], &of["per_request"]), (&"10512000".into(), &"0.000077".into()));
    assert_eq!(stack["rollouts"][0]["expected"], "0.000000");
}

#[test]
fn research_desk_by_hand() {
    let (stack, code) = priced(example("research-desk", &[]).path());
    assert_eq!(code, 0);
    // 1.5 a second, of which each answer of 600 tokens is judged 4 times (200, 200, 200 and 150): 7.5 a second.
    let (each, _) = one_copy("research-desk", "llama-70b-fp8");
    let copies = copies_for(7.5, each, 2, 4);
    // 2 copies are the 4 GPUs that are reserved: 4 x 2.80 x 730 = 8,176.00. Each copy more has 2 GPUs, one of
    // them spot on average: (2.10 + 3.90) x 730 = 4,380.00. 4 copies: 16,936.00.
    let gpus = cents(d("8176") + (copies - d("2")) * d("4380"));
    assert_eq!(item(&stack, "gpus", "llama-70b-fp8"), ["8176.00", gpus.as_str(), "16936.00"]);
    // 2 x 0.71 x 730 = 1,036.60; a third pod for 758 s / 3,600 x 0.71 x 2 copies x 4 = 1.195955….
    assert_eq!(item(&stack, "gpus", "llama-8b"), ["1036.60"; 3]);
    assert_eq!(item(&stack, "rollouts", "llama-8b"), ["0.00", "1.20", "1.20"]);
    // 3 x 0.045 x 730 = 98.55; 92 GiB and 28 GiB x 0.1.
    assert_eq!(item(&stack, "guardrails", "documents"), ["98.55"; 3]);
    assert_eq!(item(&stack, "storage", "llama-70b-fp8"), ["9.20"; 3]);
    assert_eq!(item(&stack, "storage", "llama-8b"), ["2.80"; 3]);
    assert_eq!(stack["items"].as_array().unwrap().len(), 6, "8 GPUs hold 4 copies, so no rollout starts a fifth: {stack:#}");
    // 8,176.00 + 1,036.60 + 98.55 + 9.20 + 2.80 = 9,323.15; at most 16,936.00 + 1,147.15 + 1.20 = 18,084.35.
    let expected = cents(d(&gpus) + d("1148.35"));
    assert_eq!(amounts(&stack["monthly"]), ["9323.15", expected.as_str(), "18084.35"]);
    // `digest` alone asks the 70B, behind its guardrails: 1.5 x 2,628,000 = 3,942,000 requests.
    let digest = route(&stack, "digest");
    let monthly = d(&gpus) + d("9.20") + d("98.55");
    assert_eq!((&digest["requests"], &digest["monthly"]), (&"3942000".into(), &cents(monthly).into()));
    assert_eq!(digest["per_request"], six(monthly / d("3942000")));
    // The model: 7.5 x 2,628,000 = 19,710,000 requests.
    let of = model(&stack, "llama-70b-fp8");
    assert_eq!((&of["requests"], &of["per_request"]), (&"19710000".into(), &six((d(&gpus) + d("9.20")) / d("19710000")).into()));
    // Nobody states how many queries come, so what one costs is not known.
    assert!(model(&stack, "llama-8b")["per_request"].is_null() && route_is_unknown(&stack), "{stack:#}");
}

fn route_is_unknown(stack: &Value) -> bool {
    let query = route(stack, "query");
    query["per_request"].is_null() && query["unknown"][0].as_str().unwrap().contains("state `load` of route `query`")
}
