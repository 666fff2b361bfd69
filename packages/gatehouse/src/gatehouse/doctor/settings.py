"""Check the files that a fork changes: they must be valid, and the fork's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatehouse.codeowners import OWNERS_FILE, problem
from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.doctor.adopted import SAMPLE, is_set_up
from gatehouse.doctor.finding import Area, Finding
from gatehouse.errors import GatehouseError
from gatehouse.origin import MEASUREMENT as ORIGIN
from gatehouse.ownership import OWNERSHIP_FILE, PLACEHOLDER
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.report.card_text import CARD_TEXT, TO_WRITE, load_card_text
from gatehouse.template.placeholders import NAME

AREA = Area("settings")
_SAMPLE_WORDS = ("Adult", "50,000 dollars", "census")
_SHOWN = 3


def check_settings(root: Path) -> Iterator[Finding]:
    """Check that each file is valid, and that nothing of the template's sample remains."""
    yield from _valid(root)
    yield from _features(root)
    yield from _sample(root)
    yield from _waivers(root)
    yield from _noise(root)
    yield from _origin(root)
    yield from _owners(root)
    yield from _placeholders(root)


def _valid(root: Path) -> Iterator[Finding]:
    from gatehouse.pipeline.settings import PARAMS_FILE, load_settings

    loaders: dict[Path, Callable[[Path], Any]] = {
        CONTRACT_FILE: load_contract,
        PARAMS_FILE: load_settings,
        POLICY_FILE: load_policy,
        CARD_TEXT: load_card_text,
    }
    for file, load in loaders.items():
        try:
            load(root / file)
        except GatehouseError as error:
            yield AREA.problem(
                str(error), f"fix {file}; `gatehouse schemas` writes its JSON Schema"
            )
        else:
            yield AREA.fine(f"{file} is valid")


def _features(root: Path) -> Iterator[Finding]:
    from gatehouse.pipeline.derived import check_features
    from gatehouse.pipeline.settings import PARAMS_FILE, load_settings

    try:
        contract, params = load_contract(root / CONTRACT_FILE), load_settings(root / PARAMS_FILE)
    except GatehouseError:
        return  # reported already
    try:
        check_features(params.features, contract)
    except GatehouseError as error:
        yield AREA.problem(str(error), "docs/model.md has the section Derived features")


def _sample(root: Path) -> Iterator[Finding]:
    try:
        contract, card = load_contract(root / CONTRACT_FILE), load_card_text(root / CARD_TEXT)
    except GatehouseError:
        return  # reported already
    if contract.name == SAMPLE:
        yield AREA.warning(
            f"{CONTRACT_FILE} is the template's sample, {SAMPLE}: you have no data of your own yet",
            "gatehouse init FILE --target COLUMN writes one for your data, then make run "
            "(docs/adopting.md)",
        )
        return
    left = [
        field
        for field, value in card.model_dump(mode="json").items()
        if any(word in str(value) for word in _SAMPLE_WORDS)
    ]
    unwritten = str(card.model_dump(mode="json")).count(TO_WRITE)
    if unwritten:
        parts = "1 part is" if unwritten == 1 else f"{unwritten} parts are"
        yield AREA.warning(
            f"{CARD_TEXT}: {parts} still to be written",
            f'search {CARD_TEXT} for "{TO_WRITE}", and write what people know of the model',
        )
    if left:
        yield AREA.problem(
            f"{CARD_TEXT} still describes the template's sample: {', '.join(left)}",
            f"describe your own model in {CARD_TEXT}",
        )
    else:
        yield AREA.fine(f"{CARD_TEXT} does not describe the template's sample")


def _waivers(root: Path) -> Iterator[Finding]:
    try:
        waivers = load_policy(root / POLICY_FILE).waivers
    except GatehouseError:
        return
    today = datetime.now(UTC).date()
    for each in waivers:
        if each.expires < today:
            yield AREA.warning(
                f"{POLICY_FILE}: the waiver of {each.rule} has expired on {each.expires}",
                "take it out, or renew it with a reason",
            )


def _noise(root: Path) -> Iterator[Finding]:
    from gatehouse.noise.measure import params_digest
    from gatehouse.pipeline.settings import PARAMS_FILE, load_settings

    try:
        policy, settings = load_policy(root / POLICY_FILE), load_settings(root / PARAMS_FILE)
        params = params_digest(settings.train) if policy.noise else None
    except GatehouseError:
        return
    for name, limit, moves in policy.inside_noise():
        yield AREA.warning(
            f"{POLICY_FILE}: {name}: its limit {limit:g} lies inside training noise "
            f"(±{moves:.2g}), so equal models can cross it",
            "set a limit beyond the noise, as gatehouse noise --write --limits does",
        )
    if policy.noise and policy.noise.params != params:
        yield AREA.warning(
            f"{POLICY_FILE}: noise was measured with other training settings",
            "gatehouse noise --write",
        )


def _origin(root: Path) -> Iterator[Finding]:
    try:
        rules = load_policy(root / POLICY_FILE).rules.values()
    except GatehouseError:
        return
    if all(rule.measurement != ORIGIN for rule in rules):
        yield AREA.warning(
            f"{POLICY_FILE}: no rule asks where a model comes from, so any one may be green",
            "copy the rule model-from-run from the template's policy.yaml",
        )


def _owners(root: Path) -> Iterator[Finding]:
    codeowners, border = (
        file.read_text("utf-8", "replace") if file.is_file() else None
        for file in (root / OWNERS_FILE, root / OWNERSHIP_FILE)
    )
    message = problem(codeowners, border)
    if message and PLACEHOLDER in message and not is_set_up(root):
        yield AREA.warning(
            message,
            "when the contract is yours and the repository is on GitHub: docs/github.md",
        )
    elif message:
        yield AREA.problem(
            message, "name at least two people or a team, commit, push (docs/github.md)"
        )
    else:
        yield AREA.fine(f"{OWNERS_FILE} is what {OWNERSHIP_FILE} makes, and names owners")


def _placeholders(root: Path) -> Iterator[Finding]:
    folder = root / "deploy"
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    left = [
        file.relative_to(root).as_posix() for file in files if NAME.encode() in file.read_bytes()
    ]
    if left:
        yield AREA.warning(
            f"{len(left)} files still name {NAME}: {', '.join(left[:_SHOWN])}, …",
            "before you deploy: the command in docs/operations.md writes your repository's name",
        )
    elif files:
        yield AREA.fine("deploy/ names your repository and image")
