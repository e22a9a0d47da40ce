//! An experiment judged by a Prometheus server, which is one of this process.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::Random;
use crate::harness::{Run, llmc_with, root};

/// Answers one request with `head` and `body`, and gives back what was asked.
fn serve(head: &'static str, body: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a time-out");
        let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
        while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
            let count = stream.read(&mut buffer).expect("a request");
            assert!(count > 0, "the request ends early");
            asked.extend_from_slice(&buffer[..count]);
        }
        // A client that has read enough may hang up.
        drop(write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()));
        String::from_utf8(asked).expect("UTF-8")
    });
    (url, server)
}

fn ask(url: &str, token: &str) -> Run {
    let args = ["experiment", "analyze", "support-v2", "--stack", "customer-support", "--days", "21", "--json", "--prometheus", url];
    llmc_with(root(), &args, &[("LLMC_PROMETHEUS_TOKEN", token)])
}

/// What Prometheus says of values of both arms, in buckets of `bounds`.
fn answer(effect: f64, bounds: &[f64]) -> String {
    let mut random = Random(31);
    let mut series = Vec::new();
    for (arm, count, effect) in [("control", 7_000, 0.0), ("treatment", 3_000, effect), ("off", 10, 0.0)] {
        for (metric, mean, deviation) in [("quality", 0.6 + effect, 0.1), ("ttft", 0.4, 0.05)] {
            let values: Vec<f64> = (0..count).map(|_| (mean + deviation * random.normal()).max(0.0)).collect();
            let mut add = |le: String, value: f64| {
                series.push(json!({"metric": {"variant": arm, "metric": metric, "le": le}, "value": [1.5, value.to_string()]}));
            };
            for bound in bounds {
                add(bound.to_string(), values.iter().filter(|value| *value <= bound).count() as f64);
            }
            add("+Inf".to_owned(), f64::from(count));
            add("count".to_owned(), f64::from(count));
            add("sum".to_owned(), values.iter().sum());
        }
    }
    json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string()
}

#[test]
fn a_verdict_stands_where_it_is_the_same_at_both_bounds_of_the_variance() {
    let fine: Vec<f64> = (1..=50).map(|at| f64::from(at) / 50.0).collect();
    let (url, server) = serve("200 OK", answer(0.03, &fine));
    let run = ask(&url, "a-token-for-tests");
    let asked = server.join().expect("the server ends");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    assert_eq!((&report["verdict"]["word"], &report["unit"]), (&json!("deploy"), &json!("observations")), "{report:#}");
    let range = report["metrics"][0]["p_holm_range"].as_array().expect("a range");
    assert!(range[0].as_f64() <= range[1].as_f64(), "{range:?}");
    assert!(report["notes"].to_string().contains("observations and not users"));
    assert!(asked.starts_with("GET /api/v1/query?query="), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: bearer a-token-for-tests"), "{asked}");
    assert!(asked.contains("llmc_experiment_value_bucket") && asked.contains("%5B21d%5D"), "{asked}");

    // In two buckets nearly nothing is known of the variance.
    let (url, server) = serve("200 OK", answer(0.01, &[0.5, 10.0]));
    let run = ask(&url, "");
    let asked = server.join().expect("the server ends");
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    assert_eq!((run.code, &report["verdict"]["word"]), (0, &json!("not-enough")), "{report:#}");
    assert!(report["verdict"]["reasons"][0].as_str().expect("a text").contains("the buckets leave the variance open"), "{report:#}");
    assert!(!asked.to_lowercase().contains("authorization"), "{asked}");
}

#[test]
fn answers_that_are_none_say_so_and_tell_no_secrets() {
    let token = "hf_abcdefghijklmnop0123456789";
    for (head, body, part) in [
        ("302 Found\r\nlocation: http://127.0.0.1:9/", String::new(), "redirects, which is not followed"),
        ("401 Unauthorized", String::new(), "LLMC_PROMETHEUS_TOKEN"),
        ("404 Not Found", String::new(), "no Prometheus at this path"),
        ("503 Service Unavailable", String::new(), "answers 503"),
        ("200 OK", "<html>".to_owned(), "not one of Prometheus"),
        ("200 OK", " ".repeat(5 << 20), "cannot ask"),
        (
            "400 Bad Request",
            json!({"status": "error", "error": format!("bad\u{1b}[2J {token}")}).to_string(),
            "Prometheus refuses the query: bad\\u{1b}",
        ),
        ("200 OK", answer(0.0, &[1.0]).replace("treatment", "treetment"), "a variant `treetment`"),
    ] {
        let (url, server) = serve(head, body);
        let run = ask(&url, token);
        server.join().expect("the server ends");
        assert!(run.code == 1 && run.stderr.contains(part), "{part}\n{}", run.stderr);
        assert!(!run.stderr.contains(token) && !run.stderr.contains('\u{1b}'), "{}", run.stderr);
    }
    for url in ["http://user:secret-word@127.0.0.1:1", "http://", "http://127.0.0.1:1/?x=1"] {
        let run = ask(url, "");
        assert!(
            run.code == 1 && run.stderr.contains("is no address of Prometheus") && !run.stderr.contains("secret-word"),
            "{}",
            run.stderr
        );
    }
    let run = ask("http://127.0.0.1:1", "two words");
    assert!(run.code == 1 && run.stderr.contains("holds no token") && !run.stderr.contains("two words"), "{}", run.stderr);
}
