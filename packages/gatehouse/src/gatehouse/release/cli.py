"""`gatehouse image`, `stage` and `promote`: from a judged commit to the image that runs."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.command import HELP, command
from gatehouse.exits import FAIL, PASS

if TYPE_CHECKING:
    from gatehouse.release.promote import Change

_BASE_FOLDER = Path(".gatehouse/base-image")


def _refuses(function: Callable[..., int]) -> Callable[..., int]:
    """Turn a refused image into a failure (exit code 1) rather than an input error (2)."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> int:
        from gatehouse.release.signing import RefusedError

        try:
            return function(*args, **kwargs)
        except RefusedError as refused:
            click.echo(f"refused: {refused}", err=True)
            return FAIL

    return wrapped


@click.group("image", context_settings=HELP)
def group() -> None:
    """Build, push, verify and sign the image of a commit."""


@group.command()
@click.option("--base", "base_image", metavar="IMAGE", envvar="BASE_IMAGE",
              help="Base image: NAME@sha256:DIGEST, or oci:FOLDER.")  # fmt: skip
@command
def build(base_image: str | None) -> int:
    """Judge HEAD once more, and build its image in .gatehouse/release.

    Needs the data and models of HEAD's dvc.lock. Measures everything again and judges it by HEAD's
    own policy. A commit that does not pass gets no image, and the exit code is 1.
    """
    from gatehouse.release.build import BASE_IMAGE
    from gatehouse.release.build import build as build_image
    from gatehouse.release.builder import check_base
    from gatehouse.release.judge_commit import judge_commit
    from gatehouse.release.result import Release
    from gatehouse.report.terminal import print_verdict

    check_base(base_image or BASE_IMAGE)
    release = Release()
    # First, so that no older release can be pushed.
    shutil.rmtree(release.folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="gatehouse-image-") as work:
        judged = judge_commit(Path(), Path(work) / "commit")
        judged.verdict.write(release.verdict)
        print_verdict(judged.verdict, report=str(release.verdict))
        if not judged.passes:
            click.echo(f"{judged.commit[:12]} does not pass, so it gets no image", err=True)
            return FAIL
        build_image(judged, base_image or BASE_IMAGE, Path(work), release)
    click.echo(f"{release.image.folder} {release.image.digest}")
    return PASS


@group.command()
@command
@_refuses
def check() -> int:
    """Check that .gatehouse/release matches HEAD: commit, policy, data, model, verdict, code.

    `push` runs the same check before it signs. It trusts no verdict, digest or label in the folder,
    and computes all of them again from HEAD and the files.
    """
    click.echo(f"fits {_checked()[:12]}")
    return PASS


def _checked() -> str:
    """Check the release here and that it fits its commit; return the commit."""
    from gatehouse.judge_files import today
    from gatehouse.release.bound import check_bound
    from gatehouse.release.result import Release
    from gatehouse.release.verify import check_release

    commit = check_release(Release())
    check_bound(Release(), Path(), today())
    return commit


@group.command()
@click.argument("name", metavar="REGISTRY/NAME")
@click.option("--key", metavar="KEY",
              help="Private key: a file, or env://NAME or a KMS as cosign takes it; without, the "
              "workflow's identity signs (keyless).")  # fmt: skip
@command
@_refuses
def push(name: str, key: str | None) -> int:
    """Push what `build` made, sign it, and attest verdict, provenance and SBOM.

    Prints the image with its digest. Refuses to push an image whose verdict is not a pass, whose
    model is not the judged one, or that does not match HEAD (`gatehouse image check`).
    """
    from gatehouse.release.registry import push as push_image
    from gatehouse.release.result import Release
    from gatehouse.release.signing import PROVENANCE, SBOM, VERDICT, Signer

    release, signer = Release(), Signer(key)
    image = push_image(release.image, name, _checked())
    signer.attest(image, VERDICT, release.verdict)
    signer.attest(image, PROVENANCE, release.provenance)
    signer.attest(image, SBOM, release.sbom)
    # Last, so that a signed image has everything that it needs.
    signer.sign(image)
    click.echo(image)
    return PASS


_IDENTITY = "Workflow that must have signed."


@group.command()
@click.argument("image", metavar="NAME@sha256:DIGEST")
@click.option("--key", metavar="KEY", help="Public key that must have signed: a file, or a KMS.")
@click.option("--identity", metavar="URL", help=_IDENTITY)
@command
@_refuses
def verify(image: str, key: str | None, identity: str | None) -> int:
    """Check an image in its registry: signature, attestations, verdict, and the model inside."""
    from gatehouse.release.promote import parse_image
    from gatehouse.release.signing import Verifier
    from gatehouse.release.verify import verify_image

    parsed, verifier = parse_image(image), Verifier(key, identity)
    with tempfile.TemporaryDirectory(prefix="gatehouse-verify-") as work:
        verify_image(parsed, verifier, Path(work) / "image", click.echo)
    click.echo(f"{parsed}: verified")
    return PASS


@group.command()
@click.argument("image", metavar="NAME@sha256:DIGEST")
@click.option("--key", metavar="NEW", required=True, help="Private key that signs from now on.")
@click.option("--verified-by", metavar="OLD", help="Public key that must have signed until now.")
@click.option("--identity", metavar="URL", help=_IDENTITY)
@command
@_refuses
def sign(image: str, key: str, verified_by: str | None, identity: str | None) -> int:
    """Sign a released image with a new key, after verifying it with the old one.

    Attests the same statements again, unchanged. The old signatures stay.
    """
    from gatehouse.release.promote import parse_image
    from gatehouse.release.signing import Signer, Verifier
    from gatehouse.release.verify import verify_image
    from gatehouse.typed import write_text

    parsed, signer = parse_image(image), Signer(key)
    with tempfile.TemporaryDirectory(prefix="gatehouse-sign-") as work:
        folder, verifier = Path(work), Verifier(verified_by, identity)
        statements = verify_image(parsed, verifier, folder / "image", click.echo)
        for kind, predicates in statements.items():
            for predicate in predicates:
                write_text(folder / "predicate.json", json.dumps(predicate))
                signer.attest(parsed, kind, folder / "predicate.json")
    signer.sign(parsed)
    click.echo(f"{parsed}: signed")
    return PASS


@group.command()
@command
def base() -> int:
    """Make a base image from Debian's packages, without a registry.

    Needs mmdebstrap and buildah. Prints its name, for `gatehouse image build --base`.
    """
    from gatehouse.git import git
    from gatehouse.release.base_image import make_base

    make_base(_BASE_FOLDER, int(git("show", "--no-patch", "--format=%ct", "HEAD")))
    click.echo(f"oci:{_BASE_FOLDER}")
    return PASS


@click.command("stage", context_settings=HELP)
@click.argument("image", metavar="NAME@sha256:DIGEST")
@command
def stage_command(image: str) -> int:
    """Deploy an image to staging, by its digest."""
    from gatehouse.release import promote

    return _show_change("staging", promote.stage(promote.parse_image(image)))


@click.command("promote", context_settings=HELP)
@command
def promote_command() -> int:
    """Promote the image that staging runs to production.

    The change is one line; commit it, and `git revert` takes it back.
    """
    from gatehouse.release import promote

    return _show_change("production", promote.promote())


def _show_change(environment: str, change: Change) -> int:
    if change.before == change.after:
        click.echo(f"{environment}: runs {change.after} already; nothing to do")
    else:
        click.echo(f"{environment}: {change.before} -> {change.after}")
    return PASS
