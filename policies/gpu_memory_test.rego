package llmc.gpu_memory_test

import data.stack.llmc.gpu_memory as policy

taking(share) := {"model": {"a": {"serve": {"gpu-memory-utilization": share}}}}

test_the_limit_itself_passes if count(policy.deny_gpu_memory) == 0 with input as taking(0.95)

test_more_is_refused if {
	{found.route | some found in policy.deny_gpu_memory} == {"/model/a/serve/gpu-memory-utilization"} with input as taking(0.951)
}
