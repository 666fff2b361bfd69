"""Typed files: whatever stands in them, a user reads one line per problem and no traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.contract import parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Subject, read_evidence
from gatehouse.pipeline.settings import Settings
from gatehouse.policy import parse_policy
from gatehouse.typed import Document, parse_yaml, read_text, validate, write_text
from tests.gatehouse.tiny import CONTRACT, POLICY, Finished
from tests.sample import SAMPLE

PARAMS = (SAMPLE / "params.yaml").read_text()
ODD = [
    "2026-13-45", '"\\ud800"', "!!int x", "!!float q", "!!bool x", "!!set {1: 2}", "&x [*x]",
    ".nan", "-.inf", "1e999", "null", "true", "[]", "{}", "? [1, 2]\n: 3", "'", '"', "\t", "\x00",
    "<<: 3", "%YAML 9", "---", "...", "@", "`", "*nowhere", "!x y", "0o9", "-1", "1_0", "\ufeff",
]  # fmt: skip


def _told(read: Callable[[], object]) -> str:
    """What reading gives, or what a user is told; anything else that is raised is a finding."""
    try:
        return str(read())
    except GatehouseError as error:
        return str(error)


@st.composite
def _mutated(draw: st.DrawFn, text: str) -> str:
    """The text with a few cuts, swaps, copies and odd values."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(text) - 1)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        middle = draw(st.sampled_from(["", text[start:end] * 2, *ODD]) | st.text(max_size=8))
        text = text[:start] + middle + text[end:]
    return text


@given(_mutated(CONTRACT))
def test_a_mutated_contract_never_raises_but_in_words(text: str) -> None:
    """Attacks the contract's reader with broken YAML and odd values."""
    told = _told(lambda: parse_contract(text, "contract.yaml").digest)
    assert told.startswith(("contract.yaml", "sha256:"))


@given(_mutated(POLICY))
def test_a_mutated_policy_never_raises_but_in_words(text: str) -> None:
    """Attacks the policy's reader with broken YAML and odd values."""
    told = _told(lambda: parse_policy(text, "policy.yaml").digest)
    assert told.startswith(("policy.yaml", "sha256:"))


@given(_mutated(PARAMS))
def test_mutated_params_never_raise_but_in_words(text: str) -> None:
    """Attacks the settings' reader with broken YAML and odd values."""
    told = _told(lambda: validate(Settings, parse_yaml(text, "params.yaml"), "params.yaml"))
    assert told.startswith(("params.yaml", "data="))


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("line", ["version: 1", "    why: The least that is of use"])
def test_an_odd_value_of_the_policy_never_raises_but_in_words(line: str, value: str) -> None:
    """Attacks one value at a time with what YAML readers stumble over."""
    key = line.partition(":")[0]
    text = POLICY.replace(line, f"{key}: {value}", 1)
    told = _told(lambda: parse_policy(text, "policy.yaml").digest)
    assert told.startswith(("policy.yaml", "sha256:"))


def test_deep_nesting_is_told() -> None:
    """Attacks the parsers' recursion."""
    with pytest.raises(GatehouseError, match="is not valid YAML"):
        parse_yaml("[" * 1200, "policy.yaml")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("at_least: 0.8", "at_leest: 0.8", r"policy\.yaml:34: .*at_leest: .*spelling"),
        ("at_least: 0.8", "at_least: high", r"policy\.yaml:34: .*at_least: .*found 'high'"),
        ("at_least: 0.8", "at_least: .nan", r"policy\.yaml:34: .*at_least: "),
        ("at_least: 0.8", "at_least: .inf", r"policy\.yaml:34: .*at_least: "),
        ("at_least: 0.8", "at_least: 0.8\n    at_most: 1", "either at_least or at_most"),
        ("    at_least: 0.8\n", "", "either at_least or at_most"),
        ("    at_most: 0.05\n    alpha: 0.01", "    at_least: 0.05\n    alpha: 0.01", "at_most"),
        ("gate: accuracy", "gate: accurracy", r"accuracy-floor: there is no gate 'accurracy'"),
        ("of: comparison", "of: base", "never the base"),
        ("accuracy-floor:", "Accuracy Floor:", r"rules\.Accuracy Floor"),
        ("  accuracy-floor:", "  accuracy-base:", "duplicate key"),
        ("version: 1", "version: 2", r"policy\.yaml:1: version: .*found 2"),
        ("version: 1\n", "", "version: this key is missing"),
        ("seed: 0", "seed: -1", r"measure\.seed"),
        ("resamples: 2000", "resamples: 20", r"measure\.resamples"),
        ("waivers: []", "waivers: {}", "waivers"),
        (
            "waivers: []",
            "waivers: [{rule: x, reason: It is fine for now, approver: me, expires: 2027-01-01}]",
            "rule 'x', which does not exist",
        ),
        ("resamples: 2000", "resample: 2000", r"no such key; .*; did you mean 'resamples'\?"),
        (
            "waivers: []",
            "waivers: [{rule: accuracy-flor, reason: It is fine now, approver: me, "
            "expires: 2027-01-01}]",
            "does not exist; did you mean 'accuracy-floor'",
        ),
        (
            "waivers: []",
            "waivers: [{rule: accuracy-floor, reason: ok, approver: me, expires: 2027-01-01}]",
            r"waivers\.0\.reason",
        ),
        (
            "waivers: []",
            "waivers: [{rule: accuracy-floor, reason: '            ', approver: ' ', "
            "expires: 2027-01-01}]",
            r"(?s)waivers\.0\.reason.*waivers\.0\.approver",
        ),
        (
            "waivers: []",
            "waivers: [{rule: accuracy-floor, reason: It is fine for now, approver: me}]",
            r"waivers\.0\.expires: this key is missing",
        ),
        (
            "waivers: []",
            "waivers: [{rule: accuracy-floor, reason: It is fine for now, approver: me, "
            "expires: 2027-02-30}]",
            r"policy\.yaml",
        ),
    ],
)
def test_a_wrong_policy_names_line_key_and_fix(old: str, new: str, expected: str) -> None:
    """Attacks the mistakes people make: typos, wrong types, both limits, unknown rules."""
    assert old in POLICY
    with pytest.raises(GatehouseError, match=expected):
        parse_policy(POLICY.replace(old, new, 1), "policy.yaml")


