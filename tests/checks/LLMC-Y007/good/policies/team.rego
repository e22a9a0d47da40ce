package stack.team

import data.team.names

deny_name contains msg if {
	some msg in names.deny
}
