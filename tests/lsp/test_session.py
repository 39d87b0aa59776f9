"""An ordinary session with pygls's own client."""

import os
import sys

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from .wire import PROBE

URI = "file:///nowhere/a.txt"


@pytest.mark.parametrize(
    ("offered", "agreed", "behind_emoji"),
    [
        (None, "utf-16", 3),
        (["utf-32", "utf-8", "utf-16"], "utf-32", 2),
        (["utf-7", "utf-8", "utf-16"], "utf-8", 5),
    ],
)
async def test_a_session_in_every_position_encoding(tmp_path, offered, agreed: str, behind_emoji: int):
    client = LanguageClient("test", "1")
    env = os.environ | {"PROBE_MARK": str(tmp_path / "mark"), "PYTHONPATH": str(PROBE.parents[2])}
    await client.start_io(sys.executable, str(PROBE), env=env)
    general = types.GeneralClientCapabilities(position_encodings=offered)
    result = await client.initialize_async(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(general=general), process_id=os.getpid(), root_uri=None
        )
    )
    assert result.capabilities.position_encoding == agreed
    assert result.server_info == types.ServerInfo("probe", "1")
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(URI, "plain", 1, "a😀b\n"))
    )
    at = types.Position(0, behind_emoji)
    change = types.TextDocumentContentChangePartial(types.Range(at, at), "!")
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(2, URI), [change])
    )
    found = await client.workspace_execute_command_async(
        types.ExecuteCommandParams("probe.text", [{"uri": URI}])
    )
    assert found["text"] == "a😀!b\n"
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()
    assert client._server.returncode == 0
    assert (tmp_path / "mark").read_text() == "cleaned up\n"
