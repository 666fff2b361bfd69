"""scripts/install.sh, with stand-ins for Python and the GPU tools: nothing is downloaded."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[4]

# Writes down how it was called; `-m venv` makes .venv with itself in it. A call that contains the
# text of $FAILS fails, and $TORCH is the version of torch that is already there.
PYTHON = """#!/bin/sh
echo "$*" >>"$CALLS"
[ -n "${FAILS:-}" ] && case "$*" in *"$FAILS"*) echo "refused: $*" >&2; exit 1 ;; esac
case "$*" in
*version_info*) echo "${VERSION:-3.11}" ;;
*importlib.metadata*) echo "${TORCH:-}" ;;
*"uv pip install"*) echo "a bar of uv" >&2 ;;
"-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
--version) echo "Python ${VERSION:-3.11}.0" ;;
esac
exit 0
"""


class Machine:
    """A copy of what the script reads, and a PATH with the stand-ins before the system's tools."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.calls = root / "calls"
        self.bin.mkdir()
        for name in ("scripts", "requirements"):
            shutil.copytree(REPOSITORY / name, root / name)
        shutil.copy(REPOSITORY / "pyproject.toml", root)
        self.add("python3", PYTHON)
        self.add("uname", "#!/bin/sh\necho Linux\n")
        self.add("nvidia-smi", "#!/bin/sh\nexit 9\n")
        for name in ("python3.11", "python3.12", "python3.13"):
            self.add(name, "#!/bin/sh\nexit 127\n")

    def add(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(script)
        path.chmod(0o755)

    def install(self, *, terminal: int = -1, **settings: str) -> subprocess.CompletedProcess[str]:
        """Standard error goes to the file descriptor `terminal`, where it is one."""
        self.calls.write_text("")
        environment = {
            "PATH": f"{self.bin}{os.pathsep}{os.defpath}",
            "CALLS": str(self.calls),
            **settings,
        }
        return subprocess.run(
            ["/bin/sh", "scripts/install.sh", "run"],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if terminal < 0 else terminal,
            text=True,
            check=False,
        )

    def called(self, *words: str) -> bool:
        """Whether some call had all of these words."""
        return any(
            all(word in call for word in words) for call in self.calls.read_text().splitlines()
        )

    @property
    def ready(self) -> bool:
        return (self.root / ".venv/.installed-run").exists()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_every_install_demands_hashes(machine: Machine) -> None:
    """Attacks a step that would take whatever an index offers under the name."""
    assert machine.install().returncode == 0
    installs = [call for call in machine.calls.read_text().splitlines() if "pip install" in call]
    assert installs
    assert all(
        "--require-hashes" in call or "--no-deps --no-build-isolation" in call for call in installs
    )
    assert machine.ready


@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has a GPU")
def test_without_a_gpu_the_cpu_build_is_installed(machine: Machine) -> None:
    """Attacks gigabytes of CUDA on a machine that cannot use them."""
    done = machine.install()
    assert "cpu build: this machine has no NVIDIA GPU" in done.stdout
    assert machine.called("torch-cpu.txt")
    assert not machine.called("torch.txt")


def test_with_a_gpu_the_cuda_build_is_installed(machine: Machine) -> None:
    """Attacks a GPU that stays idle because the CPU build was taken."""
    machine.add("nvidia-smi", "#!/bin/sh\necho 'GPU 0'\n")
    done = machine.install()
    assert "cuda build: this machine has an NVIDIA GPU" in done.stdout
    assert machine.called("torch.txt")
    assert not machine.called("torch-cpu.txt")


def test_a_named_build_wins_over_what_the_machine_has(machine: Machine) -> None:
    """Attacks a setting that is read and then overruled; the other build has to go first."""
    done = machine.install(GATEHOUSE_TORCH="cuda", TORCH="2.13.0+cpu")
    assert "cuda build: GATEHOUSE_TORCH says so" in done.stdout
    assert machine.called("pip uninstall", "torch")
    assert machine.called("torch.txt")


def test_macos_takes_the_standard_build(machine: Machine) -> None:
    """Attacks a Mac that looks for a build which is made for Linux only."""
    machine.add("uname", "#!/bin/sh\necho Darwin\n")
    assert "standard build" in machine.install().stdout
    assert machine.called("torch.txt")
    refused = machine.install(GATEHOUSE_TORCH="cuda")
    assert refused.returncode == 2
    assert "no CUDA build of torch for Darwin" in refused.stderr


def test_a_wrong_build_name_is_refused(machine: Machine) -> None:
    """Attacks a typing error that silently falls back to a default."""
    done = machine.install(GATEHOUSE_TORCH="gpu")
    assert done.returncode == 2
    assert "GATEHOUSE_TORCH=gpu: expected cpu or cuda" in done.stderr


def test_a_folder_without_the_cpu_wheel_falls_through_to_torchs_index(machine: Machine) -> None:
    """Attacks an install that ends where pip has no wheel folder, which is the usual case."""
    done = machine.install(GATEHOUSE_TORCH="cpu", FAILS="--no-index")
    assert done.returncode == 0
    assert "refused" not in done.stdout + done.stderr
    assert machine.called("uv pip install", "--torch-backend cpu", "torch-cpu.txt")


def test_no_cpu_build_anywhere_says_what_to_do(machine: Machine) -> None:
    """Attacks a failure that leaves the newcomer with a resolver's traceback."""
    done = machine.install(GATEHOUSE_TORCH="cpu", FAILS="torch-cpu.txt")
    assert done.returncode == 2
    assert "PIP_FIND_LINKS" in done.stderr
    assert "GATEHOUSE_TORCH=cuda make setup" in done.stderr
    assert not machine.ready


@pytest.mark.parametrize("step", ["setup.txt", "run.txt", "--editable", "pip check"])
def test_a_failed_step_is_shown_and_taken_up_again(machine: Machine, step: str) -> None:
    """Attacks a half-made environment that counts as ready."""
    failed = machine.install(FAILS=step)
    assert failed.returncode == 2
    assert "refused" in failed.stderr
    assert not machine.ready
    assert machine.install().returncode == 0
    assert machine.ready


def test_what_is_installed_and_how_long_it_took_is_said(machine: Machine) -> None:
    """Attacks two silent minutes: a line before, one after, and uv's bars on a terminal alone."""
    done = machine.install()
    assert re.match(r"setup: installing about \d{2,} packages into \.venv; a minute", done.stdout)
    assert re.search(r"setup: ready after \d+ s\n$", done.stdout)
    assert "a bar of uv" not in done.stdout + done.stderr
    assert len(done.stdout.splitlines()) <= 5
    (machine.root / ".venv/.installed-run").unlink()
    ours, theirs = os.openpty()
    assert machine.install(terminal=theirs).returncode == 0
    os.close(theirs)
    told = b""
    with contextlib.suppress(OSError):  # the end of a terminal, on Linux
        while part := os.read(ours, 1000):
            told += part
    os.close(ours)
    assert b"a bar of uv" in told


def test_a_second_install_does_nothing(machine: Machine) -> None:
    """Attacks seconds lost at each `make run`; files that only look newer are no change."""
    machine.install()
    (machine.root / "requirements/run.txt").touch()
    again = machine.install()
    assert again.returncode == 0
    assert again.stdout == ""
    assert not machine.called("install")


def test_a_changed_lock_is_installed(machine: Machine) -> None:
    """Attacks an environment that stays behind after a pull."""
    machine.install()
    with (machine.root / "requirements/run.txt").open("a") as lock:
        lock.write("\n")
    machine.install()
    assert machine.called("run.txt")


def test_a_lost_interpreter_makes_a_new_environment(machine: Machine) -> None:
    """Attacks a .venv whose Python was upgraded away, with the stamp still there."""
    machine.install()
    (machine.root / ".venv/bin/python").unlink()
    assert "making .venv" in machine.install().stdout
    assert machine.ready


def test_an_untried_python_is_refused_by_name(machine: Machine) -> None:
    """Attacks a long install that ends in an error of some library."""
    done = machine.install(VERSION="3.9")
    assert done.returncode == 2
    assert "python3 is 3.9" in done.stderr
    assert "make setup PYTHON=" in done.stderr
    assert not (machine.root / ".venv").exists()


def test_a_python_without_venv_names_the_package_to_install(machine: Machine) -> None:
    """Attacks Debian's Python, which comes without venv."""
    done = machine.install(FAILS="import ensurepip")
    assert done.returncode == 2
    assert "apt-get install python3.11-venv" in done.stderr


def test_the_script_and_the_package_allow_the_same_pythons() -> None:
    """Attacks two lists of versions that drift apart; tests run on one that is allowed."""
    script = (REPOSITORY / "scripts/install.sh").read_text()
    minors = [
        int(version.split(".")[1])
        for version in script.split('versions="')[1].split('"')[0].split()
    ]
    required = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"][
        "requires-python"
    ]
    assert required == f">=3.{min(minors)},<3.{max(minors) + 1}"
    assert sys.version_info.minor in minors
