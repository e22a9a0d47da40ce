package llmc.compromised_test

import data.manifests.llmc.compromised as policy

running(container) := {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [object.union({"name": "a", "image": "a:1"}, container)]}}}}

findings(container) := value if {
	value := count(policy.deny_compromised) with input as running(container)
}

test_bad_images_are_refused if {
	every image in ["ghcr.io/berriai/litellm:v1.82.7", "litellm/litellm:1.107.0", "ghcr.io/berriai/litellm-database:main-v1.82.8-stable", "a/litellm:1.107.3@sha256:00"] {
		findings({"image": image}) == 1
	}
}

test_other_images_pass if {
	every image in ["ghcr.io/berriai/litellm:v1.82.6", "litellm/litellm:1.108.0", "litellm/litellm:1.82.70", "litellm/litellm:1.10.7", "vllm/vllm-openai:v1.82.7"] {
		findings({"image": image}) == 0
	}
}

test_bad_packages_are_refused if {
	findings({"args": ["pip install 'litellm[proxy]==1.82.8' && run"]}) == 1
	findings({"command": ["pip", "install", "litellm==1.107.2"]}) == 1
	findings({"command": ["pip", "install", "litellm==1.108.0"]}) == 0
}
