#!/bin/sh
# Prints the path of the library's source or wheel, for use before anything is installed. A wheel
# that is not in vendor/ is downloaded from pip's index, by the SHA-256 in requirements/gatehouse.txt.
set -eu
cd "$(dirname "$0")/.."
for place in packages/gatehouse/src vendor/gatehouse-*.whl; do
    if [ -e "$place" ]; then
        echo "$PWD/$place"
        exit
    fi
done
if [ ! -e requirements/gatehouse.txt ]; then
    echo "library: neither packages/gatehouse nor a wheel in vendor/ is here" >&2
    exit 2
fi
folder=$(mktemp -d)
python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes --dest "$folder" \
    -r requirements/gatehouse.txt >&2
echo "$folder"/gatehouse-*.whl
