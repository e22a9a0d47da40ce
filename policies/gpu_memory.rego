# `gpu-memory-utilization` is at most 0.95.
#
# Why: the engine takes that share when it starts and keeps it. What is left must hold the CUDA context,
# NCCL's buffers and whatever else is on the GPU; with less than 5 % a start works on one day and runs out
# of memory on the next, or under load.
#
# To turn it off for the whole repository, in a file of your `policies/`:
#   package stack
#   exception contains ["gpu_memory"]
package stack.llmc.gpu_memory

import data.llmc.route

deny_gpu_memory contains {
	"msg": sprintf("the model `%s` takes %v of each GPU's memory, and more than 0.95 leaves too little for the rest", [name, share]),
	"route": route.of(["model", name, "serve", "gpu-memory-utilization"]),
	"help": "write `gpu-memory-utilization=0.95` or less; 0.9 is the default",
} if {
	some name, model in input.model
	share := model.serve["gpu-memory-utilization"]
	share > 0.95
}
