package llmc.weight_jump_test

import data.plan.llmc.weight_jump as policy

stack(experiments) := {
	"prompt": {"support": {"live": "v1"}},
	"route": {"support": {"prompt": "support"}},
	"experiment": experiments,
}

running(settings) := stack({"support-v2": object.union(
	{
		"route": "support",
		"control": "control",
		"variant": {"control": {"weight": 50, "prompt": "v1"}, "treatment": {"weight": 50, "prompt": "v2"}},
		"ramp": [10, 35, 50],
		"step": 1,
		"state": "running",
	},
	settings,
)})

routes := {found.route | some found in policy.deny_weight_jump}

treatment := "/experiment/support-v2/variant/treatment"

test_single_steps_pass if {
	count(routes) == 0 with data.base as stack({}) with data.head as running({})
	count(routes) == 0 with data.base as running({}) with data.head as running({"step": 2})
	count(routes) == 0 with data.base as running({"step": 2}) with data.head as running({"step": 3})
}

test_what_is_live_may_grow_with_the_experiment if {
	# The control goes from 10 to 35 % too, and from nothing to more than 25 % where it is the larger one.
	large := {"variant": {"control": {"weight": 90, "prompt": "v1"}, "treatment": {"weight": 10, "prompt": "v2"}}, "ramp": [5, 10]}
	count(routes) == 0 with data.base as stack({}) with data.head as running(large)
}

test_ways_back_pass if {
	count(routes) == 0 with data.base as running({"step": 3}) with data.head as running({"step": 1})
	count(routes) == 0 with data.base as running({"step": 3}) with data.head as running({"step": 3, "state": "stopped"})
	count(routes) == 0 with data.base as running({"step": 3}) with data.head as stack({})
}

test_a_skipped_step_is_refused if {
	routes == {"/experiment/support-v2/step", treatment} with data.base as running({}) with data.head as running({"step": 3})
	routes == {"/experiment/support-v2/step"} with data.base as stack({}) with data.head as running({"ramp": [5, 10], "step": 2, "variant": {
		"control": {"weight": 90, "prompt": "v1"},
		"treatment": {"weight": 10, "prompt": "v2"},
	}})
}

test_a_jump_of_what_users_get_is_refused if {
	routes == {treatment} with data.base as stack({}) with data.head as running({"ramp": [50]})
	# The same step of a steeper ramp.
	routes == {treatment} with data.base as running({}) with data.head as running({"ramp": [36, 50]})
	# The weights move, and the ramp with them.
	routes == {treatment} with data.base as running({"ramp": [10, 20]}) with data.head as running({"ramp": [36, 50]})
}

test_another_version_of_a_variant_begins_at_nothing if {
	other := {"step": 3, "variant": {"control": {"weight": 50, "prompt": "v1"}, "treatment": {"weight": 50, "prompt": "v3"}}}
	routes == {treatment} with data.base as running({"step": 3}) with data.head as running(other)
}

test_a_stopped_experiment_begins_at_nothing if {
	routes == {treatment} with data.base as running({"step": 3, "state": "stopped"}) with data.head as running({"step": 3})
}

test_a_steep_ramp_is_refused if {
	routes == {"/experiment/support-v2/ramp"} with data.base as stack({}) with data.head as running({"ramp": [10, 36, 50]})
}
