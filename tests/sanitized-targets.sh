#!/usr/bin/env bash
# The tests that run under sanitizers in every `make test`: build targets, or with "ctest" a name filter.
# Not pipeline/queue for now: under AddressSanitizer's timing its power-cut test sometimes sees a loss reported where nothing that was
# acknowledged is lost; without sanitizers it runs in every `make test`.
directories="pipeline/dead_letter pipeline/event pipeline/run plugins/codecs server"
if [ "${1:-}" = ctest ]; then
  echo "^($(echo $directories | tr ' ' '|'))$"
else
  for directory in $directories; do echo "${directory//\//_}_tests"; done
  for source in "$(dirname "$0")"/fuzz/*_fuzz.cc; do basename "$source" .cc; done
fi
