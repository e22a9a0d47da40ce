#!/usr/bin/env bash
# What the GitHub Action runs: check, then plan or apply, and a report in every case.
# Reads MODE, BINARY, COMMENT, BASE, NUMBER and FORK as `action.yml` sets them. Ends with 0 also when
# llmc failed: a later step of the action says so, after the findings were uploaded.
set -uo pipefail
report=$RUNNER_TEMP/llmc-report.md
sarif=$RUNNER_TEMP/llmc.sarif
log=$RUNNER_TEMP/llmc.log
: >"$report" >"$log"
rm -f "$sarif"

# Text that nobody can break out of: GitHub's summary is Markdown, and a log holds anything.
quote() { sed 's/^/    /' | head -c 60000; }

# What is printed may begin with `::`, which the runner would take for its own commands.
guard=$(head -c 32 /dev/urandom | sha256sum | cut -c 1-32)
show() { printf '::stop-commands::%s\n' "$guard"; cat "$log"; printf '\n::%s::\n' "$guard"; }

finish() { # RESULT SENTENCE
  {
    printf '### llmc: %s\n\n' "$2"
    # A summary has at most 1 MiB; half a report would not be Markdown.
    if [ "$(wc -c <"$report")" -gt 900000 ]; then
      echo "The report is too long for a job summary."
    else
      cat "$report"
    fi
    if [ -s "$log" ] && [ "$1" = failed ]; then printf '\n\n'; quote <"$log"; fi
  } >>"$GITHUB_STEP_SUMMARY"
  {
    printf 'result=%s\nreport=%s\nfork=%s\n' "$1" "$report" "${FORK:-false}"
    if [ -s "$sarif" ]; then printf 'sarif=%s\n' "$sarif"; fi
  } >>"$GITHUB_OUTPUT"
  exit 0
}

llmc=${BINARY:-$RUNNER_TEMP/llmc-bin/bin/llmc}
command -v "$llmc" >/dev/null || finish failed "it could not be built or found"

mode=$MODE
if [ "$mode" = auto ]; then
  case "$GITHUB_EVENT_NAME:$GITHUB_REF" in
    pull_request:*) mode=plan ;;
    push:"refs/heads/$BASE") mode=apply ;;
    *) mode=check ;;
  esac
fi

ordered=true
"$llmc" check --format sarif >"$sarif" 2>>"$log" || ordered=false
# A plan says errors too, and so does its comment; one that stood there would be of an older commit.
if [ "$ordered" = false ] && [ "$mode" != plan ]; then
  "$llmc" check 2>>"$log" >/dev/null
  show
  finish failed "a spec has errors"
fi

case "$mode" in
  check) finish clean "every spec is in order" ;;
  plan)
    if ! git rev-parse --verify --quiet "origin/$BASE" >/dev/null; then
      git fetch --no-tags origin "+refs/heads/$BASE:refs/remotes/origin/$BASE" 2>>"$log" || finish failed "the base branch could not be fetched"
    fi
    arguments=(plan --against "origin/$BASE" --changed-since "origin/$BASE" --detailed-exitcode --format markdown)
    # A fork's token may only read.
    if [ "$COMMENT" = true ] && [ "${FORK:-false}" != true ] && [ -n "$NUMBER" ]; then arguments+=(--comment "$NUMBER"); fi
    "$llmc" "${arguments[@]}" >"$report" 2>>"$log"
    code=$?
    show
    if [ "$ordered" = false ]; then finish failed "a spec has errors"; fi
    case $code in
      0) finish clean "nothing changes" ;;
      2) finish changed "this is what changes" ;;
      *) finish failed "the plan failed" ;;
    esac
    ;;
  apply)
    "$llmc" apply --pr >>"$log" 2>&1
    code=$?
    show
    if [ "$code" -ne 0 ]; then finish failed "the change was not delivered"; fi
    quote <"$log" >"$report"
    finish clean "the compiled trees are delivered"
    ;;
  *) finish failed "the mode must be plan, apply, check or auto" ;;
esac
