"""A team at work on an engine: messages, questions, memory, other plans, budgets, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from engine_house import House, house, workspace
from fakes import Brake, done, ends, puts, replaces, task, writes

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.budget import Allowance, Budgets
from nexus_lsp.core.integrity import Question
from nexus_lsp.core.memory import MemoryItem
from nexus_lsp.core.quality import Quality, Scrutiny
from nexus_lsp.core.replanning import Revision
from nexus_lsp.core.run import Run
from nexus_lsp.core.settings import Settings
from nexus_lsp.ports import Assignment, BusFailed, Line, MemoryFailed, Outcome

__all__ = ["house", "workspace"]

ALPHA = "alpha_test_creator"


async def told(line: Line, tool: str, **arguments: Any) -> str:
    return (await line.call(tool, arguments)).text


def types(house: House, run: Run, *names: str) -> list[str]:
    return [e.fact.type for e in house.engine.entries if e.run_id == run.id and e.fact.type in names]


# --- messages ----------------------------------------------------------------------------------------


async def test_an_assignment_and_its_response_are_messages_of_the_seeds_schema(house: House) -> None:
    async def step(assignment: Assignment, line: Line) -> Outcome:
        assert await told(line, "submit_result", summary="Did it well.", confidence_score=0.9) == (
            "Taken. End your turn now."
        )
        return done("the last words")

    run = await house.run(task("t"), t=step)
    await house.until(run.id, lambda r: len(r.team.messages) == 2)
    first, second = (s.message for s in house.now(run).team.messages.values())
    assert (first["message_type"], first["to"]["instance_id"]) == ("task_assignment", "code_developer#t")
    assert first["payload"]["task"]["task_id"] == "t"
    assert (second["response_to"], second["status"]) == (first["message_id"], "completed")
    assert second["payload"]["task_result"]["confidence_score"] == 0.9
    assert house.now(run).tasks["t"].summary == "Did it well."


async def test_a_message_reaches_an_agent_at_work_at_its_next_step(house: House) -> None:
    begun, heard = asyncio.Event(), asyncio.Event()

    async def code(assignment: Assignment, line: Line) -> Outcome:
        await begun.wait()
        said = await told(line, "send_message", to="tests", text="The port is 8080.", kind="information")
        assert said.startswith("Sent as msg_") and said.endswith("to alpha_test_creator#tests.")
        await heard.wait()
        return done()

    async def tests(assignment: Assignment, line: Line) -> Outcome:
        begun.set()
        told_me = await told(line, "read_messages", wait_seconds=20)
        assert "information from code_developer#code" in told_me
        assert "The port is 8080." in told_me and "<quoted-" in told_me
        assert await line.incoming() == ""
        heard.set()
        return done()

    run = await house.run(task("code"), task("tests", agent=ALPHA, writes=["x"]), code=code, tests=tests)
    assert run.status in ("ready", "completed")
    assert "message_delivered" in types(house, run, "message_delivered")


async def test_a_message_to_a_task_that_waits_is_there_when_it_begins(house: House) -> None:
    async def code(assignment: Assignment, line: Line) -> Outcome:
        await told(line, "send_message", to="Alpha_Test_Creator", text="Mind the edge at 0.", kind="handoff")
        return done()

    run = await house.run(task("code"), task("tests", "code", agent=ALPHA), code=code, tests=writes())
    [letter] = house.backend.attempts("tests")[0].letters
    assert (letter.sender, letter.kind, letter.text) == (
        "code_developer#code",
        "handoff",
        "Mind the edge at 0.",
    )
    assert run.status == "completed"


async def test_a_new_attempt_knows_what_the_old_one_was_told(house: House) -> None:
    begun, reached = asyncio.Event(), asyncio.Event()

    async def breaks(assignment: Assignment, line: Line) -> Outcome:
        begun.set()
        await told(line, "read_messages", wait_seconds=20)
        return Outcome("broken", "crash", retryable=True)

    async def code(assignment: Assignment, line: Line) -> Outcome:
        await begun.wait()
        await told(line, "send_message", to="tests", text="Mind the edge.")
        await reached.wait()
        return done()

    async def again(assignment: Assignment, line: Line) -> Outcome:
        reached.set()
        return done()

    tasks = (task("code"), task("tests", agent=ALPHA, writes=["x"]))
    await house.run(*tasks, code=code, tests=[breaks, again])
    assert [letter.text for letter in house.backend.attempts("tests")[1].letters] == ["Mind the edge."]


async def test_who_is_not_there_is_said_and_a_lost_message_too(house: House) -> None:
    brake = Brake(writes())
    seen: list[str] = []

    async def code(assignment: Assignment, line: Line) -> Outcome:
        await brake.reached.wait()
        seen.append(await told(line, "send_message", to="gamma", text="x"))
        seen.append(await told(line, "send_message", to="tests", text="too late"))
        brake.go.set()
        await house.engine.when(assignment.run_id, lambda r: r.tasks["tests"].status == "completed")
        seen.append(await line.incoming())
        return done()

    tasks = (task("code"), task("tests", agent=ALPHA, writes=["x"]))
    run_id = await _delegated(house, *tasks, code=code, tests=brake)
    run = await house.rests(run_id)
    assert seen[0].startswith("There is nobody called 'gamma' in this run. There are: tests")
    assert seen[1].startswith("Sent as")
    assert "did not reach alpha_test_creator#tests, whose work was over" in seen[2]
    assert types(house, run, "message_dead") == ["message_dead"]


@pytest.mark.parametrize("what", ["request", "context"])
async def test_a_very_long_request_is_worked_on_like_any_other(house: House, what: str) -> None:
    long = {"request": "Сделай лучше. " * 7_000, "context": '{"x": "' + "y" * 300_000 + '"}'}
    run = await house.run(task("t"), started={what: long[what]}, t=writes(b_DOT_txt="B\n"))
    assert run.status == "ready", run.reason


async def test_a_message_that_is_too_long_is_refused_and_holds_up_no_other(house: House) -> None:
    seen: list[str] = []

    async def step(assignment: Assignment, line: Line) -> Outcome:
        await told(
            line, "submit_result", summary="Did it.", deliverables={str(n): "я" * 4000 for n in range(50)}
        )
        seen.append(await told(line, "send_message", to="prime", text="All is well.", kind="information"))
        return done()

    run = await house.run(task("t"), t=step)
    assert seen[0].startswith("Sent as")
    await house.until(run.id, lambda r: not r.team.outbox)
    assert [s.reach for s in house.now(run).team.messages.values() if "text" in s.message["payload"]] == [
        {"nexus_prime": "delivered"}
    ]


async def test_a_bus_that_fails_after_it_gave_a_message_loses_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledge, down = house.bus.acknowledge, [True]

    async def shaky(mailbox: str, message_ids: Sequence[str]) -> None:
        if mailbox.endswith("#tests") and down:
            raise BusFailed("Redis is gone.")
        await acknowledge(mailbox, message_ids)

    monkeypatch.setattr(house.bus, "acknowledge", shaky)
    begun = asyncio.Event()
    heard: list[str] = []

    async def code(assignment: Assignment, line: Line) -> Outcome:
        await begun.wait()
        await told(line, "send_message", to="tests", text="Mind the edge.")
        return done()

    async def tests(assignment: Assignment, line: Line) -> Outcome:
        begun.set()
        heard.append(await told(line, "read_messages", wait_seconds=10))
        down.clear()
        heard.append(await line.incoming())
        return done()

    await house.run(task("code"), task("tests", agent=ALPHA, writes=["x"]), code=code, tests=tests)
    assert "Mind the edge." in heard[0] and heard[1] == ""


async def test_long_messages_and_notes_come_in_portions_that_an_agent_can_read(house: House) -> None:
    begun, sent = asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def code(assignment: Assignment, line: Line) -> Outcome:
        await begun.wait()
        for number in range(3):
            await told(line, "send_message", to="tests", text=f"{number}: " + "x" * 15_000)
            await told(line, "write_note", text=f"{number}: " + "n" * 3_900)
        for number in range(9):
            await told(line, "write_note", text=f"{number}: " + "n" * 3_900)
        sent.set()
        return done()

    async def tests(assignment: Assignment, line: Line) -> Outcome:
        begun.set()
        await sent.wait()
        while len(seen) < 2:
            await asyncio.sleep(0.05)
            seen.extend(filter(None, [await line.incoming()]))
        seen.append(await told(line, "team_status"))
        return done()

    await house.run(task("code"), task("tests", agent=ALPHA, writes=["x"]), code=code, tests=tests)
    assert [len(text) < 40_000 for text in seen] == [True, True, True]
    assert "0: xx" in seen[0] and "2: xx" in seen[1]
    assert "(7 older notes are left out)" in seen[2] and "8: nn" in seen[2]


async def test_a_letter_that_the_bus_gave_up_is_told(house: House) -> None:
    brake = Brake(writes())

    async def code(assignment: Assignment, line: Line) -> Outcome:
        await brake.reached.wait()
        message_id = (await told(line, "send_message", to="tests", text="x")).split()[2]
        await house.engine.when(
            assignment.run_id, lambda r: ("tests" in r.tasks) and message_id in r.team.messages
        )
        box = f"{assignment.run_id}/alpha_test_creator#tests"
        async with asyncio.timeout(5):
            while not house.bus.kept.letters[box]:
                await asyncio.sleep(0.01)
        await house.bus.bury(box, "it was lost five times with its reader")
        await told(line, "send_message", to="tests", text="y")
        await house.engine.when(
            assignment.run_id,
            lambda r: r.team.messages[message_id].reach["alpha_test_creator#tests"] == "dead",
        )
        brake.go.set()
        return done()

    run = await house.run(task("code"), task("tests", agent=ALPHA, writes=["x"]), code=code, tests=brake)
    first = house.facts(run, f.MessageDead)[0]
    assert first.why == "it was lost five times with its reader"


async def test_a_bus_that_is_gone_for_a_while_costs_no_message(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus_lsp.engine.mailroom.RETRY_AFTER", 0.05)
    publish, down = house.bus.publish, [True]

    async def shaky(mailbox: str, message: Mapping[str, Any]) -> bool:
        if down[0]:
            raise BusFailed("Redis at host:1 cannot be reached. Start it.")
        return await publish(mailbox, message)

    monkeypatch.setattr(house.bus, "publish", shaky)

    async def code(assignment: Assignment, line: Line) -> Outcome:
        await told(line, "send_message", to="tests", text="Hold on.")
        await asyncio.sleep(0.2)
        down[0] = False
        return done()

    async def tests(assignment: Assignment, line: Line) -> Outcome:
        assert "Hold on." in await told(line, "read_messages", wait_seconds=20)
        return done()

    tasks = (task("code"), task("tests", agent=ALPHA, writes=["x"]))
    run = await house.run(*tasks, code=code, tests=tests)
    await house.until(run.id, lambda r: not r.team.outbox)
    whys = [e.fact.why for e in house.engine.entries if isinstance(e.fact, f.MessageDelayed)]
    assert whys[0].startswith("Redis at host:1 cannot be reached. Start it. Messages between agents wait")
    assert whys[-1] == "The message bus works again."


async def test_the_scratchpad_and_the_list_of_tasks_are_shared(house: House) -> None:
    async def code(assignment: Assignment, line: Line) -> Outcome:
        await told(line, "write_note", text="login(user) -> Token")
        await told(line, "report_progress", percent=50, note="half way")
        return done("made login")

    async def tests(assignment: Assignment, line: Line) -> Outcome:
        status = await told(line, "team_status")
        assert "- code: Do code – code_developer, completed" in status
        assert "- tests: Do tests – alpha_test_creator (you), in_progress, after code" in status
        assert "login(user) -> Token" in status and "made login" in status
        return done()

    run = await house.run(task("code"), task("tests", "code", agent=ALPHA), code=code, tests=tests)
    assert run.status == "completed", run.reason
    assert house.facts(run, f.TaskProgress)[1] == f.TaskProgress("code", "code_developer", "half way", 50)
    assert [n.text for n in house.backend.attempts("tests")[0].scratchpad] == ["login(user) -> Token"]


async def test_what_the_user_rejects_reaches_an_agent_at_work(house: House) -> None:
    reached = asyncio.Event()

    async def slow(assignment: Assignment, line: Line) -> Outcome:
        reached.set()
        assert "No globals, please." in await told(line, "read_messages", wait_seconds=20)
        return done()

    house.plays(task("a", writes=["a.txt"]), task("b", "a"), a=replaces("a.txt", "two", "TWO"), b=slow)
    run_id = await house.delegate()
    run = await house.until(run_id, lambda r: bool(r.pending_changes) and r.tasks["b"].working)
    await reached.wait()
    await house.reject(run, reason="No globals, please.")
    assert (await house.rests(run_id)).status == "completed"


async def _delegated(house: House, *tasks: Any, **script: Any) -> str:
    house.plays(*tasks, **script)
    return await house.delegate()


# --- questions ---------------------------------------------------------------------------------------


async def test_an_agent_asks_the_user_and_others_go_on_meanwhile(house: House) -> None:
    house.engine.settings = Settings(max_agents=1, resume="auto")

    async def asks(assignment: Assignment, line: Line) -> Outcome:
        answer = await told(
            line, "ask_user", question="JWT?", options=["yes", "no"], why="It decides the API."
        )
        return done(answer)

    house.plays(task("a", writes=["a"]), task("b", writes=["b"]), a=asks, b=writes())
    run_id = await house.delegate()
    run = await house.until(run_id, lambda r: bool(r.asking) and r.tasks["b"].status == "completed")
    [ask] = run.open_asks
    assert (ask.question, ask.why, run.status) == ("JWT?", "It decides the API.", "in_progress")
    await house.engine.submit(run_id, h.Answer(ask.ask_id, "only for the API"))
    run = await house.rests(run_id)
    assert run.tasks["a"].summary == "The user answers: only for the API"


async def test_a_question_that_nobody_answers_is_answered_by_time(house: House) -> None:
    house.engine.settings = Settings(ask_timeout=60.0, resume="auto")

    async def asks(assignment: Assignment, line: Line) -> Outcome:
        return done(await told(line, "ask_user", question="JWT?", options=["yes", "no"], why="x"))

    house.plays(task("a"), a=asks)
    run_id = await house.delegate()
    await house.until(run_id, lambda r: bool(r.asking))
    house.clock.at += 61
    house.engine.reconcile()
    run = await house.rests(run_id)
    assert run.tasks["a"].summary.startswith("Nobody answered. Take the careful way")


async def test_a_question_survives_a_restart_and_its_answer_reaches_the_new_attempt(house: House) -> None:
    async def asks(assignment: Assignment, line: Line) -> Outcome:
        return done(await told(line, "ask_user", question="JWT?", options=["yes", "no"], why="x"))

    house.plays(task("a"), a=asks)
    run_id = await house.delegate()
    run = await house.until(run_id, lambda r: bool(r.asking))
    await house.reopen()
    run = await house.until(run_id, lambda r: r.tasks["a"].attempt == 2 and r.tasks["a"].working)
    [ask] = run.open_asks
    await house.engine.submit(run_id, h.Answer(ask.ask_id, "yes"))
    run = await house.rests(run_id)
    assert (run.tasks["a"].summary, len(run.asks)) == ("The user answers: yes", 1)


# --- memory ------------------------------------------------------------------------------------------


async def test_a_mistake_rejected_once_with_a_reason_is_in_the_prompt_of_the_next_run(house: House) -> None:
    first = await house.run(task("t"), t=replaces("a.txt", "two", "global TWO"))
    await house.reject(first, reason="Never use a global in a.txt.")
    await house.until(first.id, lambda r: not r.team.to_learn)

    asks_claude = {"team": "claude"}
    second = await house.run(
        task("t", writes=["a.txt"]), started=asks_claude, t=replaces("a.txt", "two", "2")
    )
    brief = house.planner.briefs[-1]
    assert brief.notes == ("about a.txt: Never use a global in a.txt.",)
    [assignment] = house.backend.calls[-1:]
    assert [(m.source, m.text) for m in assignment.memories if m.source == "user"] == [
        ("user", "Never use a global in a.txt.")
    ]
    assert "memory_recalled" in types(house, second, "memory_recalled")


async def test_what_mended_a_red_gate_is_in_the_prompt_of_the_next_run(house: House) -> None:
    await house.reopen(lambda texts: {"tests/t.py::test_two": "TWO" not in texts["a.txt"]})
    wrong, right = replaces("a.txt", "two", "TWO"), replaces("a.txt", "TWO", "2")
    run = await house.run(task("t", writes=["a.txt"]), t=[wrong, right])
    assert run.tasks["t"].repairs == 1
    await house.until(run.id, lambda r: not r.team.to_learn)
    await house.run(task("t", writes=["a.txt"]), started={"team": "claude"}, t=writes())
    told_now = [m.text for m in house.backend.calls[-1].memories if m.source == "gate"]
    assert len(told_now) == 1 and "tests/t.py::test_two" in told_now[0] and "What mended it" in told_now[0]


async def test_what_was_recalled_counts_as_useful_where_the_work_lands_at_once(house: House) -> None:
    first = await house.run(task("t"), t=replaces("a.txt", "two", "2"))
    await house.reject(first, reason="No digits in a.txt.")
    await house.until(first.id, lambda r: not r.team.to_learn)
    await house.run(
        task("t", writes=["a.txt"]), started={"team": "claude"}, t=replaces("a.txt", "two", "deux")
    )
    async with asyncio.timeout(5):
        while not (told := [i for i in await house.memory.export() if i.kind == "decision" and i.used]):
            await asyncio.sleep(0.01)
    assert [(i.text, i.used, i.useful) for i in told] == [("No digits in a.txt.", 1, 1)]


async def test_one_reason_for_two_hunks_is_told_once(house: House) -> None:
    first = await house.run(task("t"), t=writes(a_DOT_txt="ONE\ntwo\nthree\nfour\nFIVE\n"))
    assert len(first.pending_changes) == 2
    await house.reject(first, reason="No capitals.")
    await house.until(first.id, lambda r: not r.team.to_learn)
    await house.run(task("t", writes=["a.txt"]), started={"team": "claude"}, t=writes())
    assert [m.text for m in house.backend.calls[-1].memories].count("No capitals.") == 1
    assert house.planner.briefs[-1].notes == ("about a.txt: No capitals.",)


async def test_a_reason_given_just_before_the_end_is_in_memory(house: House) -> None:
    run = await house.run(task("t"), t=replaces("a.txt", "two", "2"))
    await house.reject(run, reason="No digits.")
    await house.engine.close()
    assert "No digits." in [i.text for i in house.memory.items.values()]


async def test_a_memory_that_was_locked_at_first_is_used_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, locked = house.memory.open, [True]

    async def lock() -> None:
        if locked:
            raise MemoryFailed("The memory is in use by another program.")
        await opened()

    monkeypatch.setattr(house.memory, "open", lock)
    run = await house.run(task("t"), t=replaces("a.txt", "two", "2"))
    locked.clear()
    await house.reject(run, reason="No digits.")
    await house.engine.recall.settle()
    assert "No digits." in [i.text for i in await house.memory.export()]


async def test_a_key_is_neither_in_the_journal_nor_in_memory(house: House) -> None:
    key = "sk-ant-api03-abcDEF1234567890xyz"

    async def step(assignment: Assignment, line: Line) -> Outcome:
        await told(line, "remember", text=f"It deploys with {key}.")
        await told(line, "write_note", text=f"The key is {key}.")
        await told(line, "send_message", to="user", text=f"I found {key}.")
        return done()

    run = await house.run(task("t"), t=step)
    assert key not in repr([e.fact for e in house.engine.entries if e.run_id == run.id])
    assert key not in repr(await house.memory.export())


async def test_a_rejection_taken_back_is_forgotten(house: House) -> None:
    run = await house.run(task("t"), t=replaces("a.txt", "two", "2"))
    decided = await house.reject(run, reason="No digits.")
    await house.until(run.id, lambda r: f"{r.id}:{decided.done[0]}" in r.team.remembered)
    await house.review.undo(decided.done, None)
    await house.until(run.id, lambda r: not r.team.to_forget)
    assert [i.text for i in await house.memory.export() if i.kind == "decision"] == []


async def test_an_agent_remembers_and_searches(house: House) -> None:
    async def step(assignment: Assignment, line: Line) -> Outcome:
        assert await told(line, "search_memory", query="staging port") == "Memory holds nothing on that."
        await told(line, "remember", text="The staging port is 8081.", paths=["deploy.py"])
        found = await told(line, "search_memory", query="staging port")
        assert "The staging port is 8081." in found and "<quoted-" in found
        return done()

    run = await house.run(task("t"), t=step)
    assert run.status == "completed", run.reason
    assert house.facts(run, f.MemoryStored)[0].kind == "note"


async def test_a_memory_that_cannot_be_used_costs_no_work_and_is_said(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise MemoryFailed("The memory file was written by a newer NEXUS. Update this one.")

    for name in ("open", "store", "search"):
        monkeypatch.setattr(house.memory, name, broken)
    run = await house.run(task("t"), t=writes(b_DOT_txt="B\n"))
    assert run.status == "ready"
    [lost] = house.facts(run, f.MemoryUnavailable)
    assert lost.why == (
        "The memory file was written by a newer NEXUS. Update this one. This run goes on without memory."
    )
    assert (await house.accept(run)).refused == []


async def test_memory_of_another_agent_is_its_own(house: House) -> None:
    item = MemoryItem("m1", ALPHA, "note", "alpha's trick with do t", "agent", 1.0)
    await house.memory.open()
    await house.memory.store([item])
    await house.run(task("t"), t=writes())
    assert house.backend.calls[0].memories == ()


# --- other plans -------------------------------------------------------------------------------------


async def test_prime_finds_another_way_when_a_task_fails(house: House) -> None:
    house.planner.ways = [Revision((task("a2"),), ("a",), "in another way")]
    tasks = (task("a"), task("b", "a"))
    run = await house.run(*tasks, a=ends("failed", "too hard"), a2=writes(b_DOT_txt="B\n"), b=writes())
    assert run.status == "ready", run.reason
    assert [t.id for t in run.plan.tasks] == ["b", "a2"] if run.plan else False
    [trouble] = house.planner.troubles
    assert (trouble.task_id, trouble.reason) == ("a", "“Do a” failed: too hard")
    assert [call.task.id for call in house.backend.calls] == ["a", "a2", "b"]


async def test_without_another_way_the_run_ends_and_says_why(house: House) -> None:
    run = await house.run(task("a"), a=ends("failed", "too hard"))
    assert (run.status, run.reason) == ("failed", "Do a: too hard")
    [kept] = house.facts(run, f.PlanKept)
    assert kept.why == "there is no other way"


async def test_an_alert_reaches_prime_while_others_work(house: House) -> None:
    house.planner.ways = [Revision((task("d"),), ("c",), "c was not needed")]

    async def alerts(assignment: Assignment, line: Line) -> Outcome:
        await told(line, "send_message", to="nexus_prime", text="c makes no sense", kind="alert")
        await house.engine.when(assignment.run_id, lambda r: "d" in r.tasks)
        return done()

    run = await house.run(task("a"), task("c", "a"), a=alerts, c=ends("failed", "x"), d=writes())
    assert run.status == "completed", run.reason
    assert house.planner.troubles[0].alerts == ("code_developer: c makes no sense",)


# --- what is measured of it all ----------------------------------------------------------------------


async def test_changed_lines_without_tests_get_a_task_and_questionable_tests_a_warning(house: House) -> None:
    uncovered = (("src/c.py", (2,)),)
    quality = Quality(changed_percent=0.0, changed_total=1, changed_covered=0, uncovered=uncovered)
    question = Question("tests/t.py", 3, "skip_added", "a skip was added")
    house.gates.scrutiny = Scrutiny(quality, (question,), ("not all was tried",), 1.5)
    house.engine.adapters.personas  # noqa: B018 - the fakes' personas have no tester by role
    run = await house.run(task("t"), t=replaces("src/c.py", "1", "2"), started={"team": "claude"})
    [measured] = house.facts(run, f.QualityMeasured)
    assert (measured.changed_coverage, measured.notes) == (0.0, ("not all was tried",))
    [warned] = house.facts(run, f.GateWarned)
    assert warned.places == (f.GatePlace("tests/t.py", 3, "a skip was added"),)
    assert run.status == "ready"


# --- budgets and faults ------------------------------------------------------------------------------


async def test_a_spent_budget_stops_agents_keeps_their_work_and_goes_on(house: House) -> None:
    async def eats(assignment: Assignment, line: Line) -> Outcome:
        (assignment.checkout / "b.txt").write_text("half\n")
        house.engine.pulses.heard(assignment.run_id, "t", 5_000)
        await line.stopped.wait()
        return Outcome("broken", "stopped", retryable=True, fault="stopped")

    def finishes(assignment: Assignment) -> Outcome:
        assert (assignment.checkout / "b.txt").read_text() == "half\n"
        assert assignment.evidence.startswith("The budget was spent and you were stopped")
        (assignment.checkout / "b.txt").write_text("whole\n")
        return done()

    house.plays(task("t"), t=[eats, finishes])
    run_id = await house.delegate(budgets=Budgets(run=Allowance(tokens=1_000)))
    run = await house.until(run_id, lambda r: r.status == "paused" and not r.tasks["t"].working)
    [ask] = run.open_asks
    assert ask.question == "Spent: the run's budget of 1,000 tokens. Go on with 1,000 tokens more?"
    assert types(house, run, "budget_spent") == ["budget_spent"]
    await house.engine.submit(run_id, h.Answer(ask.ask_id, "Go on"))
    run = await house.rests(run_id)
    assert run.status == "ready", run.reason


async def test_a_backend_that_fails_again_and_again_is_given_a_rest(house: House) -> None:
    down = ends("broken", "Anthropic is overloaded (529).", retryable=True)

    def fault(assignment: Assignment) -> Outcome:
        outcome = down(assignment)
        assert isinstance(outcome, Outcome)
        return Outcome("broken", outcome.summary, retryable=True, fault="service")

    names = [f"t{n}" for n in range(4)]
    house.engine.settings = Settings(max_agents=4, resume="auto")
    house.plays(*(task(n, writes=[n]) for n in names), **dict.fromkeys(names, fault))
    run_id = await house.delegate()
    await house.until(run_id, lambda r: sum(s.retries for s in r.tasks.values()) == 4)
    house.clock.at += 5
    house.engine.reconcile()
    await house.until(run_id, lambda r: sum(s.retries for s in r.tasks.values()) == 8)
    assert types(house, house.engine.runs[run_id], "agent_unavailable") != []
    calls = len(house.backend.calls)
    house.clock.at += 20
    house.engine.reconcile()
    await asyncio.sleep(0.1)
    assert len(house.backend.calls) == calls  # it rests
    house.backend.script |= dict.fromkeys(names, puts({}))
    house.clock.at += 60
    house.engine.reconcile()
    run = await house.rests(run_id)
    assert run.status == "completed", run.reason
    assert types(house, run, "agent_available") == ["agent_available"]


async def test_how_the_team_stands_is_measured(house: House) -> None:
    brake = Brake(writes(b_DOT_txt="B\n"))
    house.plays(task("t"), t=brake)
    run_id = await house.delegate()
    await brake.reached.wait()
    house.clock.at += 7
    code = next(a for a in house.engine.agents()["agents"] if a["agent_id"] == "code_developer")
    [instance] = code["instances"]
    assert (code["status"], instance["silent_seconds"], instance["stress"]["level"]) == ("active", 7.0, 0)
    brake.go.set()
    await house.rests(run_id)
    code = next(a for a in house.engine.agents()["agents"] if a["agent_id"] == "code_developer")
    assert (code["health_score"], code["instances"]) == (10.0, [])


async def test_ten_thousand_words_of_chatter_end_in_a_refusal_not_in_a_flood(house: House) -> None:
    refused: list[str] = []

    async def chatty(assignment: Assignment, line: Line) -> Outcome:
        for number in range(70):
            said = await line.call("send_message", {"to": "user", "text": f"word {number}"})
            if said.is_error:
                refused.append(said.text)
        return done()

    run = await house.run(task("t"), t=chatty)
    assert run.status == "completed"
    assert len(refused) == 10 and refused[0].startswith("You have sent 60 messages in this run")
