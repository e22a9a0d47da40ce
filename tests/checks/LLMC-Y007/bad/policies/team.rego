package team.names

deny contains "the name is taken" if { # LLMC-Y007
	input.stack == "shop"
}
