"""Runs tests against mutants inside a workspace's own interpreter, each in a fork of one process.

`pytest_recorder` loads this file where its specification names mutants; it imports nothing of NEXUS. A
mutant is a changed text of one source file, put in its place in memory: the tree stays as it is. Which
mutant comes next follows from what the tests did so far, so that few runs judge many tests. One runs at a
time, since tests may share files and ports. Events besides the recorder's own:

    mutant    {id}                          what follows is about this mutant (None: the source as it is)
    tried     {id, passed, failed, late}    by test function; `late`: pytest was broken off
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

ENOUGH = 8
"""Mutants after which a test that failed on none is not tried again."""

LEAST_SECONDS = 3.0
MEMORY = 4 << 30


def try_all(recorder: Any, spec: dict[str, Any], run: Any) -> int:
    """Try mutants until every test has failed on one, or has met enough, or time or number is used up."""
    end = time.monotonic() + spec["seconds"]
    began = time.monotonic()
    control = tried(recorder, spec, run, None, sorted(spec["tests"]), spec["seconds"])
    usual = time.monotonic() - began
    undecided = dict.fromkeys(control["passed"], 0)
    waiting = list(spec["mutants"])
    for _ in range(spec["most"]):
        mutant = chosen(waiting, undecided)
        left = end - time.monotonic()
        if mutant is None or left < usual:
            break
        waiting.remove(mutant)
        tests = [test for test in mutant["tests"] if function(test) in undecided]
        found = tried(recorder, spec, run, mutant, tests, min(left, max(LEAST_SECONDS, 4 * usual)))
        for name in found["passed"]:
            undecided[name] += 1
        for name in found["failed"]:
            undecided.pop(name, None)
    recorder.write("exit", code=0)
    return 0


def chosen(waiting: list[dict[str, Any]], met: dict[str, int]) -> dict[str, Any] | None:
    """The next mutant: one for the test that has met fewest, and of those the one that most others meet."""
    for name in sorted(met, key=lambda name: met[name]):
        if met[name] >= ENOUGH:
            return None
        meeting = [(m, {function(test) for test in m["tests"]}) for m in waiting]
        its = [(mutant, names) for mutant, names in meeting if name in names]
        if its:
            return max(its, key=lambda entry: sum(met.get(other, ENOUGH) < ENOUGH for other in entry[1]))[0]
    return None


def function(test: str) -> str:
    """A parametrised test's rows are one test."""
    return test.partition("[")[0]


def tried(
    recorder: Any, spec: dict[str, Any], run: Any, mutant: Any, tests: list[str], limit: float
) -> dict[str, Any]:
    """Run the tests in a fork, with the mutant in place; which functions passed and failed."""
    number = mutant["id"] if mutant else None
    recorder.write("mutant", id=number)
    place = Path(spec["record"])
    before = place.stat().st_size
    pid = os.fork()
    if not pid:
        child(recorder, spec, run, mutant, tests)
    late = not ended(pid, limit)
    with place.open("rb") as record:
        record.seek(before)
        events = list(lines(record.read().decode("utf-8", "replace")))
    found = outcome(events, tests)
    recorder.write("tried", id=number, late=late, **found)
    return found


def outcome(events: list[dict[str, Any]], tests: list[str]) -> dict[str, list[str]]:
    """The test functions that passed, and those that failed, or never came back, or never began."""
    worst: dict[str, str] = {}
    begun = [event["test"] for event in events if event["event"] == "begun"]
    over = {e["test"] for e in events if e["event"] == "test" and e["when"] == "teardown"}
    whole = any(event["event"] == "exit" for event in events)
    for event in events:
        if event["event"] == "test" and (event["outcome"] != "passed" or event["when"] == "call"):
            said = "failed" if event["outcome"] == "failed" else event["outcome"]
            if worst.get(event["test"]) != "failed":
                worst[event["test"]] = said
    for test in tests:
        if test not in over and (whole or test in begun):
            worst[test] = "failed"
    names = {function(test) for test, said in worst.items() if said == "failed"}
    passed = {function(test) for test, said in worst.items() if said == "passed"} - names
    return {"passed": sorted(passed), "failed": sorted(names)}


def child(recorder: Any, spec: dict[str, Any], run: Any, mutant: Any, tests: list[str]) -> None:
    """Never returns."""
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if mutant:
            put_in_place(os.path.realpath(mutant["path"]), mutant["source"])
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        code = int(run([*spec["args"], *tests], plugins=[recorder]))
        recorder.write("exit", code=code)
    finally:
        os._exit(0)


def put_in_place(path: str, source: str) -> None:
    """Let the import system read this text instead of the file, and never its cached byte code."""
    original = SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        if os.path.realpath(self.path) == path:
            return compile(source, self.path, "exec", dont_inherit=True)
        return original(self, fullname)

    SourceFileLoader.get_code = get_code


def ended(pid: int, limit: float) -> bool:
    """Wait for the fork; False where it had to be killed, with all that it started in its session."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def lines(text: str) -> Any:
    """The events; a last line that a dying process left half written is dropped."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
