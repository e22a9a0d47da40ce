package stack.team

deny_upper contains "no upper case" if {
	input.owner != lower(input.owner)
}
