# Weights, tokenizer and code of a model come from one commit each: 40 hexadecimal digits.
#
# Why: a branch or tag of a model repository can be moved, and then two pods of one model answer with
# two sets of weights, or run code that nobody reviewed, without a change in Git.
#
# To turn it off for the whole repository, in a file of your `policies/`:
#   package stack
#   exception contains ["pinned_revisions"]
package stack.llmc.pinned_revisions

import data.llmc.route

is_commit(text) if regex.match(`^[0-9a-f]{40}$`, text)

deny_pinned_revisions contains {
	"msg": sprintf("the revision `%s` of the model `%s` is not a commit of 40 hexadecimal digits", [revision, name]),
	"route": route.of(["model", name, "source", "revision"]),
	"help": "give the commit that it names today",
} if {
	some name, model in input.model
	revision := model.source.revision
	not is_commit(revision)
}

# Arguments of the engine that name a revision of their own.
revision_flags := ["--revision=", "--tokenizer-revision=", "--code-revision="]

deny_pinned_revisions contains {
	"msg": sprintf("the argument `%s` of the model `%s` names no commit of 40 hexadecimal digits", [argument, name]),
	"route": route.of(["model", name, "serve", "args", format_int(at, 10)]),
	"help": "give the commit that it names today",
} if {
	some name, model in input.model
	some at, argument in model.serve.args
	some flag in revision_flags
	startswith(argument, flag)
	not is_commit(trim_prefix(argument, flag))
}
