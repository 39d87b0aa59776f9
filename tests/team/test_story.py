"""Four agents build a small feature: real Claude Code, real OpenAI client, real git, pytest and SQLite.

Only the models are scripted, on loopback. What is checked is what a person would look for in the transcript:
work side by side, a message that arrives, a question answered, a killed agent that is started again, a red
gate that is mended, and in the second run what the first one taught.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from nexus_lsp.adapters.claude_launcher import find_cli
from nexus_lsp.app import connect
from nexus_lsp.core.settings import Settings
from nexus_lsp.ports import EngineApi
from tests.scripted.anthropic_server import (
    Request,
    ScriptedAnthropic,
    Slow,
    Turn,
    bash,
    by_task,
    edit,
    read,
    say,
    submit,
    team,
    write,
)
from tests.scripted.openai_server import ScriptedOpenAI
from tests.scripted.redis_program import REDIS, redis_program
from tests.terminal.command_line import House

Json = dict[str, Any]

pytestmark = [
    pytest.mark.skipif(find_cli() is None, reason="Claude Code is not installed"),
    pytest.mark.timeout(300),
]

CART = """\
\"\"\"A shopping cart; prices are whole cents.\"\"\"


def total(prices: list[int]) -> int:
    return sum(prices)
"""
TEST_CART = """\
from cart import total


def test_total_of_two():
    assert total([250, 100]) == 350


def test_total_of_nothing():
    assert total([]) == 0
"""
RATE = "\n\ndef discounted(prices: list[int], rate: float) -> int:\n"
WRONG = (
    CART.replace("sum(prices)", "sum(prices) + 1") + RATE + "    return round(total(prices) * (1 - rate))\n"
)
RIGHT = CART + RATE + "    return round(total(prices) * (1 - rate))\n"
TEST_DISCOUNT = """\
import pytest

from cart import discounted


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 300), (0.5, 150), (1.0, 0)])
def test_a_rate_is_taken_off(rate, expected):
    assert discounted([100, 200], rate) == expected
