#!/usr/bin/env bash
# The tests that run under sanitizers in every `make test`: build targets, or with "ctest" a name filter.
directories="pipeline/dead_letter pipeline/event pipeline/queue pipeline/run plugins/codecs server"
if [ "${1:-}" = ctest ]; then
  echo "^($(echo $directories | tr ' ' '|'))$"
else
  for directory in $directories; do echo "${directory//\//_}_tests"; done
  for source in "$(dirname "$0")"/fuzz/*_fuzz.cc; do basename "$source" .cc; done
fi
