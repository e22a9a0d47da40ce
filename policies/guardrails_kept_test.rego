package llmc.guardrails_kept_test

import data.plan.llmc.guardrails_kept as policy

stack(pii) := {
	"route": {"support": {"guardrails": "default"}, "open": {}},
	"guardrails": {"default": {"input": {"block-pii": pii, "block-pattern": {"key": "k"}, "self-check": {"max-tokens": 16}}}},
}

plan(lost) := {"totals": {"guardrails_lost": lost}}

full := stack(["email", "iban"])

less := stack(["email"])

test_nothing_lost_passes if {
	count(policy.deny_guardrails_kept) == 0 with input as plan([]) with data.base as full with data.head as full
	count(policy.deny_guardrails_kept) == 0 with input as plan([]) with data.base as less with data.head as full
	count(policy.deny_guardrails_kept) == 0 with input as plan([]) with data.base as {} with data.head as full
}

test_what_the_plan_lists_is_refused_once if {
	findings := policy.deny_guardrails_kept with input as plan(["support: input block-pii iban"]) with data.base as full with data.head as less
	{found.route | some found in findings} == {"/route/support"}
	count(findings) == 1
}

test_a_plan_without_the_list_is_refused if {
	policy.deny_guardrails_kept["the plan does not say which guardrails are lost"] with input as {"totals": {}} with data.base as full with data.head as full
	policy.deny_guardrails_kept["the plan does not say which guardrails are lost"] with input as {} with data.base as {} with data.head as full
}

test_what_the_plan_does_not_list_is_refused_too if {
	findings := policy.deny_guardrails_kept with input as plan([]) with data.base as full with data.head as less
	{found.msg | some found in findings} == {"a guardrail is lost: support: input block-pii iban"}
}

test_a_route_that_drops_its_guardrails_is_refused if {
	bare := {"route": {"support": {}}, "guardrails": {}}
	findings := policy.deny_guardrails_kept with input as plan([]) with data.base as full with data.head as bare
	count(findings) == 4
}