"""


def planned(task_id: str, agent: str, kind: str, *after: str, writes: tuple[str, ...] = ()) -> Json:
    return {
        "id": task_id,
        "title": f"Do {task_id}",
        "agent": agent,
        "type": kind,
        "description": f"What {task_id} is about: a discount on the cart.",
        "depends_on": list(after),
        "writes": list(writes),
        "acceptance": [],
    }


PLAN: Json = {
    "summary": "A discount on the cart, researched, written and tested side by side.",
    "tasks": [
        planned("research", "aria_coordinator", "analysis"),
        planned("code", "code_developer", "implementation", writes=("cart.py",)),
        planned("tests", "alpha_test_creator", "test", writes=("test_discount.py",)),
        planned("validate", "beta_test_validator", "validation", "code", "tests"),
    ],
}


# --- what the four do in the first run ---------------------------------------------------------------


def aria(r: Request) -> Turn:
    assert r.agent == "aria_coordinator" and "You are Aria" in r.system
    match r.turn:
        case 0:
            return read("cart.py")
        case 1:
            assert "whole cents" in r.result
            return team(
                "write_note", text="discounted(prices, rate): rate from 0 to 1, rounds to whole cents"
            )
        case 2:
            return team("send_message", to="Code", text="rate is from 0 to 1, not percent", kind="handoff")
        case _:
            return submit("A rate from 0 to 1, rounded to cents.", recommendations=["Test both ends."])


def code(r: Request) -> Turn:
    """Asks the user, waits for Aria's word, breaks total() at first, mends it from the gate's evidence."""
    if r.attempt > 1:
        assert "test_total_of_two" in r.prompt, r.prompt
        match r.turn:
            case 0:
                return read("cart.py")
            case 1:
                return edit("cart.py", "sum(prices) + 1", "sum(prices)")
            case _:
                return submit("total() is as it was; discounted() takes the rate off.", confidence_score=0.9)
    match r.turn:
        case 0:
            why = "It decides the type of every price."
            return team("ask_user", question="Round to whole cents?", options=["Yes", "No"], why=why)
        case 1:
            assert r.result == "The user answers: Yes, whole cents"
            return team("read_messages", wait_seconds=30)
        case 2:
            assert "rate is from 0 to 1, not percent" in r.text
            return read("cart.py")
        case 3:
            return [team("report_progress", percent=60, note="writes discounted()"), write("cart.py", WRONG)]
        case _:
            return submit("Wrote discounted().", deliverables={"cart.py": "discounted()"})


def alpha(r: Request) -> Turn:
    """Is killed in the middle of its first attempt; the second finds what the first left."""
    if r.attempt == 1:
        return write("notes.txt", "half\n") if r.turn == 0 else Slow(120, say("never said"))
    match r.turn:
        case 0:
            return write("test_discount.py", TEST_DISCOUNT)
        case 1:
            return team("remember", text="Prices in the cart are whole cents.", paths=["cart.py"])
        case 2:
            return bash("rm -f notes.txt")
        case _:
            return submit("Three rates, both ends among them.")


def beta(r: Request) -> Turn:
    assert "total() is as it was" in r.prompt  # what Code handed in
    if r.turn == 0:
        return bash("python3 -m pytest -q -p no:cacheprovider 2>&1 | tail -3")
    assert "5 passed" in r.result, r.result
    return submit("All five tests pass.", confidence_score=1.0)


FIRST = by_task({"research": aria, "code": code, "tests": alpha, "validate": beta})


# --- the story ---------------------------------------------------------------------------------------


class Stage:
    """One workspace, its engine in this process, and all that it told."""

    def __init__(self, api: EngineApi, house: House) -> None:
        self.api = api
        self.house = house
        self.events: list[Json] = []
        self._news = asyncio.Event()
        api.listen(self._hear)

    def _hear(self, event: Json) -> None:
        if "seq" in event:
            self.events.append(event)
            self._news.set()

    def of(self, *types: str) -> list[Json]:
        return [e for e in self.events if e["type"] in types]

    async def until(self, holds: Callable[[], object], seconds: float = 120.0) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def delegate(self, request: str) -> str:
        run_id: str = (await self.api.execute("delegate", {"request": request, "team": "claude"}))["run_id"]
        return run_id

    async def run(self, run_id: str) -> Json:
        return await self.api.execute("run", {"run_id": run_id})


async def engine(
    house: House, openai: ScriptedOpenAI, claude: ScriptedAnthropic, redis_url: str | None = None
) -> EngineApi:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(house.root / "home"),
        "NEXUS_STATE_DIR": str(house.root / "state"),
        "OPENAI_BASE_URL": openai.base_url,
        "OPENAI_API_KEY": "sk-planner",
        "ANTHROPIC_BASE_URL": claude.base_url,
        "ANTHROPIC_API_KEY": "sk-agents",
    }
    settings = Settings(trusted=True, max_agents=4, coverage_target=0, redis_url=redis_url)
    return await connect(house.workspace, settings, env)


async def kill_agent(house: House, task_id: str) -> None:
    """`kill -9` on the Claude Code process of one task, as an out-of-memory killer would."""
    berth = str(house.root / "state")
    for process in psutil.process_iter():
        try:
            where = process.environ().get("CLAUDE_CONFIG_DIR", "")
            if where.startswith(berth) and f"/{task_id}/" in where + "/" and "claude" in process.name():
                process.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path).write(cart=CART, test_cart=TEST_CART).git()


@pytest.mark.long
async def test_four_agents_build_a_feature_and_the_next_run_knows_what_was_learned(house: House) -> None:
    async with ScriptedOpenAI(plan=PLAN) as openai, ScriptedAnthropic(FIRST) as claude:
        api = await engine(house, openai, claude)
        try:
            stage = Stage(api, house)
            run_id = await stage.delegate("Add a discount to the cart")
            await _the_agents_work(stage, claude)
            await stage.until(lambda: stage.of("run_ready", "run_failed"))
            assert claude.errors == []
            await _what_the_transcript_shows(stage, run_id)
            await _the_user_decides(stage, run_id)
        finally:
            await api.close()
    await _the_terminal_shows_the_transcript(house, run_id)
    await _the_second_run(house)


async def _the_agents_work(stage: Stage, claude: ScriptedAnthropic) -> None:
    """Answer Code's question; kill Alpha once it is at work."""
    await stage.until(lambda: stage.of("ask_opened"))
    [ask] = stage.of("ask_opened")
    assert (ask["agent_id"], ask["question"]) == ("code_developer", "Round to whole cents?")
    async with asyncio.timeout(60):
        while len(claude.of(task="tests")) < 2:
            await asyncio.sleep(0.05)
    await kill_agent(stage.house, "tests")
    await stage.api.execute("answer", {"ask_id": ask["ask_id"], "answer": "Yes, whole cents"})


