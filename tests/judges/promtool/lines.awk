# Turns promtool's report into one line per reason.

function flush() {
  if (reason != "") print file ": document 1 rules/" task ": " reason
  reason = ""
}

/^Checking / || /^Unit Testing: / {
  flush()
  file = $0
  sub(/^(Checking|Unit Testing:) +/, "", file)
  failed = 0
  next
}
# An empty file, or one that holds something else, must not pass for good rules.
/^  SUCCESS: 0 rules found/ { reason = "no rules"; flush() }
# A rule file that is missing is but a warning, and absent alerts then "do not fire".
/^  WARNING: / { sub(/^  WARNING: /, ""); reason = $0; flush(); next }
/^  FAILED:/ { failed = 1; next }
!failed { next }
/^[ \t]*$/ { flush(); next }
{
  # Each error in a rule file begins with its name.
  if (index($0, file ": ") == 1) {
    flush()
    $0 = substr($0, length(file) + 3)
  }
  gsub(/[ \t]+/, " ")
  gsub(/^ | $/, "")
  reason = reason (reason == "" ? "" : " ") $0
}
END { flush() }
