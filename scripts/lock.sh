#!/bin/sh
# Resolves requirements/*.in into the lock files; arguments (--upgrade) go to uv. `make lock` calls it.
# dev is the largest set: the others are constrained by it, so that no two locks disagree.
set -eu
cd "$(dirname "$0")/../requirements"

lock() {
    out=$1
    shift
    ../.venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate "$@" --output-file "$out"
}

lock dev.txt dev.in "$@"
lock release.txt release.in --constraints dev.txt "$@"
lock site.txt site.in --constraints dev.txt "$@"
lock gates.txt gates.in --constraints dev.txt "$@"
lock objects.txt objects.in --constraints dev.txt "$@"
lock extras.txt extras.in --constraints dev.txt "$@"
lock docs.txt docs.in --constraints dev.txt "$@"
lock run.txt run.in --constraints dev.txt "$@"
lock github.txt github.in --constraints dev.txt "$@"
lock serve.txt serve.in --constraints dev.txt "$@"
lock torch.txt torch.in --constraints dev.txt "$@"
lock setup.txt setup.in --constraints dev.txt "$@"