async def _what_the_transcript_shows(stage: Stage, run_id: str) -> None:
    run = await stage.run(run_id)
    assert run["status"] == "ready", run["reason"]
    first_three = [e["task_id"] for e in stage.of("task_started")[:3]]
    assert set(first_three) == {"research", "code", "tests"}  # side by side
    said = [e for e in stage.of("message_sent") if e["message"].get("message_type") == "handoff"]
    assert [e["recipients"] for e in said] == [["code_developer#code"]]
    got = [(e["message_id"], e["recipient"]) for e in stage.of("message_delivered")]
    assert (said[0]["message"]["message_id"], "code_developer#code") in got
    assert [e["answer"] for e in stage.of("ask_answered")] == ["Yes, whole cents"]
    repairs = {(e["task_id"], e["cause"]) for e in stage.of("task_repair")}
    assert repairs == {("tests", "broken"), ("code", "gate")}
    red = stage.of("gate_failed")
    assert any("test_total_of_two" in check for e in red for check in e["broken"])
    notes = [e["text"] for e in stage.of("agent_note")]
    assert notes == ["discounted(prices, rate): rate from 0 to 1, rounds to whole cents"]
    responses = {t["task_id"]: t["response"]["task_result"] for t in run["tasks"]}
    assert responses["code"]["confidence_score"] == 0.9
    assert responses["research"]["recommendations"] == ["Test both ends."]
    quality = run["quality"]
    assert (quality["tests"], quality["new_tests"], quality["rounds"]) == (3, 1, 1)
    assert (quality["changed_coverage"], quality["measured_by"]) == (100.0, "nexus")
    assert stage.of("message_dead") == []


async def _the_user_decides(stage: Stage, run_id: str) -> None:
    changes = (await stage.api.execute("review.list", {"run_id": run_id}))["changes"]
    waiting = [c for c in changes if c["status"] == "pending"]
    assert {c["path"] for c in waiting} == {"cart.py", "test_discount.py"}
    tests = [c["id"] for c in waiting if c["path"] == "test_discount.py"]
    source = [c["id"] for c in waiting if c["path"] == "cart.py"]
    alone = await stage.api.execute("review.accept", {"change_ids": tests})
    assert (alone["accepted"], alone["refused"][0]["needs"]) == ([], source)
    insisting = await stage.api.execute("review.accept", {"change_ids": tests, "anyway": True})
    assert insisting["accepted"] == tests
    why = "Use Decimal for rates, never float."
    await stage.api.execute("review.reject", {"change_ids": source, "reason": why})
    await stage.until(lambda: any(e["text"] == why for e in stage.of("memory_stored")))
    lessons = [e["text"] for e in stage.of("memory_stored") if e["kind"] == "lesson"]
    assert len(lessons) == 1 and "test_total_of_two" in lessons[0]


