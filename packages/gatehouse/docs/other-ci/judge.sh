#!/bin/sh
# Judges a candidate by the code, policy and DVC remote of the checkout that this file lies in:
#   sh docs/other-ci/judge.sh COMMIT CANDIDATE OUT
# COMMIT     the candidate's commit, which this checkout has fetched
# CANDIDATE  the folder with the candidate's data/raw and models; only read, never run
# OUT        a new folder for report.md and verdict.json
# Exit codes are those of gatehouse: 0 pass, 1 fail, 2 error in input.
set -eu
commit=$1 candidate=$2 out=$3
cd "$(dirname "$0")/../.."
base=$(git rev-parse HEAD)

make --silent .venv/.installed-gates

# What a candidate may bring: what its rows are, what it proposes, how it was made, and these outputs.
for file in contract.yaml policy.yaml params.yaml; do
    git show "$commit:$file" >"$file"
done
for folder in data/raw models; do
    # Regular files only: a link could name any file of this machine.
    for above in "$candidate/${folder%/*}" "${folder%/*}"; do
        if [ -L "$above" ]; then
            echo "$above: is a link, where a folder must be" >&2
            exit 2
        fi
    done
    rm -rf "$folder"
    mkdir -p "$folder"
    find -P "$candidate/$folder" -maxdepth 1 -type f -exec cp {} "$folder" \;
done

# Where rows break the contract, measuring ends with 1, and the verdict, which follows, says it too.
# The rows are dealt here: a candidate brings no splits of its own.
code=0
rm -rf data/prepared
.venv/bin/gatehouse prepare
.venv/bin/gatehouse measure --base "$base" || code=$?
[ "$code" -le 1 ] || exit "$code"
code=0
.venv/bin/gatehouse judge --base "$base" || code=$?
mkdir -p "$out"
cp reports/report.md reports/verdict.json "$out"
exit "$code"
