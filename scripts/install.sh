#!/bin/sh
# Makes .venv and installs a locked set of packages into it: `sh scripts/install.sh run|extras|dev`;
# the workflows also use smaller sets without torch, each with the packages of its jobs.
# `make setup`, `make run` and `make test` call it. A stamp is written last, so that the next call
# resumes an install that failed or was interrupted. Settings, all optional:
#   PYTHON=python3.11            the interpreter for a new .venv
#   GATEHOUSE_TORCH=cpu|cuda     the build of torch on Linux, instead of detecting a GPU
set -eu
cd "$(dirname "$0")/.."

set_name=${1:-run}
python=.venv/bin/python
stamp=.venv/.installed-$set_name
log=.venv/install.log
library=packages/gatehouse
versions="3.11 3.12 3.13" # keep equal to requires-python in pyproject.toml

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 2
}

# A step's output goes to a log and is shown only if the step fails. The output of a long step is
# also shown on a terminal, where uv draws progress bars.
logged() { "$@" >>"$log" 2>&1; }
watched() { if [ -t 2 ]; then "$@"; else logged "$@"; fi; }
quietly() { logged "$@" || { tail -n 40 "$log" >&2 && broken "$@"; }; }
unseen() { [ -t 2 ] || tail -n 40 "$log" >&2; }
broken() {
    fail "failed: $*" "the log is in $log; the same make command takes it up again"
}

find_python() {
    for name in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        seen="${seen:+$seen, }$name is $version"
        case " $versions " in *" $version "*) ;; *) continue ;; esac
        if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$name"
            return
        fi
        seen="$seen without venv (Debian and Ubuntu: apt-get install python$version-venv)"
    done
    fail "no usable Python of a version that was tried ($versions)${seen:+: $seen}" \
        "install one, or name it: make setup PYTHON=/path/to/python${versions%% *}"
}

# Sets $build and $why.
choose_torch() {
    case "$(uname -s):${GATEHOUSE_TORCH:-}" in
    Linux:cpu | Linux:cuda) build=$GATEHOUSE_TORCH why="GATEHOUSE_TORCH says so" ;;
    Linux:)
        if [ -e /proc/driver/nvidia/version ] || nvidia-smi -L >/dev/null 2>&1; then
            build=cuda why="this machine has an NVIDIA GPU"
        else
            build=cpu why="this machine has no NVIDIA GPU"
        fi
        ;;
    *:cuda) fail "GATEHOUSE_TORCH=cuda: there is no CUDA build of torch for $(uname -s)" ;;
    *:cpu | *:) build=standard why="the one build for $(uname -s)" ;;
    *) fail "GATEHOUSE_TORCH=$GATEHOUSE_TORCH: expected cpu or cuda" ;;
    esac
}

# Without isolation, the locked setuptools builds source packages, and nothing unlocked is fetched.
locked() {
    watched "$python" -m uv pip install --python "$python" --require-hashes --no-build-isolation "$@" ||
        { unseen && broken "uv pip install $*"; }
}

install_torch() {
    installed=$("$python" -c 'from importlib.metadata import version; print(version("torch"))' 2>/dev/null || true)
    if [ "$build" != cpu ]; then
        # An installed 2.13.0+cpu would satisfy a requirement of 2.13.0, so remove it.
        case $installed in *+cpu) quietly "$python" -m uv pip uninstall --python "$python" torch ;; esac
        locked -r requirements/torch.txt
        return
    fi
    lock=requirements/torch-cpu.txt
    # Try pip without an index first: on machines without internet, pip may be configured with a
    # folder that has the wheel. uv has the address of PyTorch's index of CPU builds built in.
    logged "$python" -m pip install --quiet --no-index --no-deps --no-compile --require-hashes -r $lock ||
        watched "$python" -m uv pip install --python "$python" --torch-backend cpu --no-deps --require-hashes -r $lock || {
        unseen
        fail "the CPU build of torch is neither in a folder that pip knows nor on PyTorch's index" \
            "download the wheel named in $lock, and say PIP_FIND_LINKS=<its folder> make setup" \
            "or take the standard build, some GB larger: GATEHOUSE_TORCH=cuda make setup"
    }
}

# Merge drivers, in this clone, for the files that .gitattributes marks as generated; docs/merging.md.
set_merge_drivers() {
    git ls-files --error-unmatch .gitattributes >/dev/null 2>&1 || return 0 # no Git work tree
    git config merge.gatehouse-lock.name "dvc.lock, stage by stage"
    git config merge.gatehouse-lock.driver \
        "'$(git rev-parse --show-prefix).venv/bin/gatehouse' lock merge %O %A %B"
    git config merge.gatehouse-ours.name "ours, since a run makes it anew"
    git config merge.gatehouse-ours.driver true
    attributes=$(git rev-parse --git-path info/attributes)
    grep -q gatehouse-lock "$attributes" 2>/dev/null && return 0
    mkdir -p "$(dirname "$attributes")"
    cat >>"$attributes" <<'END'
[attr]generated-lock merge=gatehouse-lock
[attr]generated-report merge=gatehouse-ours
END
}
set_merge_drivers || say "no merge drivers (is .git read-only?): gatehouse lock resolve does the same"

case $set_name in
github | objects | gates | site | release | docs) build=none ;;
*) choose_torch ;;
esac
# The inputs of the environment; if they are unchanged, there is nothing to do.
wanted=$({
    echo "$PWD $build"
    cat requirements/*.txt pyproject.toml "$0"
    [ ! -d $library ] || cat $library/pyproject.toml $library/tests/workflows/tools/*.json
} | cksum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$python" -c '' 2>/dev/null; then
    touch "$stamp"
    exit 0
fi

rm -f "$stamp"
started=$(date +%s)
say "installing about $(grep -c == "requirements/$set_name.txt") packages into .venv; a minute or two," \
    "longer over a slow line"
if ! "$python" -m pip --version >/dev/null 2>&1; then
    name=$(find_python)
    say "making .venv with $("$name" --version) ($name)"
    rm -rf .venv
    "$name" -m venv .venv || fail "$name -m venv failed"
fi
: >"$log"
quietly "$python" -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements/setup.txt
if [ "$build" != none ]; then
    say "installing torch, $build build: $why (GATEHOUSE_TORCH=cpu or cuda says otherwise)"
    install_torch
fi
say "installing the packages locked in requirements/$set_name.txt"
# Modules are not compiled here: Python does that at the first import. Compiling all of them takes
# longer than the rest of the installation, and most are never imported.
locked -r "requirements/$set_name.txt"
editable() { quietly "$python" -m uv pip install --python "$python" --no-deps --no-build-isolation --editable "$1"; }
if [ -d $library ]; then
    editable $library
elif [ -d vendor ]; then
    locked --no-deps --no-index --find-links vendor -r requirements/gatehouse.txt
else # from the index
    locked --no-deps -r requirements/gatehouse.txt
fi
editable .
quietly "$python" -m uv pip check --python "$python"
# The checkers of workflows come from npm. Without npm, their tests are skipped with a message.
if [ "$set_name" = dev ] && [ -d $library ] && command -v npm >/dev/null; then
    mkdir -p .venv/tools
    cp $library/tests/workflows/tools/*.json .venv/tools
    quietly npm ci --prefix .venv/tools --ignore-scripts --no-audit --no-fund
fi
echo "$wanted" >"$stamp"
say "ready after $(($(date +%s) - started)) s"
