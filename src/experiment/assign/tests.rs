use std::collections::BTreeMap;

use super::{Assignment, Off, Slot, assign, slots};
use crate::spec::{Attribute, Duration, ExperimentState, HashGeneration, Holdout};
use crate::stack::{Arm, Experiment, PARTS};

fn experiment(arms: &[(&str, u32, u32)]) -> Experiment {
    let arm = |(name, slot_parts, active_parts): &(&str, u32, u32)| {
        ((*name).to_owned(), Arm { version: "v1".into(), slot_parts: *slot_parts, active_parts: *active_parts })
    };
    Experiment {
        name: "answer".into(),
        route: "chat".into(),
        prompt: "chat".into(),
        state: ExperimentState::Running,
        arms: arms.iter().map(arm).collect(),
        control: "control".into(),
        metrics: BTreeMap::new(),
        guards: BTreeMap::new(),
        power: 0.8,
        alpha: 0.05,
        at_least: Duration::from_seconds(7 * 86_400),
        users_per_day: None,
        ramp: vec![100.0],
        step: 1,
        revision: 3,
        holdout: None,
        audience: BTreeMap::new(),
        starts: None,
        ends: None,
    }
}

fn users() -> impl Iterator<Item = String> {
    (0..20_000).map(|user| format!("user-{user}"))
}

fn all(experiment: &Experiment) -> Vec<Option<String>> {
    users().map(|user| assign(experiment, HashGeneration::V2, &user, &BTreeMap::new()).arm().map(str::to_owned)).collect()
}

#[test]
fn empty_slots_are_left_out_and_all_users_are_covered() {
    let experiment = experiment(&[("control", 7000, 7000), ("treatment", 3000, 0)]);
    let expected = [Slot { owner: "control", is_active: true, parts: 7000 }, Slot { owner: "treatment", is_active: false, parts: 3000 }];
    assert_eq!(slots(&experiment), expected);
}

#[test]
fn a_ramp_moves_users_from_off_to_an_arm_and_nowhere_else() {
    let steps = [(700, 300), (1750, 750), (7000, 3000)];
    let answers = steps.map(|(control, treatment)| all(&experiment(&[("control", 7000, control), ("treatment", 3000, treatment)])));
    for pair in answers.windows(2) {
        let moved = pair[0].iter().zip(&pair[1]).filter(|(before, after)| before != after);
        assert!(moved.clone().count() > 1000);
        assert!(moved.clone().all(|(before, _)| before.is_none()));
    }
    assert!(answers[2].iter().all(Option::is_some), "the last step reaches everybody");
}

#[test]
fn a_new_revision_deals_anew() {
    let one = experiment(&[("control", 5000, 5000), ("treatment", 5000, 5000)]);
    let two = Experiment { revision: 4, ..one.clone() };
    let same = all(&one).into_iter().zip(all(&two)).filter(|(a, b)| a == b).count();
    assert!((9_700..10_300).contains(&same), "{same} of 20,000 keep their arm, and half would by chance");
}

#[test]
fn who_takes_no_part_is_told_why() {
    let mut experiment = experiment(&[("control", 5000, 5000), ("treatment", 5000, 5000)]);
    let none = BTreeMap::new();
    let off = |experiment: &Experiment, user: &str, attributes: &BTreeMap<String, String>| match assign(
        experiment,
        HashGeneration::V3,
        user,
        attributes,
    ) {
        Assignment::Off(Off::NotInAudience { attribute }) => format!("audience {attribute}"),
        Assignment::Off(off) => format!("{off:?}"),
        Assignment::Arm { .. } => "arm".into(),
    };
    assert_eq!(off(&experiment, "", &none), "NoUser");
    assert_eq!(off(&experiment, " ", &none), "arm");
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    experiment.audience.insert("plan".into(), Attribute { one_of: list(&["pro", "team"]), none_of: list(&["team"]) });
    let plan = |value: &str| BTreeMap::from([("plan".to_owned(), value.to_owned())]);
    assert_eq!(off(&experiment, "a", &none), "audience plan");
    assert_eq!(off(&experiment, "a", &plan("free")), "audience plan");
    assert_eq!(off(&experiment, "a", &plan("team")), "audience plan");
    assert_eq!(off(&experiment, "a", &plan("pro")), "arm");
    experiment.audience.clear();
    experiment.audience.insert("targetingKey".into(), Attribute { one_of: vec![], none_of: list(&["a"]) });
    assert_eq!([off(&experiment, "a", &none), off(&experiment, "b", &none)], ["audience targetingKey", "arm"]);
    experiment.state = ExperimentState::Stopped;
    assert_eq!(off(&experiment, "b", &none), "Stopped");
}

#[test]
fn a_holdout_takes_its_share_of_every_arm_alike() {
    let without = experiment(&[("control", 5000, 5000), ("treatment", 5000, 5000)]);
    let with = Experiment { holdout: Some(Holdout { name: "q4".into(), percent: 10.0 }), ..without.clone() };
    let taken: Vec<Option<String>> =
        all(&without).into_iter().zip(all(&with)).filter(|(_, held)| held.is_none()).map(|(arm, _)| arm).collect();
    assert!((1_850..2_150).contains(&taken.len()), "{}", taken.len());
    let of_control = taken.iter().filter(|arm| arm.as_deref() == Some("control")).count();
    assert!((900..1_100).contains(&of_control), "{of_control}");
}

#[test]
fn parts_count_all_users() {
    let experiment = experiment(&[("a", 3333, 1), ("b", 3333, 3333), ("control", 3334, 0)]);
    assert_eq!(slots(&experiment).iter().map(|slot| slot.parts).sum::<u32>(), PARTS);
}
