package llmc.pinned_images_test

import data.manifests.llmc.pinned_images as policy

running(image) := {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": image}]}}

findings(image) := value if {
	value := count(policy.deny_pinned_images) with input as running(image)
}

test_versions_and_digests_pass if {
	every image in ["vllm/vllm-openai:v0.32.0", "host:5000/a:1", "a@sha256:00", "a:latest@sha256:00"] {
		findings(image) == 0
	}
}

test_moving_tags_are_refused if {
	every image in ["a", "host:5000/a", "a:latest", "vllm/vllm-openai:nightly", "a:main"] {
		findings(image) == 1
	}
}
