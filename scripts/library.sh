#!/bin/sh
# Prints where Python finds the library before anything is installed: its source, or its wheel.
set -eu
cd "$(dirname "$0")/.."
for place in packages/gatehouse/src vendor/gatehouse-*.whl; do
    if [ -e "$place" ]; then
        echo "$PWD/$place"
        exit
    fi
done
echo "library: neither packages/gatehouse nor a wheel in vendor/ is here" >&2
exit 2
