package llmc.rollback_named_test

import data.stack.llmc.rollback_named as policy

stack(stage, prompt) := {"stage": stage, "prompt": {"support": prompt}}

test_a_named_version_passes if {
	count(policy.deny_rollback_named) == 0 with input as stack("production", {"live": "v2", "rollback": "v1"})
}

test_no_version_is_refused if {
	{found.route | some found in policy.deny_rollback_named} == {"/prompt/support"} with input as stack("production", {"live": "v1"})
}

test_development_needs_none if count(policy.deny_rollback_named) == 0 with input as stack("development", {"live": "v1"})
