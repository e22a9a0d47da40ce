# A route never has fewer guardrails than before, unless somebody answers for it in a waiver.
#
# Why: a check that goes is the one change of a pull request that no test of the application notices,
# and the users are the ones who find out.
#
# To let one through, in the spec: waive "guardrails_kept" { owner …; reason …; until "2027-01-31" }
# To turn it off for the whole repository, in a file of your `policies/`:
#   package plan
#   exception contains ["guardrails_kept"]
package plan.llmc.guardrails_kept

import data.llmc.route

listed := input.totals.guardrails_lost

deny_guardrails_kept contains {
	"msg": concat(": ", ["a guardrail is lost", lost]),
	"route": route.of(["route", split(lost, ":")[0]]),
	"help": "give it back, or waive the policy with an owner and a day",
} if {
	some lost in listed
}

# A plan that does not say what is lost is no plan without a loss.
deny_guardrails_kept contains "the plan does not say which guardrails are lost" if {
	not is_array(listed)
}

# The two stacks themselves are asked too, so that nothing rests on the plan's list alone.
deny_guardrails_kept contains {
	"msg": concat(": ", ["a guardrail is lost", name, lost]),
	"route": route.of(["route", name]),
	"help": "give it back, or waive the policy with an owner and a day",
} if {
	some name, _ in data.head.route
	not is_listed(name)
	some lost in guardrail_checks(data.base, name) - guardrail_checks(data.head, name)
}

is_listed(name) if {
	some lost in listed
	startswith(lost, concat("", [name, ":"]))
}

# What is checked on the route `name` of `stack`, as `direction check`.
guardrail_checks(stack, name) := {text |
	rails := stack.guardrails[stack.route[name].guardrails]
	some direction in ["input", "output"]
	some check in checks_of(rails[direction])
	text := concat(" ", [direction, check])
}

checks_of(rails) := union({personal, patterns, own}) if {
	personal := {text | some kind in rails["block-pii"]; text := concat(" ", ["block-pii", kind])}
	patterns := {text | some name in object.keys(rails["block-pattern"]); text := concat(" ", ["block-pattern", name])}
	own := {"self-check" | rails["self-check"]}
}