def test_every_problem_is_told_at_once() -> None:
    """Attacks a reader that makes people mend one mistake per run."""
    text = POLICY.replace("at_least: 0.8", "at_leest: 0.8").replace("seed: 0", "seed: zero")
    with pytest.raises(GatehouseError) as caught:
        parse_policy(text, "policy.yaml")
    assert {line.split(":")[1] for line in str(caught.value).splitlines()} == {"5", "34"}


def test_missing_and_binary_files_are_told(tmp_path: Path) -> None:
    """Attacks the reader with files that are not there, folders, and bytes."""
    with pytest.raises(GatehouseError, match="no such file; run the command in the folder"):
        read_text(tmp_path / "policy.yaml")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name in ("bytes", "."):
        with pytest.raises(GatehouseError, match="cannot be read"):
            read_text(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"value": 0.9', '"value": NaN', "NaN"),
        ('"value": 0.9', '"value": Infinity', "Infinity"),
        ('"value": 0.9', '"value": -Infinity', "Infinity"),
        ('"value": 0.9', '"value": 1e999', "value"),
        ('"value": 0.9', '"value": "good"', "value"),
        ('"value": 0.9', '"value": 0.1, "value": 0.9', "'value' stands twice"),
        ('"value": 0.9', '"value": 0.9, "trust": true', "no such key"),
        ('"note": null', '"note": "\\ud800"', "half a Unicode character"),
        ('"seed": 0', '"seed": NaN', "NaN"),
        ('"n": 5000', '"n": -1', r"measurements\.0\.n"),
        ('"p_value": null', '"p_value": 2', "p_value"),
        ('"low": 0.89', '"low": 0.99', "low end lies above"),
        ('"version": 1', '"version": 0', "version"),
        ('"version": 1', '"version": 2', "newer than this judge"),
        ('"gate": "accuracy"', '"gate": "fairness"', "is the fairness gate's evidence"),
        ("{", "[" * 3000 + "{", "is not JSON"),
        ("{", '{"a": ' + "9" * 5000 + ",", "is not JSON"),
    ],
)
def test_forged_or_damaged_evidence_is_refused(
    finished: Finished, old: str, new: str, expected: str
) -> None:
    """Attacks evidence with what JSON readers let through: NaN, doubled keys, extra keys."""
    path = finished.write_evidence("accuracy")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(GatehouseError, match=expected):
        read_evidence(path, "accuracy")


@given(st.data())
def test_evidence_cut_anywhere_is_refused(data: st.DataObject) -> None:
    """Attacks the reader with every kind of half-written file."""
    import tempfile

    whole = Evidence(
        gate="data", candidate=Subject(), settings={"a": 1.5}, tools={}, measurements=()
    )
    text = whole.to_json()
    cut = data.draw(st.integers(0, len(text.rstrip()) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.json"
        path.write_text(text[:cut])
        with pytest.raises(GatehouseError, match="was it cut short"):
            read_evidence(path, "data")


class _Note(Document):
    text: str


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks writing in place: a full disk would leave half a verdict."""
    path = tmp_path / "deep" / "note.json"
    _Note(text="old").write(path)

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(GatehouseError, match="No space left"):
            _Note(text="new").write(path)
    assert _Note.read(path).text == "old"
    assert [file.name for file in path.parent.iterdir()] == ["note.json"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Attacks a traceback where a folder's name is taken by a file."""
    (tmp_path / "reports").write_text("")
    with pytest.raises(GatehouseError, match="cannot be written"):
        write_text(tmp_path / "reports" / "verdict.json", "")


def test_equal_documents_are_equal_bytes() -> None:
    """Attacks key order and line ends, which would make a rewritten file a change in Git."""
    one = _Note(text="a\r\nb ü")
    assert one.to_json() == _Note.model_validate(json.loads(one.to_json())).to_json()


def test_aliases_that_stand_for_too_much_are_told() -> None:
    """Attacks whoever writes values out: "billion laughs", one long text many times, a loop."""
    lines = ["a0: &a0 [lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    long = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 10_000)}]"
    for text in ("\n".join(lines), long, "&a\nx: *a\ny: 1"):
        with pytest.raises(GatehouseError, match=r"params\.yaml: its aliases"):
            parse_yaml(text, "params.yaml")
    few = parse_yaml("a: &a {b: 1}\nc: *a\nd: [*a, *a]", "params.yaml")
    assert few["d"][1]["b"] == 1


def test_problems_without_end_are_counted() -> None:
    """Attacks the error's own length: it goes into a comment and a log."""
    lines = "\n".join(f"key{i}: {i}" for i in range(2000))
    told = _told(lambda: parse_policy(lines, "policy.yaml")).splitlines()
    assert len(told) == 51
    assert told[-1] == "policy.yaml: and 1,953 problems more"
