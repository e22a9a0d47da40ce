# Users keep their variant while an experiment runs: the hash that deals them out is never changed then, and
# whatever else deals them anew is pointed out.
#
# Why: a user who changes the variant has seen both, and what is measured is neither. With another
# generation of the hash, 42 of 100 users of a 70/30 experiment change sides at once, and the analysis
# shows no sign of it.
#
# To let one through, in the spec: waive "hash_kept" { owner …; reason …; until "2027-01-31" }
# To turn one off for the whole repository, in a file of your `policies/`:
#   package plan
#   exception contains ["hash_kept"]      # or "assignment_kept"
package plan.llmc.assignment_kept

import data.llmc.route

# Experiments that run before the change and after it.
kept contains name if {
	some name, before in data.base.experiment
	is_running(before)
	is_running(data.head.experiment[name])
}

names := concat(", ", [name | some name in kept])

is_running(experiment) if object.get(experiment, "state", "running") == "running"

deny_hash_kept contains {
	"msg": concat("", ["the hash that deals users out changes from ", before, " to ", after, " while an experiment runs: ", names]),
	"route": route.of(["flagd"]),
	"help": "let the experiment end, or stop it, before flagd's generation changes",
} if {
	count(kept) > 0
	before := data.base.flagd.hash
	after := data.head.flagd.hash
	before != after
}

# A new release may deal users out otherwise, and its tag does not say so.
warn_assignment_kept contains {
	"msg": concat("", ["flagd changes from ", before, " to ", after, " while an experiment runs: ", names]),
	"route": route.of(["flagd"]),
	"help": "hold `llmc experiment assign --stdin` against what the new release answers before it is merged",
} if {
	count(kept) > 0
	before := data.base.flagd.image
	after := data.head.flagd.image
	before != after
}

warn_assignment_kept contains {
	"msg": sprintf("the running experiment `%s` deals users anew: %s changes", [name, what]),
	"route": route.of(["experiment", name]),
	"help": "analyse what was collected before and after as two experiments, or stop this one and start another",
} if {
	some name in kept
	some what in dealt_anew(data.base.experiment[name], data.head.experiment[name])
}

# What decides who gets what, other than the step of the ramp, which only adds users.
dealt_anew(before, after) := {what |
	some what in ["revision", "holdout", "audience", "route"]
	object.get(before, what, null) != object.get(after, what, null)
} | {"the ratio of its weights" | weights(before) != weights(after)}

weights(experiment) := {name: variant.weight | some name, variant in experiment.variant}

# The name is hashed too.
warn_assignment_kept contains {
	"msg": sprintf("the experiment `%s` takes the place of the running experiment `%s`, and deals its users anew", [name, old]),
	"route": route.of(["experiment", name]),
	"help": "keep the name while it runs: it is a part of what is hashed",
} if {
	some old, before in data.base.experiment
	is_running(before)
	not data.head.experiment[old]
	some name, after in data.head.experiment
	is_running(after)
	not data.base.experiment[name]
	after.route == before.route
}
