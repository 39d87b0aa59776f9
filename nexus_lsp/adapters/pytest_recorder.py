"""Runs pytest inside a workspace's own interpreter and records what happens, one JSON line an event.

`pytest_run` copies this file next to a `spec.json` and starts it as a script; it imports nothing of
NEXUS, since that interpreter may not have it. Events (`"event"` names the kind):

    begun     {test}                            a test has started
    test      {test, when, outcome, expected_failure}    one phase of a test has ended
    collect   {test, outcome}                   a file that could not be collected, or was skipped
    place     {test, path, line, message}       where a failure stands; `line` is 0-based
    outside   {modules: [[name, path]]}         what was imported from neither the root nor the environment
    coverage  {percent, lines: {path: [1-based]}, statements: {path: [1-based]}, excluded: {path: [1-based]},
               tests: {path: [test file]}, test_lines: {test: {path: [1-based]}}}
    unable    {why}                             pytest cannot run here
    exit      {code}                            pytest came to its end
"""

from __future__ import annotations

import contextlib
import json
import os
import site
import sys
import sysconfig
from importlib.machinery import PathFinder
from importlib.metadata import DistributionFinder, MetadataPathFinder
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

_TESTS = ("*/tests/*", "*/test/*", "*/test_*.py", "*/*_test.py", "*/conftest.py", "*/setup.py")
_FOREIGN = ("*/.venv/*", "*/venv/*", "*/.tox/*", "*/.nox/*", "*/site-packages/*", "*/node_modules/*")


class Lent:
    """Finds a few named packages in another environment, after everything else was asked."""

    def __init__(self, directory: str, names: list[str]) -> None:
        self.directory = directory
        self.names = frozenset(names)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The import system's own protocol; submodules are found through their package's path."""
        if path is None and name in self.names:
            return PathFinder.find_spec(name, [self.directory], target)
        return None

    def find_distributions(self, context: Any) -> Any:
        """A lent package's own metadata (pluggy asks for its version); no others, so no plugins of ours."""
        if context.name not in self.names:
            return ()
        lent = DistributionFinder.Context(name=context.name, path=[self.directory])
        return MetadataPathFinder.find_distributions(lent)


