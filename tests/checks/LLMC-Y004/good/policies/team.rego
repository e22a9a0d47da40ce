package stack

exception contains ["gpu_memory"]
