"""`python -m gatehouse.reference`."""

from __future__ import annotations

from gatehouse.reference import write_pages

if __name__ == "__main__":
    write_pages()
