"""The part of test generation that runs a workspace's code: a script of its own, started in the sandbox.

`test_generation` copies this file (and `pytest_recorder`, for its `Lent`) next to a `job.json` and starts it
with the interpreter under test; it imports nothing of NEXUS. Answers go to `answers.jsonl`, one a line, since
the workspace's code may print. Three commands:

    observe     call functions with given arguments: {function, case, value | raises, message, arcs, stable}
    ghostwrite  what Hypothesis' ghostwriter makes of functions: {source}
    kill        run a test file against the module and its mutants: {mutant, collected, failed, ended}
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import time
import types
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import Any

CASE_SECONDS = 0.5
MUTANT_SECONDS = 6.0
MAX_REPR = 160
MEMORY = 3 << 30


class TooSlow(BaseException):
    """A call did not come back in time; no `except Exception` of the workspace catches it."""


def main(job: dict[str, Any]) -> None:
    """Do the job; what it found stands in `answers.jsonl`."""
    os.chdir(job["root"])
    sys.dont_write_bytecode = True
    sys.path[0:1] = job["path"]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with Path(job["answers"]).open("a", encoding="utf-8") as answers:

        def answer(**fields: Any) -> None:
            answers.write(json.dumps(fields) + "\n")
            answers.flush()

        {"observe": observe, "ghostwrite": ghostwrite, "kill": kill}[job["command"]](job, answer)


# --- observe -----------------------------------------------------------------------------------------


def observe(job: dict[str, Any], answer: Any) -> None:
    """Call each function with each of its argument lists, twice, and say what came of it."""
    signal.signal(signal.SIGALRM, _too_slow)
    module = importlib.import_module(job["module"])
    if os.path.realpath(module.__file__ or "") != os.path.realpath(job["file"]):
        raise SystemExit(f"{job['module']} was imported from {module.__file__}, not from this checkout")
    end = time.monotonic() + job["seconds"]
    for name, cases in job["functions"].items():
        share = time.monotonic() + job["seconds"] / 3
        for number, (positional, named) in enumerate(cases):
            if time.monotonic() > min(end, share):
                break
            found = _observed(getattr(module, name), positional, named, job["file"])
            answer(function=name, case=number, **found)


def _too_slow(*_: Any) -> None:
    raise TooSlow


def _observed(function: Any, positional: list[str], named: dict[str, str], file: str) -> dict[str, Any]:
    arcs: set[tuple[int, int]] = set()
    first = _outcome(function, positional, named, arcs, file)
    second = _outcome(function, positional, named, None, file)
    return {**first, "stable": first == second, "arcs": sorted(arcs)}


def _outcome(
    function: Any, positional: list[str], named: dict[str, str], arcs: Any, file: str
) -> dict[str, Any]:
    args = [ast.literal_eval(text) for text in positional]
    words = {name: ast.literal_eval(text) for name, text in named.items()}
    before = copy.deepcopy((args, words))
    if arcs is not None:
        sys.settrace(_tracer(arcs, file))
    signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
    try:
        value = function(*args, **words)
    except TooSlow:
        return {"raises": "", "message": "did not come back in time"}
    except Exception as error:
        return {"raises": type(error).__name__, "message": str(error)[:MAX_REPR]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.settrace(None)
    if (args, words) != before:
        return {"raises": "", "message": "changes its arguments"}
    return {"value": written(value)}


def _tracer(arcs: set[tuple[int, int]], file: str) -> Any:
    """Collects (line before, line) pairs inside the module's file."""

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != file:
            return None
        last = frame.f_code.co_firstlineno

        def line(frame: Any, event: str, _: Any) -> Any:
            nonlocal last
            if event == "line":
                arcs.add((last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line

    return trace


def written(value: Any) -> str | None:
    """The value as a literal that gives it back, or None where there is no (short) one."""
    try:
        text = repr(value)
        again = ast.literal_eval(text) if len(text) <= MAX_REPR else None
        return text if again == value and type(again) is type(value) and len(text) <= MAX_REPR else None
    except Exception:
        return None


# --- ghostwrite --------------------------------------------------------------------------------------


def ghostwrite(job: dict[str, Any], answer: Any) -> None:
    """Property tests as Hypothesis' ghostwriter proposes them."""
    if importlib.util.find_spec("black") is None:
        sys.modules["black"] = _unformatted()
    from hypothesis.extra import ghostwriter

    writer: Any = ghostwriter
    module = importlib.import_module(job["module"])
    functions = [getattr(module, name) for name in job["functions"]]
    answer(source=writer.magic(*functions, annotate=False))


def _as_it_is(text: str, mode: Any) -> str:
    return text


def _unformatted() -> Any:
    """The ghostwriter asks black for layout only, and ruff lays the file out afterwards."""
    black: Any = types.ModuleType("black")
    black.Mode = lambda: None
    black.format_str = _as_it_is
    return black


# --- kill --------------------------------------------------------------------------------------------


class Mutated(SourceFileLoader):
    """Loads a module from another text than its file's."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> Any:
        """Compiled afresh, so that no cached bytecode stands in for the mutant."""
        return compile(self.text, self.path, "exec", dont_inherit=True)


class Exchange:
    """A finder that puts the mutant in the module's place."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The import system's own protocol."""
        spec = PathFinder.find_spec(name, path, target) if name == self.name else None
        if spec is not None and spec.origin is not None:
            spec.loader = Mutated(name, spec.origin, self.text)
        return spec


def kill(job: dict[str, Any], answer: Any) -> None:
    """The test file against the module as it is (mutant None), then against each mutant, two at a time."""
    signal.signal(signal.SIGALRM, _too_slow)
    if importlib.util.find_spec("pytest"):
        importlib.import_module("pytest")  # once, before the forks
    end = time.monotonic() + job["seconds"]
    answer(**_in_child(job, None))
    waiting: list[dict[str, Any]] = list(reversed(job["mutants"]))
    running: dict[int, tuple[dict[str, Any], float]] = {}
    while waiting or running:
        late = time.monotonic() > end
        while waiting and len(running) < 2 and not late:
            mutant = waiting.pop()
            running[_fork(job, mutant)] = (mutant, time.monotonic())
        if late:
            waiting.clear()
        for pid, (mutant, began) in list(running.items()):
            if _over(pid, time.monotonic() - began):
                del running[pid]
                answer(**_collected(job, mutant["id"]))
        time.sleep(0.005)


def _over(pid: int, seconds: float) -> bool:
    if seconds > MUTANT_SECONDS:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return True
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def _in_child(job: dict[str, Any], mutant: dict[str, Any] | None) -> dict[str, Any]:
    pid, began = _fork(job, mutant), time.monotonic()
    while not _over(pid, (time.monotonic() - began) / 3):
        time.sleep(0.005)
    return _collected(job, mutant["id"] if mutant else None)


def _answer_file(job: dict[str, Any], number: int | None) -> Path:
    return Path(job["answers"] + f".{number}")


def _collected(job: dict[str, Any], number: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"collected": [], "failed": [], "ended": False}
    with contextlib.suppress(OSError, ValueError):  # it was ended before it could answer
        found = json.loads(_answer_file(job, number).read_text(encoding="utf-8"))
    return {"mutant": number, **found}


def _fork(job: dict[str, Any], mutant: dict[str, Any] | None) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        if mutant is not None:
            sys.meta_path.insert(0, Exchange(job["module"], mutant["source"]))  # pyright: ignore
        with Path(os.devnull).open("w") as nowhere:
            sys.stdout = sys.stderr = nowhere
            found = failures(job["test"])
        _answer_file(job, mutant["id"] if mutant else None).write_text(json.dumps(found), encoding="utf-8")
    finally:
        os._exit(0)


def failures(path: str) -> dict[str, Any]:
    """Call every test of a generated file with each of its parameter sets.

    Such a file uses `parametrize` and no fixture, so pytest need not run it: calling is twenty times faster.
    """
    spec = importlib.util.spec_from_file_location("generated_tests", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    collected: list[tuple[str, int]] = []
    failed: list[tuple[str, int]] = []
    for name, test in list(vars(module).items()):
        if name.startswith("test_"):
            for number, words in enumerate(_parameter_sets(test)):
                collected.append((name, number))
                if not _passes(test, words):
                    failed.append((name, number))
    return {"collected": collected, "failed": failed, "ended": True}


def _passes(test: Any, words: dict[str, Any]) -> bool:
    """TooSlow ends the whole file: a mutant that hangs says nothing about a test."""
    signal.setitimer(signal.ITIMER_REAL, MUTANT_SECONDS / 3)
    try:
        test(**words)
    except TooSlow:
        raise
    except BaseException:  # pytest's own failures are no `Exception`
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return True


def _named(names: Any, row: Any) -> dict[str, Any]:
    return dict(zip(names, row))  # noqa: B905 - `strict` is unknown to Python 3.9


def _parameter_sets(test: Any) -> list[dict[str, Any]]:
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            names, rows = mark.args
            single = isinstance(names, str)
            return [{names: row} if single else _named(names, row) for row in rows]
    return [{}]


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if given["lent_version"] == list(sys.version_info[:2]):
        from recorder import Lent  # pyright: ignore

        sys.meta_path.append(Lent(given["lent"], given["lent_names"]))  # pyright: ignore
    main(given)
