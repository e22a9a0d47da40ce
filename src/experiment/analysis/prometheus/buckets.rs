//! What the buckets of a histogram say of the variance: no value is known, but in which bucket it lies and
//! what all sum up to.

/// A histogram as Prometheus answers it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// Upper bounds and the number of values up to each.
    pub(super) cumulative: Vec<(f64, f64)>,
    /// Sum of all values.
    pub(super) sum: f64,
}

/// Count, mean, and the variance with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) least_variance: f64,
    pub(super) greatest_variance: f64,
}

/// A bucket with values in it.
#[derive(Clone, Copy)]
struct Bucket {
    low: f64,
    high: f64,
    count: f64,
}

/// Sum and buckets of one histogram may be of different scrapes; beyond this share they contradict each other.
const TOLERANCE: f64 = 0.01;

impl Histogram {
    /// The spread that count, sum and buckets allow.
    ///
    /// # Errors
    /// In words, where they allow none or do not bound it.
    pub(super) fn spread(&self) -> Result<Spread, String> {
        let mut cumulative = self.cumulative.clone();
        cumulative.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = match cumulative.last() {
            Some((bound, count)) if bound.is_infinite() => *count,
            _ => return Err("has no bucket `+Inf`".to_owned()),
        };
        if count < 2.0 {
            return Err(format!("has {count} values"));
        }
        let mean = self.sum / count;
        // As Prometheus itself takes it, values begin at 0 where the first bound is above.
        let mut low = if cumulative.first().is_some_and(|(bound, _)| *bound > 0.0) { 0.0 } else { f64::NEG_INFINITY };
        let mut below = 0.0;
        let mut buckets = Vec::new();
        for (high, up_to) in cumulative {
            buckets.push(Bucket { low, high, count: (up_to - below).max(0.0) });
            (low, below) = (high, up_to.max(below));
        }
        buckets.retain(|bucket| bucket.count > 0.0);
        if buckets.iter().any(|bucket| bucket.low.is_infinite()) {
            return Err("has values below its lowest bound, where nothing bounds them".to_owned());
        }
        let count: f64 = buckets.iter().map(|bucket| bucket.count).sum();
        let least: f64 = buckets.iter().map(|bucket| bucket.count * bucket.low).sum();
        let total = mean * count;
        let slack = TOLERANCE * total.abs().max(least.abs());
        let most: f64 = buckets.iter().map(|bucket| bucket.count * bucket.high).sum();
        if !total.is_finite() || total < least - slack || total > most + slack {
            return Err("has a sum that its buckets do not allow".to_owned());
        }
        let total = total.clamp(least, most);
        let mean = total / count;
        // The last bucket has no upper bound, but one value that took all that is left would be the greatest.
        let excess = total - least;
        buckets.iter_mut().filter(|bucket| bucket.high.is_infinite()).for_each(|bucket| bucket.high = bucket.low + excess);
        let greatest = greatest_squares(&mut buckets.clone(), excess) - total * mean;
        let least = least_squares(&buckets, total, mean);
        let degrees = count - 1.0;
        let greatest_variance = (greatest / degrees).max(0.0);
        // A test takes some variance.
        let least_variance = (least / degrees).clamp(greatest_variance * 1e-9, greatest_variance);
        if greatest_variance > 0.0 && greatest_variance.is_finite() {
            Ok(Spread { count, mean, least_variance, greatest_variance })
        } else {
            Err("has buckets that do not bound its variance".to_owned())
        }
    }
}

/// The least sum of squared deviations: all values of a bucket at its end nearest to one level, which is
/// where the sum is right (the conditions of Karush, Kuhn and Tucker for a least square on intervals).
fn least_squares(buckets: &[Bucket], total: f64, mean: f64) -> f64 {
    let at = |level: f64| buckets.iter().map(move |bucket| (bucket.count, level.clamp(bucket.low, bucket.high)));
    let ends = |pick: fn(&Bucket) -> f64| buckets.iter().map(pick);
    let mut low = ends(|bucket| bucket.low).fold(f64::INFINITY, f64::min);
    let mut high = ends(|bucket| bucket.high).fold(f64::NEG_INFINITY, f64::max);
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        let sum: f64 = at(middle).map(|(count, value)| count * value).sum();
        *(if sum < total { &mut low } else { &mut high }) = middle;
    }
    at(low).map(|(count, value)| count * (value - mean).powi(2)).sum()
}

