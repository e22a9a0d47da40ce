package llmc.production_test

import data.stack.llmc.production as policy

model := {"replicas": {"min": 2}, "objective": {"ttft": {"target": 0.99}}}

good := {
	"stage": "production",
	"owner": "team-support",
	"model": {"a": model, "spare": {"replicas": {"min": 1}, "objective": {}}},
	"route": {"chat": {"model": "a"}, "hard": {"model": "external"}},
}

with_model(change) := object.union(good, {"model": {"a": change}})

test_a_good_stack_passes if {
	count(policy.deny_two_replicas) == 0 with input as good
	count(policy.deny_objective_named) == 0 with input as good
	count(policy.deny_owner_named) == 0 with input as good
}

test_one_replica_is_refused if {
	{found.route | some found in policy.deny_two_replicas} == {"/model/a/replicas"} with input as with_model({"replicas": {"min": 1}})
}

test_a_missing_objective_is_refused if {
	bare := {"stage": "production", "model": {"a": {"objective": {}}}, "route": {"chat": {"model": "a"}}}
	{found.route | some found in policy.deny_objective_named} == {"/model/a"} with input as bare
}

test_a_missing_owner_is_refused if {
	count(policy.deny_owner_named) == 1 with input as object.remove(good, ["owner"])
}

test_development_may_be_smaller if {
	small := object.remove(object.union(with_model({"replicas": {"min": 1}}), {"stage": "development"}), ["owner"])
	count(policy.deny_two_replicas) == 0 with input as small
	count(policy.deny_owner_named) == 0 with input as small
}

test_tiers_and_fallbacks_are_on_a_route if {
	change := {"spare": {"replicas": {"min": 1}, "objective": {}}, "last": {"replicas": {"min": 1}, "objective": {}}}
	tiered := {"chat": {"model": "a", "tier": {"simple": {"model": "spare"}}, "fallback": {"model": "last"}}}
	stack := object.union(good, {"model": change, "route": tiered})
	wanted := {"/model/spare/replicas", "/model/last/replicas"}
	{found.route | some found in policy.deny_two_replicas} == wanted with input as stack
}
