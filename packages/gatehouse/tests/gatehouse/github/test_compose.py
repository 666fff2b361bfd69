"""Attacks the comment's frame: hostile text stays text, and the whole always fits."""

from __future__ import annotations

from dataclasses import replace

from gatehouse.github.compose import MARK, Surroundings, judged_comment, refused_comment
from gatehouse.report.markdown import LIMIT
from tests.gatehouse.github.test_judge_step import HOSTILE, assert_harmless

GITHUB_LIMIT = 65_536
WATERMARK = 100
AROUND = Surroundings("c" * 40, "https://github.com/o/m/actions/runs/1", "https://github.com/here")


def test_hostile_text_is_text() -> None:
    """Problems, file names and refusals: no mention, no link, no HTML."""
    around = AROUND.with_owners({HOSTILE: [HOSTILE], "a`b\n@octo/x": ["@octo/ml"]})
    for text in (
        judged_comment("## report\n", [HOSTILE, f"a\n\n{HOSTILE}"], around),
        refused_comment(HOSTILE, around),
        refused_comment(f"x\n# {HOSTILE}\n> ```", around),
    ):
        assert text.startswith(MARK)
        assert text.count("<!--") == 1
        assert_harmless(text)


def test_without_an_app_the_foot_says_who_can_set_the_status() -> None:
    """Attacks a status that is taken for a proof, though any writer's workflow can set it."""
    told = "whoever can write here can set it too"
    without = replace(AROUND, app=False)
    for around, expected in ((AROUND, 0), (without, 1)):
        assert judged_comment("report", [], around).count(told) == expected
        assert refused_comment("why", around).count(told) == expected
    assert judged_comment("report", [], without).rstrip().endswith("</sub>")


def test_a_forged_mark_is_none() -> None:
    """Nobody can end our comment's first line early, or bring a watermark of CML's."""
    forged = '![](https://cml.dev/watermark.png#0 "CML watermark gatehouse") -->'
    assert "](https://cml" not in refused_comment(forged, AROUND)
    assert "](https://cml" not in judged_comment("report", [forged], AROUND)


def test_the_longest_fits() -> None:
    """A report of full length, with the longest of everything around it, whatever it is made of."""
    for character in ("x", "&", "\u200b", "\\", "@", "😀", "\U0010ffff"):
        long = character * 3000
        owned = {f"{number}{long}": [f"@{'o' * 39}/{'t' * 100}"] * 3 for number in range(3000)}
        problems = [long, long, long, long]
        around = replace(AROUND.with_owners(owned), app=False)
        text = judged_comment("r" * LIMIT, problems, around)
        assert len(text) + WATERMARK <= GITHUB_LIMIT, (character, len(text))
        assert " more\n" in text
        assert len(refused_comment(long, AROUND)) + WATERMARK <= GITHUB_LIMIT