/// The greatest sum of squares: a square on an interval is at most its chord, so what the sum has beyond all
/// lower ends goes to the upper ends where it counts most.
fn greatest_squares(buckets: &mut [Bucket], excess: f64) -> f64 {
    buckets.sort_by(|a, b| (b.low + b.high).total_cmp(&(a.low + a.high)));
    let mut left = excess;
    let mut squares = 0.0;
    for bucket in buckets {
        let moved = left.min(bucket.count * (bucket.high - bucket.low));
        squares += bucket.count * bucket.low * bucket.low + moved * (bucket.low + bucket.high);
        left -= moved;
    }
    squares
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    fn histogram(bounds: &[f64], values: &[f64]) -> Histogram {
        let up_to = |bound: f64| values.iter().filter(|value| **value <= bound).count() as f64;
        let cumulative = bounds.iter().copied().chain([f64::INFINITY]).map(|bound| (bound, up_to(bound))).collect();
        Histogram { cumulative, sum: values.iter().sum() }
    }

    /// Whatever the values, the bounds hold what is computed from the values themselves.
    #[test]
    fn the_variance_lies_within_its_bounds() {
        let mut state = 3_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for round in 0..200 {
            let scale = if round % 2 == 0 { 1.0 } else { 3.0 };
            let values: Vec<f64> = (0..2 + round).map(|_| random() * random() * scale).collect();
            let (n, mean) = (values.len() as f64, values.iter().sum::<f64>() / values.len() as f64);
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
            let fine: Vec<f64> = (1..=400).map(|at| f64::from(at) / 100.0).collect();
            for (bounds, width) in [(vec![0.1, 0.25, 0.5, 1.0], 99.0), (fine, 0.01)] {
                let spread = histogram(&bounds, &values).spread().unwrap();
                let (low, high) = (spread.least_variance, spread.greatest_variance);
                assert!(low <= variance * (1.0 + 1e-9) && variance <= high * (1.0 + 1e-9), "{low} {variance} {high}");
                assert!((spread.mean - mean).abs() < 1e-9);
                // Within a bucket of width w the deviation is known to w.
                assert!(high.sqrt() - low.sqrt() <= 2.5 * width, "{low} {high}");
            }
        }
    }

    /// Two values in one bucket: together at the mean, or apart at its ends.
    #[test]
    fn bounds_by_hand() {
        let spread = histogram(&[1.0], &[0.5, 0.5]).spread().unwrap();
        assert_eq!(spread.greatest_variance, 0.5);
        assert!(spread.least_variance <= 1e-9);
        let spread = histogram(&[1.0, 2.0], &[1.0, 2.0]).spread().unwrap();
        // A sum of 3 leaves only 1 and 2: (0.25 + 0.25) / (2 - 1).
        assert_eq!((spread.mean, spread.greatest_variance), (1.5, 0.5));
    }

    #[test]
    fn what_contradicts_itself_says_so() {
        let wrong = Histogram { cumulative: vec![(1.0, 5.0), (f64::INFINITY, 5.0)], sum: 50.0 };
        assert!(wrong.spread().unwrap_err().contains("do not allow"));
        let open = Histogram { cumulative: vec![(0.0, 5.0), (f64::INFINITY, 5.0)], sum: -5.0 };
        assert!(open.spread().unwrap_err().contains("below its lowest bound"));
        assert!(Histogram::default().spread().unwrap_err().contains("+Inf"));
        assert!(Histogram { cumulative: vec![(f64::INFINITY, 1.0)], sum: 1.0 }.spread().is_err());
        assert!(Histogram { cumulative: vec![(1.0, f64::NAN), (f64::INFINITY, 9.0)], sum: f64::NAN }.spread().is_err());
    }
}
