package llmc.pinned_revisions_test

import data.stack.llmc.pinned_revisions as policy

commit := "0e9e39f249a16976918f6564b8830bc894c89659"

stack(revision, args) := {"model": {"a": {"source": {"revision": revision}, "serve": {"args": args}}}}

routes := {found.route | some found in policy.deny_pinned_revisions}

test_commits_pass if {
	count(routes) == 0 with input as stack(commit, ["--enforce-eager", concat("", ["--tokenizer-revision=", commit])])
}

test_a_branch_is_refused if routes == {"/model/a/source/revision"} with input as stack("main", [])

test_a_short_commit_is_refused if routes == {"/model/a/source/revision"} with input as stack("0e9e39f", [])

test_a_branch_of_the_code_is_refused if {
	routes == {"/model/a/serve/args/1"} with input as stack(commit, ["--enforce-eager", "--code-revision=main"])
}
