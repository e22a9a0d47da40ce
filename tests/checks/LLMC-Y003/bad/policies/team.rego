package stack.team

deny_upper contains "no upper case" if {
	input.owner != lowercase(input.owner) # LLMC-Y003
}

deny_clock contains "too late" if {
	time.now_ns() > 0 # LLMC-Y003
}
