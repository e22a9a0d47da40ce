package llmc.route_test

import data.llmc.route

test_keys_become_a_pointer if route.of(["model", "llama-70b", "replicas"]) == "/model/llama-70b/replicas"

test_special_characters_are_escaped if route.of(["pool", "a/b~c"]) == "/pool/a~1b~0c"

test_the_root_is_empty if route.of([]) == ""
