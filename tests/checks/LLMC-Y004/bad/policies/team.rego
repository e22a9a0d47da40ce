package stack

exception contains ["gpu_memori"] # LLMC-Y004
