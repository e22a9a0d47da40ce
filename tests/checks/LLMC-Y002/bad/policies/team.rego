package stack.team

warn_short_name contains {"msg": "the name of the stack says little", "route": "/stack"} if {
	count(input.stack) < 6
}
