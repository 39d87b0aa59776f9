"""What a user would see if NEXUS took pygls as it is; the numbers only keep them apart.

Raw bytes over real pipes to `probe_server.py`. Each test fails when the answer it names is taken out.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nexus_lsp.lsp import parent
from nexus_lsp.lsp.language_server import create_server

from .wire import PROBE, Wire, frame

A = "file:///nowhere/a.txt"
PING = {"jsonrpc": "2.0", "id": 900, "method": "probe/nothing"}


def alive(wire: Wire) -> bool:
    return wire.run("probe.echo", {"still": "there"})["result"] == {"got": {"still": "there"}}


# --- 1, 2, 8: documents ------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["\f", "\v", "\x1c", "\x85", "\u2028", "\u2029"])
def test_1_an_edit_below_a_form_feed_hits_the_wrong_line(wire: Wire, odd: str):
    wire.open(A, f"a{odd}b\nsecond\n")
    wire.change(A, 2, (1, 0, 1, 6, "2nd"))
    assert wire.text(A)["text"] == f"a{odd}b\n2nd\n"


def test_1_an_edit_below_a_lone_carriage_return_hits_the_wrong_line(wire: Wire):
    wire.open(A, "a\rb\r\nc")
    wire.change(A, 2, (2, 0, 2, 1, "C"), (1, 1, 1, 1, "!"))
    found = wire.text(A)
    assert found["text"] == "a\rb!\r\nC"
    assert found["edits"] == [[5, 6, "C"], [3, 3, "!"]]


def test_2_a_file_read_from_disk_loses_its_crlf_and_its_odd_bytes(wire: Wire, tmp_path: Path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    Path(os.fsdecode(name)).write_bytes(b"a\r\nb\rc\n\xff")
    assert wire.text(f"file://{tmp_path}/caf%E9.txt")["text"] == "a\r\nb\rc\n\udcff"


def test_2_the_end_of_the_file_has_no_line(wire: Wire):
    wire.open(A, "one\n")
    assert wire.text(A)["lines"] == 2
    wire.change(A, 2, (1, 0, 1, 0, "two"), (99, 99, 99, 99, "!"))
    assert wire.text(A)["text"] == "one\ntwo!"


def test_2_a_position_past_the_end_of_a_line_eats_the_line_below(wire: Wire):
    wire.open(A, "ab\r\ncd")
    wire.change(A, 2, (0, 99, 0, 99, "!"))
    assert wire.text(A)["text"] == "ab!\r\ncd"


@pytest.mark.parametrize("version", [1, 5])
def test_8_an_older_version_overwrites_a_newer_one(wire: Wire, version: int):
    wire.open(A, "five", version=5)
    wire.change(A, version, "older")
    wire.change(A, 6, (0, 4, 0, 4, "!"))
    found = wire.text(A)
    assert (found["text"], found["version"]) == ("five!", 6)


def test_8_a_change_of_a_file_that_is_not_open_shows_a_popup(wire: Wire):
    wire.change("file:///nowhere/never-opened.txt", 2, "x")
    wire.tell("textDocument/didClose", {"textDocument": {"uri": "file:///nowhere/never-opened.txt"}})
    wire.aside.clear()
    assert alive(wire)
    assert wire.aside == []
    assert "it is not open" in wire.log.read_text()


# --- 3, 4, 5, 6: handlers ----------------------------------------------------------------------------


def test_3_a_blocking_worker_keeps_the_server_from_ending(start):
    wire = start()
    assert wire.run("probe.block")["result"] == "blocking"
    wire.close_input()
    assert wire.exit_code() == 1
    assert wire.marks() == ["cleaned up"]


def test_3_thread_handlers_cannot_be_registered():
    with pytest.raises(NotImplementedError, match="async handler"):
        create_server("x", "1").thread()


def test_4_the_server_grows_with_every_notification(wire: Wire):
    for number in range(200):
        wire.tell("probe/told", {"number": number})
    alive(wire)
    assert wire.run("probe.held")["result"] == {"asked": 0, "running": 1, "told": 0}


def test_5_a_cancelled_command_runs_on(start):
    wire = start()
    asked = wire.send("workspace/executeCommand", {"command": "probe.sleep", "arguments": [{"seconds": 0.3}]})
    while not wire.marks():
        time.sleep(0.01)
    wire.tell("$/cancelRequest", {"id": asked})
    error = wire.answer_to(asked)["error"]
    assert (error["code"], error["message"]) == (-32800, "probe.sleep was cancelled.")
    time.sleep(0.5)
    assert wire.marks() == ["started"]


def test_6_shutdown_during_a_command_answers_dictionary_changed_size(start):
    wire = start()
    running = [
        wire.send("workspace/executeCommand", {"command": "probe.sleep", "arguments": [{"seconds": 60}]})
        for _ in range(3)
    ]
    asked = wire.send("shutdown")
    answers = {message["id"]: message for message in (wire.next() for _ in range(4))}
    assert {answers[each]["error"]["code"] for each in running} == {-32800}
    assert answers[asked] == {"jsonrpc": "2.0", "id": asked, "result": None}


# --- 7: what the client writes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, "required field missing at `command`"),
        ({"arguments": []}, "required field missing at `command`"),
        ([], "`params` must be an object"),
        ({"command": "probe.nothing"}, "There is no command 'probe.nothing'; use one of: probe.ask, "),
        ({"command": "probe.echo", "arguments": [1]}, "probe.echo takes one object as its only argument"),
        (
            {"command": "probe.echo", "arguments": [{}, {}]},
            "probe.echo takes one object as its only argument",
        ),
        ({"command": "probe.echo", "arguments": "text"}, "probe.echo takes one object as its only argument"),
        ({"command": "probe.fail", "arguments": [{"how": "argument"}]}, "Give one of changeIds and uri."),
    ],
)
def test_7_a_wrong_argument_gets_no_answer(wire: Wire, params, sentence: str):
    error = wire.ask("workspace/executeCommand", params)["error"]
    assert error["code"] == -32602
    assert sentence in error["message"]


@pytest.mark.parametrize(("how", "code"), [("command", -32001), ("unknown", -32001), ("refused", -32803)])
def test_7_an_unknown_run_or_a_wrong_time_answers_its_own_code(wire: Wire, how: str, code: int):
    assert wire.run("probe.fail", {"how": how})["error"]["code"] == code


def test_7_a_bug_answers_without_its_traceback(wire: Wire):
    error = wire.run("probe.fail", {"how": "bug"})["error"]
    assert error == {
        "code": -32603,
        "message": "NEXUS failed at probe.fail (RuntimeError); its log has the details.",
    }


def test_7_a_result_that_is_not_json_gets_no_answer(wire: Wire):
    assert wire.run("probe.not_json")["error"]["code"] == -32603


@pytest.mark.parametrize(
    ("body", "code", "msg_id"),
    [
        (b"{", -32700, None),
        (b"", -32700, None),
        (b"\xff\xfe", -32700, None),
        (b"[" * 100_000, -32700, None),
        (b'{"jsonrpc": "2.0", "id": 1' + b"0" * 5000 + b"}", -32700, None),
        (b"[]", -32600, None),
        (b"null", -32600, None),
        (b"{}", -32600, None),
        (b'{"jsonrpc": "1.0", "id": 5, "method": "x"}', -32600, 5),
        (b'{"id": "five", "method": "x"}', -32600, "five"),
        (b'{"jsonrpc": "2.0", "id": 5, "method": 7}', -32600, 5),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "x"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": null, "method": "x"}', -32600, None),
        (b'{"jsonrpc": "2.0", "id": 5, "method": "initialize", "params": {"capabilities": {}}}', -32600, 5),
        (b'{"jsonrpc": "2.0", "id": 5, "method": "no/such"}', -32601, 5),
        (b'{"jsonrpc": "2.0", "id": 5, "method": "workspace/executeCommand", "params": 3}', -32602, 5),
    ],
)
def test_7_a_malformed_message_shows_a_popup_and_gets_no_answer(wire: Wire, body: bytes, code: int, msg_id):
    wire.raw(frame(body))
    answer = wire.next()
    assert answer["id"] == msg_id
    assert answer["error"]["code"] == code
    assert answer["error"]["message"].endswith(".")


def test_7_strange_replies_and_notifications_harm_nothing(wire: Wire):
    for message in (
        {"jsonrpc": "2.0", "id": 77, "result": 1},
        {"jsonrpc": "2.0", "id": None, "error": "no object"},
        {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": {}}},
        {"jsonrpc": "2.0", "method": "$/cancelRequest"},
        {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": 5}},
        {"jsonrpc": "2.0", "method": "no/such"},
    ):
        wire.raw(frame(message))
    wire.aside.clear()
    assert alive(wire)
    assert wire.aside == []


def test_7_a_request_before_initialize_or_after_shutdown_gets_no_answer(start):
    wire = start(initialize=False)
    assert wire.run("probe.echo")["error"]["code"] == -32002
    wire.initialize()
    wire.ask("shutdown")
    assert wire.run("probe.echo")["error"]["code"] == -32600


# --- 9: the stream -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: %d\r\n\r\n",
        b"CONTENT-LENGTH:%d\r\n\r\n",
        b"Content-Length :\t%d\n\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length:%d\r\n\r\n",
        b"\r\n\r\nContent-Length: %d\r\n\r\n",
    ],
)
def test_9_a_header_in_another_dress_hangs_the_server(wire: Wire, header: bytes):
    body = frame(PING).split(b"\r\n\r\n")[1]
    wire.raw(header % len(body) + body)
    assert wire.next()["id"] == 900


@pytest.mark.parametrize(
    "noise",
    [
        b"Content-Length: 99999999999\r\n\r\n{}",
        b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: two\r\n\r\n{}",
        b"Content-Length:\r\n\r\n{}",
        b'{"jsonrpc": "2.0", "method": "no header"}\r\n\r\n',
        b"Nonsense" * 1000 + b"\r\n",
    ],
)
def test_9_an_absurd_length_kills_or_hangs_the_server(wire: Wire, noise: bytes):
    wire.raw(noise + frame(PING))
    complaint, answer = wire.next(), wire.next()
    assert complaint["id"] is None
    assert complaint["error"]["code"] == -32600
    assert answer["id"] == 900


def test_9_a_length_that_is_too_short_swallows_the_next_message(wire: Wire):
    body = frame(PING).split(b"\r\n\r\n")[1]
    wire.raw(b"Content-Length: 5\r\n\r\n" + body + frame(PING))
    assert [wire.next()["error"]["code"] for _ in range(2)] == [-32700, -32600]
    assert wire.next()["id"] == 900


def test_9_a_message_cut_anywhere_hangs_the_server(wire: Wire):
    for byte in frame(PING):
        wire.raw(bytes([byte]))
    assert wire.next()["id"] == 900


# --- 10 ----------------------------------------------------------------------------------------------


def test_10_arguments_with_a_jsonrpc_key_are_taken_for_messages(wire: Wire):
    argument = {"inner": {"jsonrpc": "2.0", "id": 1, "method": "exit"}, "camelCase": [{"jsonrpc": "1.0"}]}
    assert wire.run("probe.echo", argument)["result"] == {"got": argument}


def test_10_our_own_methods_speak_plain_camel_case(wire: Wire):
    wire.aside.clear()
    assert wire.ask("nexus/events", {"runId": "r1", "afterSeq": 3})["result"] == {"events": [], "afterSeq": 3}
    assert wire.aside == [
        {
            "jsonrpc": "2.0",
            "method": "nexus/event",
            "params": {"runId": "r1", "agent_id": "a", "nested": {"camelCase": [1, None]}},
        }
    ]


# --- 11: the end -------------------------------------------------------------------------------------


def test_11_exit_without_shutdown_returns_0(start):
    wire = start()
    wire.tell("exit")
    assert wire.exit_code() == 1
    assert wire.marks() == ["cleaned up"]


def test_11_exit_after_shutdown_returns_0_even_when_both_come_at_once(start):
    wire = start()
    wire.raw(
        frame({"jsonrpc": "2.0", "id": 7, "method": "shutdown"}) + frame({"jsonrpc": "2.0", "method": "exit"})
    )
    assert wire.next() == {"jsonrpc": "2.0", "id": 7, "result": None}
    assert wire.exit_code() == 0
    assert wire.marks() == ["cleaned up"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_11_a_signal_runs_no_clean_up(start, number: int):
    wire = start()
    wire.process.send_signal(number)
    assert wire.exit_code() == 128 + number
    assert wire.marks() == ["cleaned up"]


def test_11_the_end_of_input_runs_no_clean_up(start):
    wire = start()
    wire.close_input()
    assert wire.exit_code() == 1
    assert wire.marks() == ["cleaned up"]


def test_11_the_server_outlives_its_editor(start):
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    wire = start(initialize=False)
    wire.initialize(processId=editor.pid)
    assert alive(wire)
    editor.kill()  # not reaped: a zombie still answers os.kill(pid, 0)
    assert wire.exit_code() == 1
    assert wire.marks() == ["cleaned up"]
    editor.wait()


@pytest.mark.parametrize("pid", [4_194_303, 0, -1, 2**40])
async def test_11_a_process_id_from_behind_a_container_wall_ends_the_server(pid: int, monkeypatch):
    monkeypatch.setattr(parent, "POLL_SECONDS", 0.01)
    gone: list[bool] = []
    parent.watch_process(pid, lambda: gone.append(True))
    await asyncio.sleep(0.05)
    assert gone == []


@pytest.mark.parametrize("handles", [True, False])
async def test_11_the_editors_end_is_seen_with_and_without_pidfd(handles: bool, monkeypatch):
    monkeypatch.setattr(parent, "POLL_SECONDS", 0.01)
    if not handles:
        monkeypatch.setattr(parent, "_handle", lambda pid: None)
    editor = await asyncio.create_subprocess_exec("sleep", "60")
    gone = asyncio.Event()
    parent.watch_process(editor.pid, gone.set)
    await asyncio.sleep(0.05)
    assert not gone.is_set()
    editor.kill()
    await asyncio.wait_for(gone.wait(), 2)
    await editor.wait()


def test_11_clean_up_that_hangs_keeps_the_server_alive(start):
    wire = start(PROBE_HANGS="1")
    asked = time.monotonic()
    assert wire.ask("shutdown")["result"] is None
    wire.tell("exit")
    assert time.monotonic() - asked < 3
    assert wire.exit_code() == 0
    assert wire.marks()[0] == "cleaned up"


def test_11_an_editor_that_does_not_read_keeps_the_server_alive(tmp_path: Path):
    env = os.environ | {"PROBE_MARK": str(tmp_path / "mark"), "PYTHONPATH": str(PROBE.parents[2])}
    process = subprocess.Popen(
        [sys.executable, str(PROBE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
    )
    assert process.stdin
    much = {"command": "probe.much"}
    for number, (method, params) in enumerate(
        [
            ("initialize", {"processId": None, "rootUri": None, "capabilities": {}}),
            ("workspace/executeCommand", much),
        ]
    ):
        process.stdin.write(frame({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
    process.stdin.flush()
    while not (tmp_path / "mark").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    process.terminate()
    assert process.wait(10) == 128 + signal.SIGTERM
    assert (tmp_path / "mark").read_text() == "writing\ncleaned up\n"


# --- 12 ----------------------------------------------------------------------------------------------


def test_12_a_late_reply_raises(wire: Wire):
    asked = wire.send("workspace/executeCommand", {"command": "probe.ask", "arguments": [{"seconds": 0.05}]})
    question = wire.next()
    assert (question["method"], question["params"]) == ("probe/question", {"camelCase": 1})
    assert wire.answer_to(asked)["result"] == "gave up"
    wire.raw(frame({"jsonrpc": "2.0", "id": question["id"], "result": "late"}))
    wire.aside.clear()
    assert alive(wire)
    assert wire.aside == []
    assert "InvalidStateError" not in wire.log.read_text()


def test_12_a_reply_in_time_is_heard(wire: Wire):
    asked = wire.send("workspace/executeCommand", {"command": "probe.ask", "arguments": [{"seconds": 5}]})
    wire.raw(frame({"jsonrpc": "2.0", "id": wire.next()["id"], "result": {"x": 1}}))
    assert wire.answer_to(asked)["result"] == "answered"


# --- 13, 14 and the stream's privacy -----------------------------------------------------------------


def test_13_a_web_page_can_talk_to_the_server():
    server = create_server("x", "1")
    for start_it in (server.start_tcp, server.start_ws):
        with pytest.raises(NotImplementedError, match="stdio only"):
            start_it("127.0.0.1", 0)


def test_14_a_secret_stands_in_the_log(start):
    wire = start(initialize=False)
    wire.initialize(initializationOptions={"key": "sk-SECRET"})
    wire.run("probe.echo", {"key": "sk-SECRET"})
    wire.ask("nexus/events", {"runId": "sk-SECRET", "afterSeq": 1})
    wire.ask("workspace/executeCommand", {"arguments": ["sk-SECRET"]})
    wire.tell("textDocument/didOpen", {"textDocument": "sk-SECRET"})
    wire.raw(frame(b'{"key": "sk-SECRET"'))
    wire.ask("shutdown")
    assert "DEBUG" in wire.log.read_text()
    assert "SECRET" not in wire.log.read_text()


def test_a_stray_print_breaks_the_stream(wire: Wire):
    assert wire.run("probe.print")["result"] == "printed"
    assert "a stray print" in wire.log.read_text()


def test_a_child_process_swallows_the_editors_messages(wire: Wire):
    assert wire.run("probe.stdin")["result"] == 0
