"""Attacks the reading of CSV files as they are: a fault is named with its line and its cure."""

from __future__ import annotations

import re

import pytest

from gatehouse.csv_faults import row_fault, start_fault

ROWS = "".join(f"{number},north,no\n" for number in range(300))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sep=;\na;b\n1;2\n", "line 1 is Excel's 'sep=;'.*take it out.*data.file.separator"),
        ("\ufeffsep=,\r\na,b\r\n1,2\r\n", "line 1 is Excel's"),
        ('"sep=\t"\na\tb\n1\t2\n', "line 1 is Excel's"),
        (f"# by X, 2026\n#\nage,region,y\n{ROWS}", "lines 1 to 2 are a comment .*line 3 has 3"),
        (f"// by X\nage,region,y\n{ROWS}", "line 1 is a comment"),
        (f"Sales\n\nage,region,y\n{ROWS}", r"lines 1 to 2 are no list of names \('Sales'\)"),
        (f"Sales,,\n,,\nage,region,y\n{ROWS}", "lines 1 to 2 are no list of names"),
        ("a,b\n1,2,\n3,4,\n", "each row ends with a separator.*take it off"),
        ("a;b\n1;2;3\n2;3;4\n", "each row has 3 columns, the header 2.*R"),
        ('a,b\n"x \\"q\\" y",2\n', "line 2 writes a quote inside a text .*twice"),
        ('a,b\n1,2\n"x \\", y",2\n', "line 3 writes a quote"),
        ("a,b\n---,----\n1,2\n", "line 2 underlines the names .*take it out"),
        ("a,b\n1,2\na,b\n3,4\n", "line 3 repeats the header"),
        ('[{"a": 1, "b": 2}]', "is JSON, not CSV"),
        ('{"a": 1}\n{"a": 2}\n', "is JSON, not CSV"),
        ("\ufeff<!DOCTYPE html><html></html>", "is HTML or XML, not CSV"),
    ],
)
def test_a_beginning_that_is_no_table_is_named(text: str, message: str) -> None:
    """What a parser calls a wrong number of columns, or takes for names and values."""
    fault = start_fault(text)
    assert fault is not None
    assert re.search(message, fault)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        f"age,region,y\n{ROWS}",
        f"#id,region,y\n{ROWS}",
        'a,b\n"C:\\x\\",2\n"d",3\n',
        'a,b\n"x\ny",2\n3,4\n',
        'a,b\n"x\u2028# y\x85sep=;",2\n3\x0c,4\n',
        "a,b\n-,-\n1,2\n",
        'a,b\n"x ""q"" y",2\n',
        "a;b;\n1;2;\n",
        ",a,b\n1,2,3\n",
        "a,b\n1,2\n3",
        "a,b\n,\n,\n",
    ],
    ids=["empty", "one column", "plain", "a name with #", "a path", "a line end",
         "text that ends lines elsewhere", "a dash for nothing", "quotes",
         "a nameless last column", "pandas' index", "a cut line", "empty rows"],
)  # fmt: skip
def test_a_sound_beginning_is_left_alone(text: str) -> None:
    """Attacks false alarms."""
    assert start_fault(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 columns, the header 2 columns: put quotes"),
        ('a,b\n"x\ny",2\n3\n', "line 4 has 1 column,"),
        ("a,b\n1,2\n# the end\n", "line 3 is a comment"),
        ('a,b\n1,2\n"x \\", y",2\n', "line 3 writes a quote"),
    ],
)
def test_a_row_of_another_width_is_named(text: str, message: str) -> None:
    """By the line where it begins."""
    assert (row_fault(text.splitlines(keepends=True), ",") or "").startswith(message)
    assert row_fault("a,b\n1,2\n".splitlines(keepends=True), ",") is None
