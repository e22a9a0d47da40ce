package llmc.experiment_test

import data.llmc.experiment

trying(settings) := object.union(
	{"control": "old", "variant": {"old": {"weight": 70, "prompt": "v1"}, "new": {"weight": 30, "prompt": "v2"}}, "ramp": [10, 25, 30]},
	settings,
)

test_a_step_fills_every_slot_alike if {
	experiment.share(trying({}), "v2") == 10
	experiment.share(trying({}), "v1") == 23.33
	experiment.share(trying({"step": 2}), "v2") == 25
	experiment.share(trying({"step": 3}), "v2") == 30
	experiment.share(trying({"step": 3}), "v1") == 70
}

test_without_a_ramp_the_weights_hold if experiment.share(trying({"ramp": []}), "v2") == 30

test_nobody_gets_a_stopped_one if experiment.share(trying({"state": "stopped"}), "v2") == 0

test_versions_that_are_no_variant_get_nothing if experiment.share(trying({}), "v3") == 0

test_variants_with_one_version_add_up if {
	both := {"old": {"weight": 40, "prompt": "v1"}, "new": {"weight": 40, "prompt": "v2"}, "b": {"weight": 20, "prompt": "v2"}}
	experiment.share(trying({"variant": both, "ramp": [60]}), "v2") == 60
}
