//! Waiting for running answers where vLLM itself does not.

/// Readings of zero, one second apart, that count as idle: the gauges are snapshots of the last
/// engine step, and read zero at times while requests run (seen on vLLM 0.32.0).
const IDLE_READINGS: u32 = 5;

/// What `python3 -c` runs; its arguments are the address, the delay, the limit, the number of
/// readings and the gauges. A reading that fails or shows no gauge is no sign of being idle.
const SCRIPT: &str = r#"import sys, time, urllib.request
url, delay, limit, enough = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
gauges = tuple(name + "{" for name in sys.argv[5:])
# The pod's own address is never behind a proxy.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
time.sleep(delay)
end = time.monotonic() + limit
idle = 0
while idle < enough and time.monotonic() < end:
    try:
        with opener.open(url, timeout=2) as answer:
            lines = answer.read().decode().splitlines()
        values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(gauges)]
        idle = idle + 1 if values and not any(values) else 0
    except Exception:
        idle = 0
    time.sleep(min(1, max(0, end - time.monotonic())))
"#;

/// The command that waits until every gauge at `url` is zero, first `delay_seconds` and then at
/// most `limit_seconds`. vLLM's image has `python3`, and no `curl` in every version.
pub(super) fn command(url: &str, gauges: &[&str], delay_seconds: u32, limit_seconds: u32) -> Vec<String> {
    let numbers = [delay_seconds, limit_seconds, IDLE_READINGS].map(|n| n.to_string());
    let fixed = ["python3", "-c", SCRIPT, url].map(str::to_owned);
    fixed.into_iter().chain(numbers).chain(gauges.iter().map(|g| (*g).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::process::Command;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use super::{IDLE_READINGS, command};

    /// Serves `running` requests for the first `busy` readings and none after; counts readings.
    fn engine(busy: u32) -> (String, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/metrics", listener.local_addr().expect("an address"));
        let readings = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&readings);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let reading = count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 1024]);
                // One snapshot reads zero while the request still runs.
                let running = u32::from(reading < busy && reading != 1);
                let body = format!("# TYPE running gauge\nrunning{{engine=\"0\"}} {running}.0\nrunning_peak{{engine=\"0\"}} 9.0\n");
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            }
        });
        (url, readings)
    }

    fn run(url: &str, gauge: &str, delay: u32, limit: u32) -> Duration {
        let words = command(url, &[gauge], delay, limit);
        let start = Instant::now();
        let status = Command::new(&words[0]).args(&words[1..]).status().expect("python3 runs");
        assert!(status.success());
        start.elapsed()
    }

    #[test]
    fn waits_for_a_running_answer_and_past_a_zero_snapshot() {
        let (url, readings) = engine(4);
        run(&url, "running", 0, 60);
        assert_eq!(readings.load(Ordering::SeqCst), 4 + IDLE_READINGS);
    }

    #[test]
    fn stops_at_the_limit_and_not_before_when_nothing_is_known() {
        let (url, _) = engine(0);
        for (url, gauge) in [(url.as_str(), "renamed"), ("http://127.0.0.1:1/metrics", "running")] {
            let took = run(url, gauge, 1, 3);
            assert!(took >= Duration::from_secs(4), "{gauge} at {url}: {took:?}");
        }
    }
}
