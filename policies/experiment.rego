# What an experiment does to users, from the fields of its block.
package llmc.experiment

# Percent of the users who get `version` as the experiment stands; none of one that is stopped.
share(experiment, version) := round(100 * sum(parts)) / 100 if {
	parts := [part |
		some variant in experiment.variant
		variant.prompt == version
		part := variant.weight * filled(experiment)
	]
}

is_running(experiment) if object.get(experiment, "state", "running") == "running"

# Step of the ramp that holds, from 1.
step(experiment) := object.get(experiment, "step", 1)

# Share of each variant's slot whose users take part: the same of all, so that their ratio stays.
filled(experiment) := 0 if not is_running(experiment)

filled(experiment) := 1 if {
	is_running(experiment)
	count(object.get(experiment, "ramp", [])) == 0
}

filled(experiment) := min([1, treated / others]) if {
	is_running(experiment)
	control := object.get(experiment, "control", "control")
	others := 100 - experiment.variant[control].weight
	at := step(experiment) - 1
	treated := experiment.ramp[at]
}
