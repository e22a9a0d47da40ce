package llmc.prompt_rollout_test

import data.plan.llmc.prompt_rollout as policy

stack(live, experiments) := {
	"stage": "production",
	"prompt": {"support": {"live": live, "rollback": "v1"}},
	"route": {"support": {"prompt": "support"}},
	"experiment": experiments,
}

trying(version, settings) := {"try": object.union(
	{"route": "support", "variant": {"control": {"weight": 70, "prompt": "v2"}, "treatment": {"weight": 30, "prompt": version}}},
	settings,
)}

no_change := {"objects": []}

live_findings(base, head) := value if {
	value := count(policy.deny_prompt_rollout) with input as no_change with data.base as base with data.head as head
}

first_findings(base, head) := value if {
	value := count(policy.deny_prompt_first_step) with input as no_change with data.base as base with data.head as head
}

test_no_change_passes if live_findings(stack("v2", {}), stack("v2", {})) == 0

test_a_first_deployment_passes if live_findings({}, stack("v2", {})) == 0

test_going_back_passes if live_findings(stack("v2", {}), stack("v1", {})) == 0

test_after_an_experiment_passes if live_findings(stack("v2", trying("v3", {})), stack("v3", {})) == 0

test_without_an_experiment_is_refused if live_findings(stack("v2", {}), stack("v3", {})) == 1

test_an_experiment_with_another_version_does_not_count if live_findings(stack("v2", trying("v4", {})), stack("v3", {})) == 1

test_an_experiment_on_another_prompt_does_not_count if {
	other := object.union(stack("v2", trying("v3", {})), {"route": {"support": {"prompt": "triage"}}})
	live_findings(other, stack("v3", {})) == 1
}

test_development_may_do_it if {
	live_findings(stack("v2", {}), object.union(stack("v3", {}), {"stage": "development"})) == 0
}

edit(action, renamed) := {"objects": [{
	"action": action,
	"path": "prompts/support/v2.yaml",
	"name": "shop-prompt-support-v2-2222222222",
	"renamed_from": renamed,
}]}

test_another_name_of_the_same_text_passes if {
	every old in ["other/shop-prompt-support-v2-2222222222", "ns/old-prompt-support-v2-2222222222"] {
		plan := edit("replace", old)
		count(policy.deny_prompt_rollout) == 0 with input as plan with data.base as stack("v2", {}) with data.head as stack("v2", {})
	}
}

# Its name is that of the text in the spec, so it is the compiled file that was edited.
test_undoing_an_edit_by_hand_passes if {
	plan := edit("replace", null)
	count(policy.deny_prompt_rollout) == 0 with input as plan with data.base as stack("v2", {}) with data.head as stack("v2", {})
}

test_editing_the_live_text_is_refused if {
	every plan in [edit("create", null), edit("replace", "ns/shop-prompt-support-v2-1111111111"), edit("update", "ns/old")] {
		count(policy.deny_prompt_rollout) == 1 with input as plan with data.base as stack("v2", {}) with data.head as stack("v2", {})
	}
}

test_a_new_label_on_the_live_text_passes if {
	count(policy.deny_prompt_rollout) == 0 with input as edit("update", null) with data.base as stack("v2", {}) with data.head as stack("v2", {})
}

test_a_small_first_step_passes if {
	first_findings(stack("v2", {}), stack("v2", trying("v3", {"ramp": [10, 25, 30]}))) == 0
}

test_a_large_first_step_is_refused if {
	first_findings(stack("v2", {}), stack("v2", trying("v3", {"ramp": [11, 25]}))) == 1
	first_findings(stack("v2", {}), stack("v2", trying("v3", {"ramp": [10, 25], "step": 2}))) == 1
	first_findings(stack("v2", {}), stack("v2", trying("v3", {}))) == 1
}

test_a_version_that_was_live_may_begin_high if first_findings(stack("v2", {}), stack("v2", trying("v1", {}))) == 0

test_a_stopped_experiment_is_none_yet if {
	stopped := stack("v2", trying("v3", {"state": "stopped"}))
	first_findings(stack("v2", {}), stopped) == 0
	first_findings(stopped, stack("v2", trying("v3", {}))) == 1
}

test_another_version_in_a_running_experiment_begins_anew if {
	base := stack("v2", trying("v3", {}))
	first_findings(base, stack("v2", trying("v4", {}))) == 1
	first_findings(base, stack("v2", trying("v4", {"ramp": [10, 30]}))) == 0
}

test_a_first_deployment_may_have_an_experiment if first_findings({}, stack("v2", trying("v3", {"ramp": [10, 30]}))) == 0

test_an_experiment_that_runs_may_go_on if {
	running := stack("v2", trying("v3", {"ramp": [30]}))
	first_findings(running, running) == 0
}
