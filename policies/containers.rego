# The containers of a Kubernetes object, and the parts of their images.
package llmc.containers

# Objects that hold a pod, by where they hold it: the pod itself, a workload, a scheduled job.
pods contains input.spec if input.kind == "Pod"

pods contains input.spec.template.spec

pods contains input.spec.jobTemplate.spec.template.spec

all contains container if {
	some pod in pods
	some field in ["containers", "initContainers", "ephemeralContainers"]
	some container in pod[field]
}

# The image's repository and tag; a colon before the last `/` belongs to the registry's port. A digest
# is left out.
parts(image) := {"repository": repository, "tag": tag} if {
	named := split(image, "@")[0]
	last := regex.find_n(`[^/]*$`, named, 1)[0]
	tag := concat("", array.slice(split(last, ":"), 1, 2))
	repository := trim_suffix(named, concat("", [":", tag]))
}