class Recorder:
    """The pytest plugin, and the coverage measurement around it."""

    def __init__(self, spec: dict[str, Any], record: Any) -> None:
        self.root = spec["root"]
        self.record = record
        self.by_test = spec["contexts"] is not None
        self.one_process = spec["coverage"] or bool(spec["mutants"])
        self.only = frozenset(spec["only"])
        self.coverage: Any = None
        self.context = ""

    def write(self, event: str, **fields: Any) -> None:
        """One line, flushed at once: what was recorded outlives a crash."""
        self.record.write(json.dumps({"event": event, **fields}) + "\n")
        self.record.flush()

    def pytest_load_initial_conftests(self, early_config: Any, args: list[str]) -> Any:
        """Later options win: run everything, under no coverage but ours, which needs one process.

        So do mutants: a worker would load the source as it is.
        """
        known = early_config.known_args_namespace
        args.append("--maxfail=0")
        if self.one_process and hasattr(known, "numprocesses"):
            args.append("-n0")
        if hasattr(known, "no_cov"):
            known.cov_source = None
            args.append("--no-cov")
        yield

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Leave out what was not asked for: a test named on the command line must exist, or none runs."""
        if self.only:
            left_out = [item for item in items if item.nodeid.partition("[")[0] not in self.only]
            items[:] = [item for item in items if item.nodeid.partition("[")[0] in self.only]
            config.hook.pytest_deselected(items=left_out)

    def pytest_collectstart(self, collector: Any) -> None:
        """What a test file's import executes is that file's own coverage."""
        self.enter(collector.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins: known even if the process dies in it."""
        self.enter(nodeid)
        self.write("begun", test=nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """One phase of one test."""
        expected = hasattr(report, "wasxfail")
        self.write(
            "test", test=report.nodeid, when=report.when, outcome=report.outcome, expected_failure=expected
        )

    def pytest_collectreport(self, report: Any) -> None:
        """Only what went wrong, or was skipped as a whole."""
        if report.outcome != "passed":
            self.write("collect", test=report.nodeid, outcome=report.outcome)

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        """The innermost line of the workspace that an exception passed through."""
        error = call.excinfo.value
        place = self.place(error.__cause__ or error) or self.place(error)
        if place is not None:
            path, line = place
            message = f"{type(error.__cause__ or error).__name__}: {error.__cause__ or error}"
            self.write("place", test=report.nodeid, path=path, line=line, message=message[:500])

    def enter(self, nodeid: str) -> None:
        """Attribute what is executed from here on to the test file of this node, or to the test itself."""
        file = nodeid.partition("::")[0]
        context = nodeid if self.by_test else file
        if self.coverage is not None and file.endswith(".py") and context != self.context:
            self.context = context
            self.coverage.switch_context(context)

    def place(self, error: BaseException) -> tuple[str, int] | None:
        """(relative path, 0-based line), or None where no line of the workspace is part of it."""
        found = None
        trace = error.__traceback__
        while trace is not None:
            path = self.relative(trace.tb_frame.f_code.co_filename)
            found = (path, trace.tb_lineno - 1) if path else found
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.filename and self.relative(error.filename):
            found = (self.relative(error.filename), (error.lineno or 1) - 1)
        return found

    def relative(self, path: str) -> str:
        """The path below the root, or "" where it is elsewhere or belongs to an environment in it."""
        real = os.path.realpath(path)
        inside = real.startswith(self.root + os.sep) and "site-packages" not in real
        return os.path.relpath(real, self.root) if inside else ""


def outside(root: str) -> list[list[str]]:
    """Modules that came from neither the root, nor the interpreter, nor its packages."""
    known = {root, sys.prefix, sys.base_prefix, *site.getsitepackages(), *sysconfig.get_paths().values()}
    known.add(str(Path(__file__).parent))
    prefixes = tuple(os.path.realpath(path) + os.sep for path in known if path)
    found: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or not Path(path).exists():
            continue
        real = os.path.realpath(path)
        if not real.startswith(prefixes) and "site-packages" not in real and "dist-packages" not in real:
            found.setdefault(name.split(".")[0], real)
    return [[name, path] for name, path in sorted(found.items())][:50]


def start_coverage(root: str, directory: str) -> Any:
    """A running measurement with settings of our own, or None where coverage cannot be imported."""
    try:
        from coverage import Coverage
    except ImportError:
        return None
    with knowing_contexts():
        measured = Coverage(
            data_file=str(Path(directory) / "coverage.data"),
            config_file=False,
            source=[root],
            omit=[*_TESTS, *_FOREIGN],
            messages=False,
        )
        measured.set_option("report:include_namespace_packages", True)  # `src` itself is no package
        measured.start()
    return measured


@contextlib.contextmanager
def knowing_contexts() -> Any:
    """Choose a way of measuring that tells which test executed a line: the newest Pythons' own does not."""
    name = "COVERAGE_CORE"
    chosen = {} if name in os.environ else {name: "ctrace" if find_spec("coverage.tracer") else "pytrace"}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for each in chosen:  # the workspace's code has no business with it
            del os.environ[each]


def coverage_event(measured: Any, directory: str, contexts: list[str] | None) -> dict[str, Any]:
    """The `coverage` event's fields; empty where nothing was measured.

    `test_lines` is about the files named in `contexts` only: of all it would fill a disk.
    """
    report = Path(directory) / "coverage.json"
    try:
        measured.stop()
        measured.json_report(outfile=str(report), ignore_errors=True)
        files = json.loads(report.read_text(encoding="utf-8"))
    except Exception as error:
        print(f"coverage: {error}", file=sys.stderr)
        return {}
    found: dict[str, Any] = {name: {} for name in ("lines", "statements", "excluded", "tests", "test_lines")}
    for path, entry in files["files"].items():
        found["statements"][path] = sorted(entry["executed_lines"] + entry["missing_lines"])
        if entry["excluded_lines"]:
            found["excluded"][path] = entry["excluded_lines"]
        if entry["executed_lines"]:
            found["lines"][path] = entry["executed_lines"]
            by_line = measured.get_data().contexts_by_lineno(os.path.realpath(path))
            known = {context for line in by_line.values() for context in line if context}
            found["tests"][path] = sorted({context.partition("::")[0] for context in known})
            for line, names in by_line.items() if path in (contexts or ()) else ():
                for name in names:
                    if "::" in name:
                        found["test_lines"].setdefault(name, {}).setdefault(path, []).append(line)
    return {"percent": files["totals"]["percent_covered"], **found}


def main(spec: dict[str, Any]) -> int:
    """Run as the specification says (`pytest_run._spec`) and return pytest's exit code."""
    root = spec["root"]
    os.chdir(root)
    sys.path[0] = root  # as `python -m pytest` does
    if spec["lent_version"] == list(sys.version_info[:2]):
        sys.meta_path.append(Lent(spec["lent"], spec["lent_names"]))  # pyright: ignore
    with Path(spec["record"]).open("a", encoding="utf-8") as record:
        recorder = Recorder(spec, record)
        try:
            import pytest
        except ImportError as error:
            recorder.write("unable", why=f"{sys.executable} has no pytest ({error})")
            return 4
        # before pytest-cov reads its options, whatever order the plugins were loaded in
        pytest.hookimpl(hookwrapper=True)(Recorder.pytest_load_initial_conftests)
        if spec["mutants"]:
            return mutating(spec).try_all(recorder, spec, pytest.main)
        if spec["coverage"]:
            recorder.coverage = start_coverage(root, spec["directory"])
        code = int(pytest.main([*spec["args"], *spec["tests"]], plugins=[recorder]))
        os.chdir(root)
        if recorder.coverage is not None:
            measured = coverage_event(recorder.coverage, spec["directory"], spec["contexts"])
            recorder.write("coverage", **measured)
        recorder.write("outside", modules=outside(root))
        recorder.write("exit", code=code)
        return code


def mutating(spec: dict[str, Any]) -> Any:
    """`pytest_mutants`, which was copied beside this file; no name that the workspace could take."""
    place = str(Path(spec["directory"]) / "pytest_mutants.py")
    found: Any = spec_from_file_location("nexus_pytest_mutants", place)
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
