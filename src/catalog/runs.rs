//! Runs of layers in a file: a kind of layer is written once, however often it comes back.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use serde_json::Value;

use super::facts::LayerRun;

#[derive(Serialize)]
#[serde(untagged)]
enum Written<'a> {
    Like(Like),
    Run(&'a LayerRun),
}

/// A run with the layers of an earlier one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Like {
    count: u32,
    like: usize,
}

pub(super) fn serialize<S: Serializer>(runs: &[LayerRun], serializer: S) -> Result<S::Ok, S::Error> {
    let same = |a: &LayerRun, b: &LayerRun| a.mixer == b.mixer && a.feed_forward == b.feed_forward && a.unquantized == b.unquantized;
    let written = runs.iter().enumerate().map(|(at, run)| match runs[..at].iter().position(|earlier| same(earlier, run)) {
        Some(like) => Written::Like(Like { count: run.count, like }),
        None => Written::Run(run),
    });
    serializer.collect_seq(written)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LayerRun>, D::Error> {
    let mut runs: Vec<LayerRun> = Vec::new();
    for (at, written) in Vec::<Value>::deserialize(deserializer)?.into_iter().enumerate() {
        // Asked for by hand: what serde says about several possible forms names none of their fields.
        let inside = |error: serde_json::Error| D::Error::custom(format!("run {at}: {error}"));
        let run = if written.get("like").is_some() {
            let Like { count, like } = serde_json::from_value(written).map_err(inside)?;
            let earlier =
                runs.get(like).ok_or_else(|| D::Error::custom(format!("run {at}: `like` is {like}, and no such run stands before it")))?;
            LayerRun { count, ..earlier.clone() }
        } else {
            serde_json::from_value(written).map_err(inside)?
        };
        runs.push(run);
    }
    Ok(runs)
}
