# The share of a variant moves by at most 25 points at a time, from one commit to the next and from one
# step of a ramp to the next.
#
# Why: a bad variant is noticed after its first answers. With small steps few users have read them.
#
# To turn it off for the whole repository, in a file of your `policies/`:
#   package plan
#   exception contains ["weight_jump"]
package plan.llmc.weight_jump

import data.llmc.route

most_points := 25

deny_weight_jump contains {
	"msg": sprintf("the variant `%s` of the experiment `%s` jumps from %v to %v", [name, experiment, old, variant.weight]),
	"route": route.of(["experiment", experiment, "variant", name]),
	"help": sprintf("move at most %v points at a time", [most_points]),
} if {
	some experiment, now in data.head.experiment
	some name, variant in now.variant
	old := weight_before(experiment, name, now)
	abs(variant.weight - old) > most_points
}

# The share that a variant had: of a new experiment it is none, except for what is live already. What a
# ramp leads to is reached step by step.
weight_before(experiment, name, _) := object.get(before.variant, [name, "weight"], 0) if {
	before := data.base.experiment[experiment]
}

weight_before(experiment, name, now) := 0 if {
	not data.base.experiment[experiment]
	not now.ramp
	prompt := data.head.route[now.route].prompt
	data.base.prompt[prompt].live != now.variant[name].prompt
}

deny_weight_jump contains {
	"msg": sprintf("the ramp of the experiment `%s` jumps from %v to %v", [experiment, step, next]),
	"route": route.of(["experiment", experiment, "ramp"]),
	"help": sprintf("add a step between them: at most %v points at a time", [most_points]),
} if {
	some experiment, now in data.head.experiment
	some at, step in now.ramp
	next := now.ramp[at + 1]
	abs(next - step) > most_points
}
