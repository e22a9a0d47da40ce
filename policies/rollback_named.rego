# Every prompt of a production stack names the version to go back to.
#
# Why: when a new prompt misbehaves, somebody on call has to know at once which version was good; nobody
# should look for it in the history of Git then.
#
# To turn it off for the whole repository, in a file of your `policies/`:
#   package stack
#   exception contains ["rollback_named"]
package stack.llmc.rollback_named

import data.llmc.route

deny_rollback_named contains {
	"msg": sprintf("the prompt `%s` of a production stack names no version to go back to", [name]),
	"route": route.of(["prompt", name]),
	"help": sprintf("add `rollback` with a version that was good, such as `%s`", [prompt.live]),
} if {
	input.stage == "production"
	some name, prompt in input.prompt
	not prompt.rollback
}
