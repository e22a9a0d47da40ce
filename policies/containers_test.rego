package llmc.containers_test

import data.llmc.containers

names(object) := value if {
	value := {container.name | some container in containers.all} with input as object
}

spec := {"containers": [{"name": "a"}], "initContainers": [{"name": "b"}]}

test_containers_of_every_kind_of_object if {
	names({"kind": "Pod", "spec": spec}) == {"a", "b"}
	names({"kind": "Deployment", "spec": {"template": {"spec": spec}}}) == {"a", "b"}
	names({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}) == {"a", "b"}
	names({"kind": "Service", "spec": {"ports": []}}) == set()
}

test_parts_of_an_image if {
	containers.parts("vllm/vllm-openai:v0.32.0") == {"repository": "vllm/vllm-openai", "tag": "v0.32.0"}
	containers.parts("host:5000/a") == {"repository": "host:5000/a", "tag": ""}
	containers.parts("host:5000/a:1@sha256:00") == {"repository": "host:5000/a", "tag": "1"}
	containers.parts("a") == {"repository": "a", "tag": ""}
}
