# What a stack needs before users depend on it (`stage "production"`): at least two replicas of every
# model on a route, as a tier and a fallback too, an objective for each, and an owner.
#
# Why: with one replica every rollout and every node failure is an outage, without an objective nothing
# says when answers became too slow, and without an owner an alert reaches nobody.
#
# To turn one off for the whole repository, in a file of your `policies/`:
#   package stack
#   exception contains ["two_replicas"]      # or "objective_named", "owner_named"
package stack.llmc.production

import data.llmc.route

on_a_route contains name if {
	some name in [r.model | some r in input.route]
	input.model[name]
}

on_a_route contains name if {
	some name in [t.model | some r in input.route; some t in r.tier]
	input.model[name]
}

on_a_route contains name if {
	some name in [r.fallback.model | some r in input.route]
	input.model[name]
}

deny_two_replicas contains {
	"msg": sprintf("the model `%s` of a production stack has %d replica", [name, replicas]),
	"route": route.of(["model", name, "replicas"]),
	"help": "write `replicas min=2`, so that a rollout or a lost node is no outage",
} if {
	input.stage == "production"
	some name in on_a_route
	replicas := input.model[name].replicas.min
	replicas < 2
}

deny_objective_named contains {
	"msg": sprintf("the model `%s` of a production stack has no objective", [name]),
	"route": route.of(["model", name]),
	"help": "add one, such as `objective \"availability\" { target 0.999; }`",
} if {
	input.stage == "production"
	some name in on_a_route
	count(input.model[name].objective) == 0
}

deny_owner_named contains {
	"msg": "a production stack has no owner",
	"route": "/stage",
	"help": "add `owner` with the team that alerts go to",
} if {
	input.stage == "production"
	object.get(input, "owner", "") == ""
}
