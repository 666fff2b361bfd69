"""The words and turns of phrase that this project does not use, each with what to write instead."""

from __future__ import annotations

ANYWHERE = {
    r"(?<!be )told": "write reported, shown or said, and name who does it",
    r"mend(?:s|ed|ing)?": "write fix",
    r"anew": "write again, or re-",
    r"beside": "write next to, with or besides",
    r"persons": "write people",
    r"whereof|wherefrom|thereof|thereby|hitherto|whence": "write which, so or from there",
    r"(?:has|have|had)\s+to\s+be": "write must be, or make the sentence active",
    r"can(?:not)?\s+be\s+had": "write is available",
    r"that\s+which": "write what",
    r"(?:that|which)\s+(?:is|are)\s+none": "say what it is, or write that is not one",
    r"says\s+so\s+already": "write already set",
    r"speaks?\s+of": "write describes, or is about",
    r"held\s+against": "write compared with, or checked against",
    r"stands?\s+(?:in\s+(?:a|an|the|its|[a-z]+\.)|on|at|here|there|right)": "write is",
    r"lies?\s+(?:in|on|at|here|there)": "write is",
    r"by\s+trick": "write by a trick, or say how",
}
"""Patterns of whole words, in any case: in pages, messages, help, docstrings and comments."""

EXACT = {
    r"\bOf\s+[a-z]": "do not begin with Of: put the subject first",
    r"[.;]\s+Else,?\s+[a-z]": "write Otherwise",
}
"""Patterns that heed the case."""

PAGES = {
    r"(?m)(?:^|[.]\s|[|]\s|- )What\s[^?.|\n]*[.]\s*(?:$|[A-Z`_*\[])": (
        "do not make a clause with What the subject: name the thing"
    ),
}
"""Patterns that heed the case, in pages alone."""
