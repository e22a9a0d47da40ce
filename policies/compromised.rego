# Releases that are known to hold somebody else's code are refused, as an image and as a package that a
# container installs.
#
# Why: LiteLLM 1.82.7 and 1.82.8 (2026-03-24) carried a stealer of credentials in `litellm_init.pth`
# (https://github.com/BerriAI/litellm/issues/24518), and every 1.107 release was withdrawn from PyPI,
# Docker Hub and GHCR as compromised. Such a gateway sees every prompt and every provider's key.
#
# To turn it off for the whole repository, in a file of your `policies/`:
#   package manifests
#   exception contains ["compromised"]
package manifests.llmc.compromised

import data.llmc.containers

# By the name of the package or image: patterns of the versions.
compromised := {"litellm": [`^1\.82\.[78]$`, `^1\.107(\.|$)`]}

is_compromised(name, version) if {
	some pattern in compromised[name]
	regex.match(pattern, trim_prefix(version, "v"))
}

# An image may have a longer name, such as `litellm-database`, and its tag more words, such as
# `main-v1.82.7-stable`.
deny_compromised contains {
	"msg": sprintf("the image `%s` of the container `%s` is a release that is known to be compromised", [container.image, container.name]),
	"help": "use a release before or after it, by its digest, and replace every key that it could read",
} if {
	some container in containers.all
	image := containers.parts(container.image)
	some name, _ in compromised
	contains(regex.find_n(`[^/]*$`, image.repository, 1)[0], name)
	some word in split(image.tag, "-")
	is_compromised(name, word)
}

deny_compromised contains {
	"msg": sprintf("the container `%s` installs %s %s, a release that is known to be compromised", [container.name, name, version]),
	"help": "use a release before or after it, and replace every key that it could read",
} if {
	some container in containers.all
	some name, _ in compromised
	some field in ["command", "args"]
	some text in container[field]
	some found in regex.find_n(sprintf(`%s(\[[a-z,]*\])?==[0-9A-Za-z.]+`, [name]), text, -1)
	version := split(found, "==")[1]
	is_compromised(name, version)
}
