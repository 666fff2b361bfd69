"""Pages drawn by libraries: Great Expectations' Data Docs and Evidently's drift page.

They decide nothing. The drift page shows the gate's own tests, registered with Evidently, on a
sample of the rows, because drawing takes far longer than testing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.base import dealt, recorded_base
from gatehouse.errors import GatehouseError
from gatehouse.table import RAW
from gatehouse.typed import write_text
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

DRAWN_ROWS = 20_000

# The pages may fetch nothing, even if a data value smuggled in markup that tries to.
_NO_NETWORK = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_SCRIPTS = _NO_NETWORK + "; script-src 'unsafe-inline'"
# Where the libraries write random identifiers, and the time of drawing.
_DRAWN = re.compile(r'(?:"id": "|collapse-body-|metric_)([0-9a-f-]{32,36})\b')
_LOADED = re.compile(r"(ge_load_time.{0,400}?)\b\d{8}T\d{6}\.\d{6}Z\b", re.DOTALL)
_BACK = '<p><a href="index.html">Gatehouse: overview</a></p>'
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 }
td, th { padding: .3rem .8rem; text-align: left; border-bottom: 1px solid #8884 }
footer, .breadcrumb, .card:has(.btn-group), [data-toggle="collapse"] { display: none }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } a { color: #8bf } }
"""


def write_data_docs(candidate: Workspace, path: Path) -> None:
    """Write Great Expectations' page about the validation of `ingest`'s output.

    Raises:
        GatehouseError: the rows or the contract are missing or unreadable.
    """
    if not candidate.raw.exists():
        raise GatehouseError(f"{RAW} is not here")
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    from gatehouse.gates.data.measure import read_raw, validate

    outcome, _ = validate(read_raw(candidate), candidate.contract)
    document = ValidationResultsPageRenderer().render(outcome)
    page: str = DefaultJinjaPageView().render(document)  # type: ignore[no-untyped-call]
    write_text(path, _framed(_alone(page), _NO_NETWORK))


def _alone(page: str) -> str:
    """Return the page without requests to public addresses, and with its own style."""
    page = re.sub(r"<script\b.*?</script>", "", page, flags=re.IGNORECASE | re.DOTALL)
    page = re.sub(r"<link\b[^>]*>", "", page, flags=re.IGNORECASE)
    page = re.sub(r"<img\b[^>]*>", "", page, flags=re.IGNORECASE)
    page = re.sub(r'\sonclick="[^"]*"', "", page)
    page = re.sub(r'<a href="\.\./[^>]*>(.*?)</a>', r"\1", page, flags=re.DOTALL)
    page = page.replace("<html>", '<html lang="en">', 1)
    return page.replace("</head>", f"<style>{_STYLE}</style></head>", 1)


def _framed(page: str, policy: str) -> str:
    """Return the page with a policy that blocks the network, a link back, and no random parts.

    Both libraries draw random identifiers, and one writes the current time; equal data must give
    equal bytes.
    """
    for count, drawn in enumerate(dict.fromkeys(_DRAWN.findall(page))):
        page = page.replace(drawn, f"{count:0{len(drawn)}x}")
    page = _LOADED.sub(r"\1", page)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    page = re.sub(r"<head\b[^>]*>", lambda head: head[0] + meta, page, count=1)
    return re.sub(r"<body\b[^>]*>", lambda body: body[0] + _BACK, page, count=1)


def write_drift_page(candidate: Workspace, path: Path) -> None:
    """Write Evidently's self-contained page of the candidate's training data against the base's.

    Raises:
        GatehouseError: there is no base, or rows of either are missing or unreadable.
    """
    base = recorded_base(candidate.root)
    if base is None:
        raise GatehouseError("there is no base to compare with")
    if not candidate.prepared.exists():  # DVC does not store it, so a fresh checkout has none
        dealt(candidate)
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    contract = base.contract
    old, new = base.split("train"), candidate.split("train")
    columns = [name for name in contract.columns if name in old and name in new]
    numbers = [name for name in columns if contract.columns[name].is_numeric]
    others = [name for name in columns if name not in numbers]
    definition = DataDefinition(
        numerical_columns=[_harmless(name) for name in numbers],
        categorical_columns=[_harmless(name) for name in others],
    )
    numeric, categorical = _register_tests()
    preset = DataDriftPreset(
        columns=[_harmless(name) for name in columns], num_method=numeric, cat_method=categorical
    )
    drawn = Report([preset]).run(
        Dataset.from_pandas(_sample(new[columns], others), data_definition=definition),
        Dataset.from_pandas(_sample(old[columns], others), data_definition=definition),
    )
    page = drawn.get_html_str(as_iframe=False)
    page = page.replace("</head>", "<title>Drift by Evidently</title></head>", 1)
    write_text(path, _framed(page, _SCRIPTS))


def _sample(frame: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    if len(frame) > DRAWN_ROWS:
        frame = frame.sample(DRAWN_ROWS, random_state=0)
    texts_of = {name: frame[name].map(_harmless, na_action="ignore") for name in texts}
    return frame.assign(**texts_of).rename(columns=_harmless)


def _harmless(value: Any) -> Any:
    """Escape values: Evidently writes them unescaped into a script, which a `<` could end."""
    if not isinstance(value, str):
        return value
    return value.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}")


def _register_tests() -> tuple[str, str]:
    """Register the gate's effect sizes as Evidently tests: drift from the threshold on."""
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    from gatehouse.gates.drift.measure import compare_categories, compare_numbers

    def numeric(
        old: pd.Series, new: pd.Series, _kind: ColumnType, threshold: float
    ) -> tuple[float, bool]:
        tests = compare_numbers("", old.to_numpy(float), new.to_numpy(float))
        effect = max((test.effect for test in tests), default=0.0)
        return effect, effect >= threshold

    def categorical(
        old: pd.Series, new: pd.Series, _kind: ColumnType, threshold: float
    ) -> tuple[float, bool]:
        effect = compare_categories("", old, new, rare_level=20).effect
        return effect, effect >= threshold

    names = ("gatehouse_numeric", "gatehouse_categorical")
    titles = ("Wasserstein distance / standard deviation", "Total variation distance")
    for name, title, function in zip(names, titles, (numeric, categorical), strict=True):
        register_stattest(
            StatTest(
                name=name,
                display_name=title,
                allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
                default_threshold=0.05,
            ),
            default_impl=function,
        )
    return names
