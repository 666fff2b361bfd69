"""Stand-in for actions/download-artifact."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from tests.workflows.stand_ins.inputs import fail, inputs, output, workspace


def main() -> None:
    given = inputs()
    run = given["run-id"] or os.environ["GITHUB_RUN_ID"]
    if run != os.environ["GITHUB_RUN_ID"] and not given["github-token"]:
        fail("github-token: an artifact of another run needs one")
    folder = Path(os.environ["STAND_IN_ARTIFACTS"], run)
    into = workspace() / given["path"]
    if given["name"]:
        archives = [folder / f"{given['name']}.zip"]
        if not archives[0].is_file():
            fail(f"unable to find an artifact of the name {given['name']!r} in run {run}")
    else:
        archives = sorted(folder.glob("*.zip"))
    for file in archives:
        place = into if given["name"] else into / file.stem
        place.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(file) as archive:
            archive.extractall(place)
    output("download-path", str(into))


if __name__ == "__main__":
    main()
