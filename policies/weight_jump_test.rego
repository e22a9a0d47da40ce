package llmc.weight_jump_test

import data.plan.llmc.weight_jump as policy

variants(control, treatment) := {
	"control": {"weight": control, "prompt": "v1"},
	"treatment": {"weight": treatment, "prompt": "v2"},
}

stack(experiments) := {
	"prompt": {"support": {"live": "v1"}},
	"route": {"support": {"prompt": "support"}},
	"experiment": experiments,
}

running(control, treatment) := stack({"support-v2": {"route": "support", "variant": variants(control, treatment)}})

ramped(steps) := stack({"support-v2": {"route": "support", "variant": variants(70, 30), "ramp": steps}})

routes := {found.route | some found in policy.deny_weight_jump}

test_small_moves_pass if {
	count(routes) == 0 with data.base as running(90, 10) with data.head as running(65, 35)
	count(routes) == 0 with data.base as running(90, 10) with data.head as stack({})
	count(routes) == 0 with data.base as stack({}) with data.head as running(75, 25)
	count(routes) == 0 with data.base as stack({}) with data.head as ramped([10, 25, 30])
}

test_a_jump_is_refused_both_ways if {
	routes == {"/experiment/support-v2/variant/control", "/experiment/support-v2/variant/treatment"} with data.base as running(90, 10) with data.head as running(64, 36)
}

test_a_new_experiment_that_starts_high_is_refused if {
	routes == {"/experiment/support-v2/variant/treatment"} with data.base as stack({}) with data.head as running(70, 30)
}

test_a_steep_ramp_is_refused if {
	routes == {"/experiment/support-v2/ramp"} with data.base as stack({}) with data.head as ramped([10, 36])
}
