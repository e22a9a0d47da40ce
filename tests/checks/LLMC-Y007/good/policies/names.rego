package team.names

deny contains "the name is taken" if {
	input.stack == "taken"
}
