# A prompt of a production stack goes live only after an experiment, and an experiment begins with at
# most 10 % of the users. Going back to the rollback version is always allowed.
#
# Why: nobody can tell from reading whether a prompt answers better. What a tenth of the users shows in
# a day, all of them would have paid for.
#
# To turn one off for the whole repository, in a file of your `policies/`:
#   package plan
#   exception contains ["prompt_rollout"]      # or "prompt_first_step"
package plan.llmc.prompt_rollout

import data.llmc.experiment
import data.llmc.route

most_first_percent := 10

deny_prompt_rollout contains {
	"msg": sprintf("the prompt `%s` goes live with `%s`, which no experiment has tried", [name, prompt.live]),
	"route": route.of(["prompt", name, "live"]),
	"help": sprintf("keep `%s` live and try `%s` in an experiment first, with at most %v %% of the users", [old.live, prompt.live, most_first_percent]),
} if {
	data.head.stage == "production"
	some name, prompt in data.head.prompt
	old := data.base.prompt[name]
	prompt.live != old.live
	not was_tried(name, prompt.live)
}

was_tried(name, version) if data.base.prompt[name].rollback == version

was_tried(name, version) if {
	some trying in data.base.experiment
	data.base.route[trying.route].prompt == name
	some variant in trying.variant
	variant.prompt == version
}

# The text of a live version is the prompt too. The name of its ConfigMap ends with a digest of its
# content, which another namespace, another stack's name or an edit of the compiled file leave as it is.
deny_prompt_rollout contains {
	"msg": sprintf("the live version `%s` of the prompt `%s` is edited in place", [prompt.live, name]),
	"route": route.of(["prompt", name, "version", prompt.live]),
	"help": "leave it as it is, and write the new text as a new version",
} if {
	data.head.stage == "production"
	some name, prompt in data.head.prompt
	data.base.prompt[name].live == prompt.live
	some object in input.objects
	object.path == sprintf("prompts/%s/%s.yaml", [name, prompt.live])
	is_other_content(object)
}

# Without the old object nobody can tell that its text was the same.
is_other_content(object) if object.action == "create"

is_other_content(object) if {
	is_string(object.renamed_from)
	digest(object.name) != digest(object.renamed_from)
}

digest(name) := words[count(words) - 1] if words := split(name, "-")

deny_prompt_first_step contains {
	"msg": sprintf("the experiment `%s` begins with %v %% of the users on `%s`, which was never live", [name, first, variant.prompt]),
	"route": route.of(["experiment", name]),
	"help": sprintf("begin the `ramp` with %v or less", [most_first_percent]),
} if {
	data.head.stage == "production"
	some name, trying in data.head.experiment
	some variant in trying.variant
	not was_given(name, variant.prompt)
	prompt := data.head.route[trying.route].prompt
	not was_live(prompt, variant.prompt)
	first := experiment.share(trying, variant.prompt)
	first > most_first_percent
}

# Users got it from the experiment before: what comes now is a step.
was_given(name, version) if experiment.share(data.base.experiment[name], version) > 0

was_live(name, version) if data.base.prompt[name].live == version

was_live(name, version) if data.base.prompt[name].rollback == version

# What is live now is not what the experiment tries.
was_live(name, version) if data.head.prompt[name].live == version
