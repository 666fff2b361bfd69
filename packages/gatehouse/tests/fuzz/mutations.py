"""Mutations of files, as hypothesis strategies: bytes flipped, cut, copied and put in."""

from __future__ import annotations

from hypothesis import strategies as st

TOKENS = (
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\xff" * 8, b"\x7f", b"\x80\x80\x80\x80\x10",
    b"\0\0\xc0\x7f", b"PK\1\2", b"PAR1", b"../", b"/etc/passwd", b"&a ", b"*a", b"<<: ", b"!!set ",
    b"[", b"{", b"]", b"}", b"'", b'"', b":", b"- ", b"\n", b"null", b"true", b"1e999", b"-1",
    b".nan", b"NaN", b"2026-02-30", b"\\ud800", b"9" * 400, b"[" * 2000, b"\xe2\x80\xae", b"\x1b[",
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, seed: bytes) -> bytes:
    """`seed` after a few mutations, mostly one: the first is often all that a reader sees."""
    data = bytearray(seed)
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 4)))):
        # Most formats keep what rules the rest at one of their ends.
        place = draw(st.integers(0, max(0, len(data) - 1)))
        near_end = draw(st.sampled_from((0, 0, 1, 2)))
        start = {1: place % 200, 2: max(0, len(data) - 1 - place % 600)}.get(near_end, place)
        length = draw(st.sampled_from((1, 1, 2, 4, 8, 40)))
        match draw(
            st.sampled_from(("flip", "flip", "flip", "set", "set", "cut", "put", "copy", "end"))
        ):
            case "flip" if data:
                data[min(start, len(data) - 1)] ^= 1 << draw(st.integers(0, 7))
            case "set":
                data[start : start + length] = draw(st.binary(min_size=length, max_size=length))
            case "cut":
                del data[start : start + length]
            case "put":
                data[start:start] = draw(st.sampled_from(TOKENS))
            case "copy":
                source = draw(st.integers(0, max(0, len(data) - 1)))
                data[start : start + length] = data[source : source + length]
            case "end":
                del data[max(1, start) :]
    return bytes(data)
