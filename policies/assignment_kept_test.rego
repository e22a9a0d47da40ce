package llmc.assignment_kept_test

import data.plan.llmc.assignment_kept as policy

experiment := {
	"route": "support",
	"state": "running",
	"revision": 1,
	"step": 1,
	"variant": {"control": {"weight": 70, "prompt": "v1"}, "treatment": {"weight": 30, "prompt": "v2"}},
}

flagd := {"hash": "v2", "image": "flagd:v0.16.1"}

stack(name, change) := {"flagd": flagd, "experiment": {name: object.union(experiment, change)}}

base := stack("tone", {})

hashed(experiments) := {"flagd": object.union(flagd, {"hash": "v3"}), "experiment": experiments}

refused := {found.route | some found in policy.deny_hash_kept}

warned := {found.msg | some found in policy.warn_assignment_kept}

test_a_step_a_stop_and_a_new_experiment_pass if {
	every head in [base, stack("tone", {"step": 2}), stack("tone", {"state": "stopped"}), {"experiment": {}}] {
		count(refused) == 0 with data.base as base with data.head as head
		count(warned) == 0 with data.base as base with data.head as head
	}
	count(warned) == 0 with data.base as {} with data.head as base
	count(refused) == 0 with data.base as {} with data.head as base
}

test_another_hash_is_refused_while_one_runs if {
	refused == {"/flagd"} with data.base as base with data.head as hashed(base.experiment)
	count(refused) == 0 with data.base as base with data.head as hashed(stack("tone", {"state": "stopped"}).experiment)
	count(refused) == 0 with data.base as base with data.head as hashed({})
}

test_another_image_is_pointed_out if {
	head := object.union(base, {"flagd": {"hash": "v2", "image": "flagd:v0.17.0"}})
	count(warned) == 1 with data.base as base with data.head as head
	count(refused) == 0 with data.base as base with data.head as head
}

test_what_deals_anew_is_named if {
	every what, change in {
		"revision": {"revision": 2},
		"holdout": {"holdout": {"name": "q4", "percent": 5}},
		"audience": {"audience": {"plan": {"one-of": ["pro"]}}},
		"the ratio of its weights": {"variant": {"control": {"weight": 60}, "treatment": {"weight": 40}}},
	} {
		expected := {sprintf("the running experiment `tone` deals users anew: %s changes", [what])}
		warned == expected with data.base as base with data.head as stack("tone", change)
		count(warned) == 0 with data.base as stack("tone", {"state": "stopped"}) with data.head as stack("tone", change)
	}
}

test_another_name_is_pointed_out if {
	count(warned) == 1 with data.base as base with data.head as stack("mood", {})
	count(warned) == 0 with data.base as base with data.head as stack("mood", {"route": "triage"})
	count(warned) == 0 with data.base as base with data.head as stack("mood", {"state": "stopped"})
}