async def _the_terminal_shows_the_transcript(house: House, run_id: str) -> None:
    shown = (await house.run("runs", "--transcript", run_id)).text
    for words in (
        "Aria (research) → Code (code) (handoff): rate is from 0 to 1, not percent",
        "Code asks: Round to whole cents?",
        "answered by you: Yes, whole cents",
        "remembered (note): Prices in the cart are whole cents.",
        "tests execute 2 of 2 changed lines",
        "Do code (1 file; its own claim: 90 % sure)",
    ):
        assert words in " ".join(shown.split()), f"{words}\n{shown}"
    assert re.search(r"↻ Alpha\s+Do tests: broken", shown), shown
    assert re.search(r"↻ Code\s+Do code: gate", shown), shown
    found = (await house.run("memory", "search", "whole cents")).text
    assert "Prices in the cart are whole cents." in found


async def _the_second_run(house: House) -> None:
    """The rejection's reason and the gate's lesson are in the plan's brief and in the developer's prompt."""
    plan = {"summary": "Again.", "tasks": [PLAN["tasks"][1]]}

    def second(r: Request) -> Turn:
        heeded = r.prompt[r.prompt.index("# To be heeded") :].split("\n# ", 1)[0]
        assert "Use Decimal for rates, never float." in heeded
        assert "test_total_of_two" in r.prompt and "Prices in the cart are whole cents." in r.prompt
        return submit("Nothing to do.")

    async with ScriptedOpenAI(plan=plan) as openai, ScriptedAnthropic(second) as claude:
        api = await engine(house, openai, claude)
        try:
            stage = Stage(api, house)
            run_id = await stage.delegate("Add a discount to the cart, once more")
            await stage.until(lambda: stage.of("run_completed", "run_failed"))
            assert claude.errors == []
            assert (await stage.run(run_id))["status"] == "completed"
        finally:
            await api.close()
        [asked] = openai.requests
        assert "Use Decimal for rates, never float." in asked.texts[-1]
    recalled = [e for e in stage.of("memory_recalled") if e["task_id"] == "code"]
    kinds = {line["kind"] for line in recalled[0]["items"]}
    assert {"decision", "lesson"} <= kinds


# --- without the bus ---------------------------------------------------------------------------------


@pytest.mark.skipif(REDIS is None, reason="redis-server is not installed")
async def test_redis_gone_in_the_middle_of_a_run_delays_a_message_and_loses_none(house: House) -> None:
    """Aria speaks while Redis is down; Code, who waits for it, hears it once Redis is back."""
    down = asyncio.Event()

    async def speaks(r: Request) -> Turn:
        await down.wait()
        return team("send_message", to="Code", text="rate is from 0 to 1") if r.turn == 0 else submit("Said.")

    def hears(r: Request) -> Turn:
        if "rate is from 0 to 1" in r.text:
            return submit("Heard it.")
        assert r.turn < 60
        return team("read_messages", wait_seconds=2) if r.turn else read("cart.py")

    script = by_task({"research": speaks, "code": hears})
    plan = {**PLAN, "tasks": PLAN["tasks"][:2]}
    (house.root / "redis").mkdir()
    async with ScriptedOpenAI(plan=plan) as openai, ScriptedAnthropic(script) as claude:
        with redis_program(house.root / "redis") as redis:
            api = await engine(house, openai, claude, redis.url)
            try:
                stage = Stage(api, house)
                await stage.delegate("Add a discount to the cart")
                await stage.until(lambda: len(stage.of("task_started")) == 2 and len(claude.requests) >= 2)
                redis.kill()
                down.set()
                await stage.until(lambda: stage.of("message_delayed"))
                redis.start()
                await stage.until(lambda: stage.of("run_completed", "run_failed"))
            finally:
                await api.close()
        assert claude.errors == []
    assert [e["type"] for e in stage.of("run_completed", "run_failed")] == ["run_completed"]
    told = [e["why"] for e in stage.of("message_delayed")]
    assert "cannot be reached" in told[0] and "nothing is lost" in told[0]
    assert told[-1] == "The message bus works again."
    [said] = [e for e in stage.of("message_sent") if e["message"].get("message_type") == "information"]
    got = [e for e in stage.of("message_delivered") if e["message_id"] == said["message"]["message_id"]]
    assert len(got) == 1 and stage.of("message_dead") == []
