"""The draw: which mutants are measured."""

from __future__ import annotations

import ast
import json
import random
import re
import sys
import warnings
from collections import Counter
from dataclasses import asdict

from modules import HERE, TESTS, commit_here, text_of
from mutant import Mutant, difference, mutants_of, mutated

MUTANTS = HERE / "mutants.json"
SEED = 20261129
NUMBER = 320


def dead(module: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where a mutant cannot matter: annotations, and what only a type checker reads."""
    text = text_of(module)
    lines = text.split("\n")
    found: list[ast.AST] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            found.append(node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            found += [node.test, *node.body]

    def position(line: int, column: int) -> tuple[int, int]:
        return line, len(lines[line - 1].encode()[:column].decode())

    return [
        (
            position(node.lineno, node.col_offset),
            position(node.end_lineno or node.lineno, node.end_col_offset or 0),
        )
        for node in found
        if isinstance(node, ast.expr | ast.stmt)
    ]


def draw() -> None:
    """Write mutants.json; results of other mutants must be deleted first."""
    if old := [path.name for path in HERE.glob("*.json") if path != MUTANTS]:
        sys.exit(f"{', '.join(old)}: results of the mutants drawn earlier; delete them first")
    places: dict[tuple[object, ...], list[Mutant]] = {}
    for module in TESTS:
        lines, spans = text_of(module).split("\n"), dead(module)
        for mutant in mutants_of(module):
            inside = any(low <= mutant.start and mutant.end <= high for low, high in spans)
            pragma = re.search(r"#.*pragma:.*no mutate", lines[mutant.end[0] - 1])
            if not inside and not pragma:
                places.setdefault(mutant.place, []).append(mutant)
    generator = random.Random(SEED)
    order = list(places.values())
    generator.shuffle(order)
    chosen: list[Mutant] = []
    for alike in order:
        generator.shuffle(alike)
        for mutant in alike:
            text = mutated(mutant)
            if text is not None and _compiles(text) and text != text_of(mutant.module):
                before, after = difference(text_of(mutant.module), text)
                positions = {"start": mutant.start, "end": mutant.end}
                changes = {"before": before, "after": after}
                chosen.append(Mutant(**(asdict(mutant) | positions | changes)))
                break
        if len(chosen) == NUMBER:
            break
    modules = list(TESTS)
    chosen.sort(key=lambda each: (modules.index(each.module), each.start, each.operator))
    lines = [json.dumps(asdict(each) | {"number": n}) for n, each in enumerate(chosen, 1)]
    head = json.dumps({"commit": commit_here(), "seed": SEED, "places": len(places)})
    MUTANTS.write_text(
        f'{{"drawn": {head},\n"mutants": [\n' + ",\n".join(lines) + "\n]}\n", "utf-8"
    )
    counts = Counter(each.module for each in chosen)
    print(f"{len(chosen)} mutants of {len(places)} places: {dict(counts)}")


def load() -> list[Mutant]:
    found = json.loads(MUTANTS.read_text("utf-8"))["mutants"]
    return [
        Mutant(**(each | {"start": tuple(each["start"]), "end": tuple(each["end"])}))
        for each in found
    ]


def _compiles(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as in the tests, where every such mutant would be killed
        try:
            compile(text, "mutant", "exec")
        except (SyntaxError, ValueError):
            return False
    return True
