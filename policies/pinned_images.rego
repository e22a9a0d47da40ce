# Container images are pinned: by digest, or by a tag that names a version.
#
# Why: behind `latest`, `nightly` or no tag, the next restart of a pod may bring another program, and a
# rollback has nothing to go back to.
#
# To turn it off for the whole repository, in a file of your `policies/`:
#   package manifests
#   exception contains ["pinned_images"]
package manifests.llmc.pinned_images

import data.llmc.containers

# Tags that are moved to every new build.
moving := {"", "latest", "nightly", "stable", "edge", "main", "master", "dev"}

deny_pinned_images contains {
	"msg": sprintf("the image `%s` of the container `%s` is not pinned", [container.image, container.name]),
	"help": "give a version as its tag, or its digest",
} if {
	some container in containers.all
	not contains(container.image, "@sha256:")
	containers.parts(container.image).tag in moving
}
