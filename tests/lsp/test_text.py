"""Lines, positions and edits, against a slow and obvious model."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import Position

from nexus_lsp.core.text import (
    Edit,
    Units,
    apply_edit,
    apply_edits,
    editor_lines,
    join,
    offset_at,
    position_at,
    split_lines,
    width,
)
from nexus_lsp.lsp.convert import place_of, position_of
from nexus_lsp.lsp.framing import BadFrame, Framer

TEXTS = st.text(st.sampled_from("ab\n\r\f\v\x1c\x85\u2028é€😀\ud800"), max_size=30)
UNITS = st.sampled_from(["utf-8", "utf-16", "utf-32"])


def encoded(text: str, units: Units) -> int:
    """How many units a text takes, by encoding it."""
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[units]
    return len(text.encode(units + ("-le" if size > 1 else ""), "surrogatepass")) // size


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a\n"]),
        ("\n\n", ["\n", "\n"]),
        ("a\r\nb\rc\nd", ["a\r\n", "b\r", "c\n", "d"]),
        ("\n\r\r\n", ["\n", "\r", "\r\n"]),
        ("a\fb\u2028c\x85d\x1ce\n", ["a\fb\u2028c\x85d\x1ce\n"]),
    ],
)
def test_lines_end_where_lsp_says(text: str, lines: list[str]):
    assert split_lines(text) == lines


@given(TEXTS)
def test_lines_join_to_the_text_and_each_has_one_end(text: str):
    lines = split_lines(text)
    assert join(lines) == text
    assert all(line.rstrip("\r\n") + end == line for line in lines[:-1] for end in [_end(line)])
    assert len(editor_lines(text)) == len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def _end(line: str) -> str:
    return next(end for end in ("\r\n", "\n", "\r") if line.endswith(end))


@given(TEXTS, UNITS)
def test_every_offset_has_a_position_that_leads_back(text: str, units: Units):
    for lines in (split_lines(text), editor_lines(text)):
        for offset in range(len(text) + 1):
            line, character = position_at(lines, offset, units)
            inside_crlf = text[max(0, offset - 1) : offset + 1] == "\r\n" and offset > 0
            assert offset_at(lines, line, character, units) == offset - inside_crlf
            start = sum(map(len, lines[:line]))
            assert character == encoded(text[start : offset - inside_crlf], units)


@given(TEXTS, UNITS, st.integers(-3, 40), st.integers(-3, 40))
def test_every_position_is_moved_to_a_place_in_its_line(text: str, units: Units, line: int, character: int):
    offset = offset_at(split_lines(text), line, character, units)
    assert 0 <= offset <= len(text)
    found = position_at(editor_lines(text), offset, units)
    if 0 <= line < len(editor_lines(text)):
        assert found[0] == line
        assert found[1] <= max(0, character)


@given(TEXTS, UNITS)
def test_width_is_what_encoding_gives(text: str, units: Units):
    assert width(text, units) == encoded(text, units)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), TEXTS), max_size=4))
def test_edits_apply_one_after_the_other(text: str, wanted: list[tuple[int, int, str]]):
    edits: list[Edit] = []
    now = text
    for a, b, new in wanted:
        start, end = sorted((min(a, len(now)), min(b, len(now))))
        edits.append(Edit(start, end, new))
        now = now[:start] + new + now[end:]
    assert apply_edits(text, edits) == now


def test_an_edit_replaces_code_points():
    assert apply_edit("a😀b", Edit(1, 2, "-")) == "a-b"


@pytest.mark.parametrize(
    ("units", "wire", "place"),
    [
        ("utf-8", (0, 5), (0, 2)),
        ("utf-16", (0, 3), (0, 2)),
        ("utf-32", (0, 2), (0, 2)),
    ],
)
def test_positions_behind_an_emoji(units: Units, wire: tuple[int, int], place: tuple[int, int]):
    lines = split_lines("a😀b\n")
    assert place_of(lines, Position(*wire), units) == place
    assert position_of(lines, place, units) == Position(*wire)


@pytest.mark.parametrize(
    ("wire", "place"),
    [
        (Position(0, 2), (0, 1)),  # inside the emoji: before it
        (Position(0, 99), (0, 3)),
        (Position(1, 0), (1, 0)),
        (Position(7, 7), (1, 0)),
    ],
)
def test_positions_outside_move_to_the_nearest_place(wire: Position, place: tuple[int, int]):
    assert place_of(["a😀b\n"], wire, "utf-16") == place


@given(st.lists(st.binary(max_size=40), max_size=5), st.data())
def test_frames_come_out_however_the_stream_is_cut(bodies: list[bytes], data: st.DataObject):
    stream = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer = Framer()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [frame for piece in pieces for frame in framer.feed(piece)] == bodies


@given(st.binary(max_size=200), st.integers(1, 50))
def test_after_any_noise_a_frame_is_found(noise: bytes, step: int):
    """At worst the noise claims to be a body, and takes a bounded number of frames with it."""
    body = json.dumps({"jsonrpc": "2.0"}).encode()
    stream = noise + b"\n" + (b"Content-Length: %d\r\n\r\n%s" % (len(body), body)) * 3
    framer = Framer(max_body=20)
    found = [frame for at in range(0, len(stream), step) for frame in framer.feed(stream[at : at + step])]
    assert body in found


def test_a_body_past_the_cap_is_not_kept():
    framer = Framer(max_body=10)
    first, *_ = framer.feed(b"Content-Length: 11\r\n\r\n")
    assert isinstance(first, BadFrame)
    for _ in range(100):
        assert list(framer.feed(b"x" * 1000)) == []
    assert len(framer._buffer) <= 64
    assert list(framer.feed(b"Content-Length: 2\r\n\r\n{}")) == [b"{}"]
