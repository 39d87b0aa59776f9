"""URIs in, paths out, and back."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_lsp.core.problems import InvalidArgument
from nexus_lsp.lsp.convert import file_of, path_of, uri_of
from nexus_lsp.lsp.translate import argument_in

ROOT = Path("/nowhere/work space")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///nowhere/work%20space/a.py", "a.py"),
        ("file:///nowhere/work space/a.py", "a.py"),
        ("FILE://localhost/nowhere/work%20space/d/%C3%A9.py", "d/é.py"),
        ("file:///nowhere/work%20space/caf%E9.py", "caf\udce9.py"),
        ("file:///nowhere/work%20space/a%23b%3Fc%25.py", "a#b?c%.py"),
        ("file:///nowhere/work%20space/a#b?c;d.py", "a#b?c;d.py"),
        ("file:///nowhere/work%20space/d/../a.py", "a.py"),
        ("file:///nowhere/work%20space/", None),
        ("file:///nowhere/work%20space/..", None),
        ("file:///nowhere/work%20space/../a.py", None),
        ("file:///nowhere/work%20space2/a.py", None),
        ("file:///nowhere/work%20space/a%00b", None),
        ("file:///nowhere/work%20space/\ud800", None),
        ("file://other/nowhere/work%20space/a.py", None),
        ("file:a.py", None),
        ("untitled:Untitled-1", None),
        ("vscode-remote://[broken/a", None),
        ("", None),
    ],
)
def test_the_path_of_a_uri(uri: str, path: str | None):
    assert path_of(uri, ROOT) == path


def test_symlinks_on_the_way_are_resolved_and_the_file_is_not(tmp_path: Path):
    real, away = tmp_path / "real", tmp_path / "away"
    for folder in (real, real / "sub", away):
        folder.mkdir()
    (tmp_path / "link").symlink_to(real)
    (real / "inner").symlink_to("sub")
    (real / "out").symlink_to(away)
    (real / "file").symlink_to(away / "file")
    for root in (real, tmp_path / "link"):
        for spelling in ("real", "link"):
            base = f"file://{tmp_path}/{spelling}"
            assert path_of(f"{base}/a.py", root) == "a.py"
            assert path_of(f"{base}/inner/a.py", root) == "sub/a.py"
            assert path_of(f"{base}/file", root) == "file"
            assert path_of(f"{base}/out/a.py", root) is None


@given(st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=3))
def test_every_path_comes_back(parts: list[bytes]):
    path = "/".join(
        os.fsdecode(part.replace(b"/", b"_").replace(b"\0", b"_").replace(b".", b"_")) for part in parts
    )
    uri = uri_of(path, ROOT)
    assert uri.isascii()
    assert path_of(uri, ROOT) == path
    assert file_of(uri) == f"{ROOT}/{path}"


@pytest.mark.parametrize("uri", ["", " ", "untitled:Untitled-1", "file:///elsewhere/a.py"])
def test_a_uri_that_names_no_file_of_the_workspace_is_told_as_it_was_given(uri: str):
    with pytest.raises(InvalidArgument) as error:
        argument_in({"uri": uri}, lambda uri: path_of(uri, ROOT))
    assert str(error.value) == (
        f"`uri`: {uri!r} is no file of this workspace: write its URI, such as file:///home/me/a.py."
    )
