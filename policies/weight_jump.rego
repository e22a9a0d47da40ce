# The share of the users who get a version that is not live grows by at most 25 points at a time, from one
# commit to the next and from one step of a ramp to the next; and steps are taken one by one.
#
# Why: a bad version is noticed after its first answers. With small steps few users have read them. To take
# users back to what is live is always allowed.
#
# To turn it off for the whole repository, in a file of your `policies/`:
#   package plan
#   exception contains ["weight_jump"]
package plan.llmc.weight_jump

import data.llmc.experiment
import data.llmc.route

most_points := 25

deny_weight_jump contains {
	"msg": sprintf("the experiment `%s` gives version `%s` to %v %% of the users, and gave it to %v %%", [name, variant.prompt, after, before]),
	"route": route.of(["experiment", name, "variant", key]),
	"help": sprintf("move at most %v points at a time: add a step to the `ramp`", [most_points]),
} if {
	some name, now in data.head.experiment
	some key, variant in now.variant
	not is_live(now, variant.prompt)
	before := share_before(name, variant.prompt)
	after := experiment.share(now, variant.prompt)
	round(100 * (after - before)) > 100 * most_points
}

# Who gets what is live without the experiment too loses nothing by it.
is_live(now, version) if {
	prompt := data.head.route[now.route].prompt
	some side in [data.base, data.head]
	side.prompt[prompt].live == version
}

share_before(name, version) := experiment.share(data.base.experiment[name], version)

share_before(name, _) := 0 if not data.base.experiment[name]

deny_weight_jump contains {
	"msg": sprintf("the experiment `%s` goes from step %v of its ramp to step %v", [name, before, after]),
	"route": route.of(["experiment", name, "step"]),
	"help": sprintf("take one step at a time: `step` %v", [before + 1]),
} if {
	some name, now in data.head.experiment
	experiment.is_running(now)
	before := step_before(name)
	after := experiment.step(now)
	after > before + 1
}

step_before(name) := experiment.step(data.base.experiment[name])

step_before(name) := 0 if not data.base.experiment[name]

deny_weight_jump contains {
	"msg": sprintf("the ramp of the experiment `%s` jumps from %v to %v", [name, step, next]),
	"route": route.of(["experiment", name, "ramp"]),
	"help": sprintf("add a step between them: at most %v points at a time", [most_points]),
} if {
	some name, now in data.head.experiment
	some at, step in now.ramp
	next := now.ramp[at + 1]
	next - step > most_points
}
