"""A plan without a model: the request is read by rules anyone can follow, and matched with the repository.

Three steps, top to bottom in this file: what is wanted (`read_wishes`), where (`find_scope`), and the graph
of tasks for a team that can do it (`builtin_plan`).

**Invariant:** a plan never promises what the team cannot do; what it cannot do is said in the plan's summary.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal

from nexus_lsp.core.plan import Plan, Task, TaskType
from nexus_lsp.core.repo_map import LANGUAGES, PROSE_AND_DATA, File, is_test, language, languages, own

ARIA, CODE, ALPHA, BETA = "aria_coordinator", "code_developer", "alpha_test_creator", "beta_test_validator"

Wish = Literal["fix", "repair", "build", "docs", "test", "review", "validate", "question"]

MAX_PARALLEL = 4
"""Instances of one persona in one plan; as many as work at once by default (`Settings.max_agents`)."""

SPLIT_FROM = 8
"""Python files from which on the work of one persona is split by package."""

MODULES_A_TASK = 8
"""Modules one test-writing task takes on: each is imported, tested and mutated, which takes its time."""

# --- what is wanted ----------------------------------------------------------------------------------

_VERBS: tuple[tuple[Wish, str], ...] = (
    ("fix", r"fix|lint|clean|tidy|format|reformat|moderni[sz]e|autofix|polish|sort"),
    ("repair", r"repair|debug|solve|resolve|mend|diagnose"),
    ("test", r"test|cover"),
    ("review", r"review|analy[sz]e|audit|inspect|assess|examine|scan|investigate|find|look"),
    ("validate", r"run|validate|check|verify|execute|measure"),
    ("docs", r"document"),
    (
        "build",
        r"build|add|implement|create|develop|write|generate|introduce|support|integrate|migrate|refactor",
    ),
    ("build", r"rename|rewrite|port|extend|replace|optimi[sz]e|make|convert|change|remove|delete|move|split"),
    ("build", r"improve|increase|raise|update|upgrade|reduce|design|set up|enable|allow|let|use|speed up"),
)
_QUESTION = re.compile(
    r"(what|why|how|explain|describe|summari[sz]e|tell me)\b"
    r"|(where|which|who|when|is|are|does|do|should|has)\b.*\?"
)
_POLITE = re.compile(
    r"^(please|kindly|now|also|first|finally|can you|could you|would you|i want( you)? to|i want|i need"
    r"|we need to|we need|let'?s|help me( to)?|you should)\s+"
)
_NEGATED = re.compile(r"\b(do not|don'?t|dont|without|no|never|skip|leave out|not)\b")
_TESTS = re.compile(r"\b(tests?|testing|coverage|untested|test suite|unit tests?)\b")
_LINT = re.compile(
    r"\b(lint\w*|format\w*|style|pep ?8|ruff|imports?|warnings?|unused|dead code|syntax|quality)\b"
)
_DOCS = re.compile(r"\b(docs?|documentation|docstrings?|readme|comments?|changelog|tutorial)\b")
_REVIEW = re.compile(
    r"\b(security|vulnerabilit\w+|complexity|structure|architecture|risks?|problems?|smells?|issues?|bottlenecks?)\b"
)
_DEFECT = re.compile(
    r"\b(bugs?|crash\w*|fail\w*|broken|exceptions?|tracebacks?|race|leaks?|deadlock|regressions?|wrong|defect|hangs?"
    r"|vulnerabilit\w+|(unit |integration )?tests?)\b"
)
_CLAUSE = re.compile(r"[;\n:!]|,\s|\.(?:\s|$)|\band\b|\bthen\b|\bbut\b|&")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request asks for, and what it asks to leave out ("but write no tests")."""

    wanted: tuple[Wish, ...]
    unwanted: frozenset[Wish] = frozenset()

    def any(self, *wishes: Wish) -> bool:
        """Whether one of these is wanted."""
        return any(wish in self.wanted for wish in wishes)


def read_wishes(request: str, notes: Sequence[str] = ()) -> Wishes:
    """Each clause gives at most one wish, by its first verb and then its object.

    Paths are taken out first (`src/build/run.py` is no verb). From notes (why a plan was rejected, say) only
    what they forbid counts. A request that no rule understands is taken as something to build.
    """
    wanted: list[Wish] = []
    unwanted: set[Wish] = set()
    for at, text in enumerate((request, *notes)):
        for clause in _clauses(text):
            negated, wish = _clause_wish(clause)
            if wish and negated:
                unwanted.add(wish)
            elif wish and at == 0 and wish not in wanted:
                wanted.append(wish)
    kept: list[Wish] = [wish for wish in wanted if wish not in unwanted]
    fallback: Wish = "question" if request.strip().endswith("?") else "build"
    return Wishes(tuple(kept or wanted or (fallback,)), frozenset(unwanted))


def _clauses(text: str) -> list[str]:
    words = [" " if _looks_like_path(word) else word for word in text.split(" ")]
    found = (clause.strip().lower() for clause in _CLAUSE.split(" ".join(words)))
    return [clause for clause in found if clause]


def _looks_like_path(word: str) -> bool:
    bare = word.strip("`'\"(),:;!?").rstrip(".")
    ending = bare.rpartition(".")[2].lower()
    return "/" in bare or "*" in bare or "_" in bare or ("." in bare and ending in LANGUAGES)


def _clause_wish(clause: str) -> tuple[bool, Wish | None]:
    """(negated, wish)."""
    while (shorter := _POLITE.sub("", clause)) != clause:
        clause = shorter
    negation = _NEGATED.search(clause)
    if negation:
        return True, _forbidden(clause[negation.end() :].strip())
    if _QUESTION.match(clause):
        return False, "question"
    return False, _wish(clause)


def _forbidden(rest: str) -> Wish | None:
    """What "no new tests" or "don't run anything" forbids; "don't break the tests" forbids nothing."""
    verb, _ = _first_verb(rest)
    if verb:
        return _wish(rest)
    bare = re.match(r"(?:(?:any|new|more|extra|unit|the)\s+)*(tests?|review|analysis|validation)\b", rest)
    nouns: dict[str, Wish] = {"review": "review", "analysis": "review", "validation": "validate"}
    return nouns.get(bare[1], "test") if bare else None


def _wish(clause: str) -> Wish | None:
    verb, rest = _first_verb(clause)
    if verb is None:
        return _noun_wish(clause)
    match verb:
        case "build":
            return _built_thing(clause.removesuffix(rest), rest)
        case "fix" | "repair":
            linting = verb == "fix" and (_LINT.search(rest) or not _DEFECT.search(rest))
            return "fix" if linting else "repair"
        case "validate" | "review":
            return _looked_at(verb, rest)
        case _:
            return verb


def _first_verb(clause: str) -> tuple[Wish | None, str]:
    """The wish of the verb that stands first, and what follows it."""
    hits: list[tuple[re.Match[str], Wish]] = [
        (hit, wish) for wish, verbs in _VERBS if (hit := _verb(verbs, clause))
    ]
    if not hits:
        return None, clause
    hit, wish = min(hits, key=lambda found: found[0].start())
    return wish, clause[hit.end() :]


def _verb(verbs: str, clause: str) -> re.Match[str] | None:
    # "the tests", "a format option": after an article or adjective it is a noun, not a verb.
    return re.search(
        rf"(?<!the )(?<!a )(?<!an )(?<!our )(?<!unit )(?<!failing )\b(?:{verbs})(?:ing)?\b", clause
    )


def _built_thing(verb: str, thing: str) -> Wish:
    if re.search(r"\bpass\b|\bwork again\b", thing):
        return "repair"
    for pattern, wish in _THINGS:
        # "Remove unused imports" is tidying; "add a date format" is not.
        if pattern.match(thing) and (wish != "fix" or _TIDYING.search(verb)):
            return wish
    return "build"


_TIDYING = re.compile(r"\b(improve|increase|raise|reduce|remove|delete|update|upgrade)$")
_SMALL_WORDS = r"\s*(?:(?!for\b|to\b|with\b|in\b|that\b|which\b|of\b)[\w-]+\s+){0,4}?"
_THINGS: tuple[tuple[re.Pattern[str], Wish], ...] = (
    (re.compile(_SMALL_WORDS + _TESTS.pattern), "test"),
    (re.compile(_SMALL_WORDS + _DOCS.pattern), "docs"),
    (re.compile(_SMALL_WORDS + _LINT.pattern), "fix"),
)
"""What is built, when it stands within five words of the verb and before any "for", "to", "with" …"""


def _looked_at(verb: Wish, thing: str) -> Wish:
    if verb == "validate" and not _TESTS.search(thing) and (_REVIEW.search(thing) or _LINT.search(thing)):
        return "review"
    return verb


def _noun_wish(clause: str) -> Wish | None:
    table: tuple[tuple[re.Pattern[str], Wish], ...] = (
        (_REVIEW, "review"),
        (_TESTS, "test"),
        (_LINT, "fix"),
        (_DOCS, "docs"),
        (_DEFECT, "repair"),
    )
    return next((wish for pattern, wish in table if pattern.search(clause)), None)


# --- where -------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[`'\"]?([\w.*?\[\]/@+-]*[\w*\]/])[`'\"]?")
_EVERYTHING = re.compile(r"\b(whole|entire|everything|all files|every file|all modules|codebase|code base)\b")
_EXCEPT = re.compile(
    r"\b(except|excluding|exclude|ignore|ignoring|apart from|but not|not in|leave|don'?t touch)\b"
)
_TOO_COMMON = frozenset({
    "test", "tests", "docs", "src", "lib", "app", "main", "code", "init", "index", "package", "module",
    "the", "file", "files", "run", "check", "build", "format", "lint", "review", "fix", "security",
    "coverage", "and",
})  # fmt: skip
"""Words that name a file or directory only when quoted or written as a path."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the work is.

    Attributes:
        files: the project's own files the work is about.
        named: the places the request named and that exist, each with its files (`billing/` -> …).
        left_out: the places the request excepts.
        missing: paths in the request that nothing answers to: mistyped, or yet to be made.
        symbols: quoted names in the request that are no path: functions, classes.
    """

    files: tuple[File, ...]
    named: tuple[tuple[str, tuple[File, ...]], ...] = ()
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


def find_scope(request: str, files: Sequence[File], focus: Sequence[str] = ()) -> Scope:
    """Paths, directories, globs, modules and languages named in the request; else the focus; else all."""
    mine = tuple(sorted(file for file in files if own(file[0])))
    index = _Index.of(mine, files)
    named: dict[str, tuple[File, ...]] = {}
    left_out: dict[str, tuple[File, ...]] = {}
    missing: list[str] = []
    symbols: list[str] = []
    for hit in _TOKEN.finditer(request):
        place, found = index.find(hit.group(1), quoted=hit.group(0) != hit.group(1))
        if found and _EXCEPT.search(_CLAUSE.split(request[: hit.start()].lower())[-1]):
            left_out[place] = found
        elif found:
            named[place] = found
        elif "/" in hit.group(1) or language(hit.group(1)) != "other":
            missing.append(hit.group(1))
        elif hit.group(0) != hit.group(1) or "_" in hit.group(1):
            symbols.append(hit.group(1))
    barred = {path for found in left_out.values() for path, _ in found}
    places = tuple((place, _without(found, barred)) for place, found in _outermost(named).items())
    chosen = {file for _, found in places for file in found} or _focused(request, mine, focus) or set(mine)
    kept = _of_language(request, _without(sorted(chosen), barred))
    return Scope(kept, places, tuple(left_out), tuple(dict.fromkeys(missing)), tuple(dict.fromkeys(symbols)))


def _without(files: Iterable[File], barred: Collection[str]) -> tuple[File, ...]:
    return tuple(file for file in files if file[0] not in barred)


def _outermost(named: dict[str, tuple[File, ...]]) -> dict[str, tuple[File, ...]]:
    """Places that lie in no other named place: `billing/` swallows `billing/invoice.py`."""
    sets = {place: set(found) for place, found in named.items()}
    return {
        place: found
        for place, found in named.items()
        if not any(sets[place] < other for name, other in sets.items() if name != place)
    }


def _focused(request: str, mine: Sequence[File], focus: Sequence[str]) -> set[File]:
    if _EVERYTHING.search(request.lower()):
        return set()
    return {file for file in mine if any(_inside(file[0], place) for place in focus)}


def _inside(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


def _of_language(request: str, files: tuple[File, ...]) -> tuple[File, ...]:
    """Only the languages the request names, where it names one that is there ("the Python code")."""
    words = set(re.findall(r"[\w#+]+", request.lower()))
    spoken = {
        name for name in set(LANGUAGES.values()) - PROSE_AND_DATA if len(name) > 2 and name.lower() in words
    }
    return tuple(file for file in files if language(file[0]) in spoken) or files


@dataclass(slots=True)
class _Index:
    """Files by every name a request may call them."""

    files: tuple[File, ...]
    paths: dict[str, File] = field(default_factory=dict[str, File])
    dirs: dict[str, list[File]] = field(default_factory=dict[str, "list[File]"])
    names: dict[str, list[File]] = field(default_factory=dict[str, "list[File]"])
    stems: dict[str, list[File]] = field(default_factory=dict[str, "list[File]"])
    leaves: dict[str, set[str]] = field(default_factory=dict[str, "set[str]"])

    @staticmethod
    def of(files: tuple[File, ...], everything: Sequence[File]) -> _Index:
        """Read every path once. Foreign files are found by their whole path only."""
        index = _Index(files, {file[0]: file for file in everything})
        for file in files:
            *parts, name = file[0].split("/")
            index.names.setdefault(name, []).append(file)
            index.stems.setdefault(_folded(name.partition(".")[0]), []).append(file)
            for depth in range(1, len(parts) + 1):
                path = "/".join(parts[:depth])
                index.dirs.setdefault(path, []).append(file)
                index.leaves.setdefault(_folded(parts[depth - 1]), set()).add(path)
        return index

    def find(self, token: str, quoted: bool) -> tuple[str, tuple[File, ...]]:
        """(place, files), or ("", ()); the place is a path, a directory with a slash, or a glob."""
        token = token.partition("::")[0].removeprefix("./").rstrip(".")
        if "*" in token or "?" in token:
            return token, tuple(file for file in self.files if fnmatchcase(file[0], token))
        for name in (token.rstrip("/"), token.replace(".", "/") + ".py", token.replace(".", "/")):
            if name in self.paths:
                return name, (self.paths[name],)
            if name in self.dirs and ("/" in token or quoted or name.lower() not in _TOO_COMMON):
                return name + "/", tuple(self.dirs[name])
        return self._by_tail(token, quoted)

    def _by_tail(self, token: str, quoted: bool) -> tuple[str, tuple[File, ...]]:
        """A path's end (`core/plan.py`), a bare name (`plan.py`, `billing`) or a dotted symbol's module."""
        if "/" in token:
            tail = "/" + token.strip("/")
            if dirs := [path for path in self.dirs if path.endswith(tail)]:
                inside = {file for path in dirs for file in self.dirs[path]}
                return (dirs[0] if len(dirs) == 1 else tail[1:]) + "/", tuple(sorted(inside))
            return _unambiguous([file for file in self.files if file[0].endswith(tail)])
        if token in self.names:
            return _unambiguous(self.names[token])
        if "." in token:
            outer = token.rpartition(".")[0]
            return self.find(outer, quoted) if outer and not outer.endswith(".") else ("", ())
        return self._by_word(token, quoted)

    def _by_word(self, word: str, quoted: bool) -> tuple[str, tuple[File, ...]]:
        folded = _folded(word)
        if len(folded) < 3 or (not quoted and word.lower() in _TOO_COMMON):
            return "", ()
        dirs = self.leaves.get(folded, set())
        if len(dirs) == 1:
            place = next(iter(dirs))
            return place + "/", tuple(self.dirs[place])
        # README and CHANGELOG, written so, are files; "guide" or "data" are words.
        found = self.stems.get(folded, [])
        return _unambiguous([f for f in found if word.isupper() or language(f[0]) not in PROSE_AND_DATA])


def _folded(name: str) -> str:
    """`PaymentGateway`, `payment_gateway` and `payment-gateway` are one name."""
    return re.sub(r"[_-]", "", name).lower()


def _unambiguous(found: Sequence[File]) -> tuple[str, tuple[File, ...]]:
    return (found[0][0], (found[0],)) if len(found) == 1 else ("", ())


# --- the graph ---------------------------------------------------------------------------------------

_NEEDS_CLAUDE = "(sign in with `claude` or set ANTHROPIC_API_KEY, then choose the team `claude`)"


@dataclass(frozen=True, slots=True)
class _Unit:
    """A part of the scope for one task: its name, a key for ids, its files, and globs for just these."""

    name: str
    key: str
    files: tuple[File, ...]
    globs: tuple[str, ...]


@dataclass(frozen=True)
class _Job:
    """What the graph is made from. Without slots, so that what is asked for often is found once."""

    request: str
    wishes: Wishes
    scope: Scope
    repo: tuple[File, ...]

    @cached_property
    def python(self) -> tuple[File, ...]:
        """Python files in scope."""
        return tuple(file for file in self.scope.files if language(file[0]) == "Python")

    @cached_property
    def tests(self) -> tuple[File, ...]:
        """All test files of the repository that the local team can run."""
        return tuple(
            f for f in self.repo if language(f[0]) == "Python" and is_test(f[0]) and _holds_tests(f[0])
        )

    @property
    def where(self) -> str:
        """The scope in a few words."""
        scope, all_ = self.scope, len(self.repo)
        if scope.named:
            text = _listed([place for place, _ in scope.named])
        elif len(scope.files) == all_:
            text = f"the whole repository ({all_:,} files)"
        elif len(scope.files) <= 3:
            text = _listed([path for path, _ in scope.files])
        else:
            text = f"{len(scope.files):,} of the repository's {all_:,} files"
        return f"{text}, leaving out {_listed(scope.left_out)}" if scope.left_out else text

    @property
    def listed(self) -> tuple[File, ...]:
        """The files in scope, where it is worth listing them: all of them need no list."""
        return self.scope.files if len(self.scope.files) < len(self.repo) else ()


def builtin_plan(
    request: str,
    files: Sequence[File],
    *,
    agents: Collection[str],
    team: str,
    focus: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Plan:
    """A plan the team can carry out; ValueError where none of the four known personas is among `agents`.

    Tasks of personas that are not there, and what the user does not want, are left out.
    """
    repo = tuple(sorted(file for file in files if own(file[0])))
    job = _Job(request, read_wishes(request, notes), find_scope(request, files, focus), repo)
    tasks, summary = _claude(job) if team == "claude" else _local(job)
    kept = _only(tasks, set(agents) - _unwanted_agents(job.wishes)) or _only(tasks, agents)
    if not kept:
        raise ValueError("none of the personas this work needs is there")
    return Plan(summary, kept)


def _unwanted_agents(wishes: Wishes) -> set[str]:
    roles: dict[Wish, str] = {"test": ALPHA, "validate": BETA, "review": ARIA}
    return {agent for wish, agent in roles.items() if wish in wishes.unwanted}


def _only(tasks: Sequence[Task], agents: Collection[str]) -> tuple[Task, ...]:
    """These agents' tasks; who waited for one that is left out waits for what that one waited for."""
    by_id = {task.id: task for task in tasks}

    def kept(needed: Iterable[str]) -> list[str]:
        found: list[str] = []
        for name in needed:
            found += [name] if by_id[name].agent in agents else kept(by_id[name].depends_on)
        return list(dict.fromkeys(found))

    return tuple(replace(t, depends_on=tuple(kept(t.depends_on))) for t in tasks if t.agent in agents)


# --- the local team ----------------------------------------------------------------------------------


def _local(job: _Job) -> tuple[list[Task], str]:
    """Only what ruff, a test generator, pytest, coverage and static analysis can do, and only for Python."""
    if job.scope.missing and not job.scope.named and job.wishes.any("fix", "test"):
        return [_local_analysis(job)], _nothing_there(job)
    if not job.python:
        return [_local_analysis(job)], _no_python(job)
    wishes, tasks = job.wishes, list[Task]()
    invention = wishes.any("build", "repair", "docs")
    if invention or wishes.any("review", "question"):
        tasks.append(_local_analysis(job))
    units = _units(job.python, job.repo, job.scope.named) if wishes.any("fix") else []
    fixes = _numbered([_local_fix(unit) for unit in units])
    tasks += fixes
    # Before something is built by hand or by another team, tests that pin what is there are worth having;
    # but only where the request says what is going to change.
    if wishes.any("test") or (wishes.any("build") and job.scope.named):
        tasks += _numbered(_local_tests(job, dict(zip((task.id for task in fixes), units, strict=True))))
    if _validates(job, tasks):
        tasks.append(_local_validation(job, tasks))
    return tasks, _local_summary(job, tasks)


def _validates(job: _Job, tasks: Sequence[Task]) -> bool:
    writes = any(task.agent in (CODE, ALPHA) for task in tasks)
    return (
        job.wishes.any("validate")
        or (bool(job.tests) and (writes or job.wishes.any("build", "repair")))
        or any(task.agent == ALPHA for task in tasks)
    )


def _local_analysis(job: _Job) -> Task:
    goal = "Report structure, complexity and security findings."
    if job.wishes.any("build"):
        goal = (
            "Say which modules the request touches, how complex and how safe they are, and what is missing."
        )
    elif job.wishes.any("repair"):
        goal = "Report where complexity and security findings point at the defect's likely place."
    elif job.wishes.any("docs"):
        goal = "Report the structure, and which public modules, classes and functions have no docstring."
    kinds = languages(path for path, _ in job.scope.files)
    if not job.python:
        spoken = ", ".join(name for name, _ in kinds if name not in PROSE_AND_DATA) or "no source code"
        goal = (
            f"Report the structure: sizes and languages ({spoken}). The local tools read only Python closely."
        )
    return _task(
        ARIA, "analysis", "analyse", f"Analyse {job.where}", goal, job.listed and (job.python or job.listed)
    )


def _local_fix(unit: _Unit) -> Task:
    return _task(
        CODE,
        "implementation",
        _id("fix", unit),
        f"Apply safe fixes in {unit.name}",
        "Apply ruff's safe automatic fixes and import order; leave behaviour as it is.",
        (),
        writes=unit.globs,
        acceptance=(
            "Ruff reports fewer findings than before, and no new ones.",
            "No test that passed fails.",
        ),
    )


def _local_tests(job: _Job, fixes: Mapping[str, _Unit]) -> list[Task]:
    """Test-writing tasks, each after the fixes (by task id) of the modules it covers."""
    chosen, left = _modules_to_test(job)
    tasks: list[Task] = []
    for unit in _units(chosen, job.repo, ()):
        after = tuple(name for name, fixed in fixes.items() if not set(fixed.files).isdisjoint(unit.files))
        more = f" {left} more modules wait for another run." if left else ""
        tasks.append(
            _task(
                ALPHA,
                "test",
                _id("tests", unit),
                f"Write tests for {unit.name}",
                "Generate property and regression tests; keep those that pass now and fail on a mutant."
                + more,
                unit.files,
                depends_on=after,
                writes=tuple(dict.fromkeys(_test_glob(path, job.tests) for path, _ in unit.files)),
                acceptance=("Every kept test passes, and fails when the code it covers is broken.",),
            )
        )
    return tasks


def _modules_to_test(job: _Job) -> tuple[tuple[File, ...], int]:
    """(modules worth generating tests for, how many wait for later): untested first, then large ones."""
    tested = {_folded(path.rpartition("/")[2]) for path, _ in job.tests}
    modules = [file for file in job.python if file[1] > 0 and _testable(file[0])]
    modules.sort(key=lambda f: (f"test{_folded(f[0].rpartition('/')[2])}" in tested, -f[1], f[0]))
    most = MAX_PARALLEL * MODULES_A_TASK
    return tuple(sorted(modules[:most])), max(0, len(modules) - most)


def _testable(path: str) -> bool:
    name = path.rpartition("/")[2]
    scripts = ("setup.py", "manage.py", "noxfile.py", "conf.py", "__main__.py", "__init__.py", "_version.py")
    return path.endswith(".py") and not is_test(path) and name not in scripts


def _local_validation(job: _Job, tasks: Sequence[Task]) -> Task:
    goal = "Run the tests with coverage and report failures and what is not covered."
    if not job.tests and not any(task.agent == ALPHA for task in tasks):
        goal = "Report that there are no Python tests to run, and what static checks say."
    after = tuple(task.id for task in tasks if task.agent in (CODE, ALPHA))
    title = "Run the tests" if not after else "Validate the changes"
    return _task(BETA, "validation", "validate", title, goal, job.listed, depends_on=after)


def _local_summary(job: _Job, tasks: Sequence[Task]) -> str:
    does = {
        CODE: "apply safe automatic fixes",
        ALPHA: "write tests",
        BETA: "run the tests with coverage",
        ARIA: "analyse the code",
    }
    there = [does[agent] for agent in (ARIA, CODE, ALPHA, BETA) if any(task.agent == agent for task in tasks)]
    summary = f"{_sentence(there)} in {job.where}."
    beyond = [what for wish, what in _BEYOND_LOCAL if job.wishes.any(wish)]
    if beyond:
        summary += f" The local tools cannot {_joined(beyond)}: that needs Claude Code {_NEEDS_CLAUDE}."
    if job.wishes.any("test") and not any(task.agent == ALPHA for task in tasks):
        summary += " There is no module here that tests could be generated for."
    if job.scope.missing:
        summary += f" Not found: {_listed(job.scope.missing)}."
    return summary


_BEYOND_LOCAL: tuple[tuple[Wish, str], ...] = (
    ("build", "invent or restructure code"),
    ("repair", "find and mend a defect"),
    ("docs", "write documentation"),
    ("question", "answer a question in words"),
)


def _nothing_there(job: _Job) -> str:
    names = _listed([f"`{name}`" for name in job.scope.missing])
    return (
        f"The request names {names}, which is not in this repository; nothing is changed. "
        f"Analyse {job.where} instead. Name a path that exists to have it fixed or tested."
    )


def _no_python(job: _Job) -> str:
    kinds = [name for name, _ in languages(path for path, _ in job.scope.files) if name not in PROSE_AND_DATA]
    what = f"only {_listed(kinds)}" if kinds else "no source code"
    summary = f"Analyse {job.where}: the local tools know only Python, and there is {what} here."
    if job.wishes.any("fix", "repair", "build", "docs", "test", "validate"):
        summary += f" Changing, testing or running it needs Claude Code {_NEEDS_CLAUDE}."
    return summary


# --- a team of Claude Code agents --------------------------------------------------------------------


def _claude(job: _Job) -> tuple[list[Task], str]:
    wishes = job.wishes
    tasks: list[Task] = []
    if wishes.any("question", "review") or (wishes.any("build", "repair") and not _small(job)):
        tasks.append(_claude_analysis(job))
    before = tuple(task.id for task in tasks)
    if wishes.any("build", "repair", "fix", "docs"):
        tasks += _numbered([_claude_code(job, unit, before) for unit in _claude_units(job)])
    if wishes.any("build", "repair", "test"):
        tasks += _numbered([_claude_tests(job, unit, before) for unit in _test_units(job)])
    if wishes.any("validate", "test", "fix", "build", "repair"):
        tasks.append(_claude_validation(job, tasks))
    return tasks, _claude_summary(job, tasks)


def _claude_summary(job: _Job, tasks: Sequence[Task]) -> str:
    verb, _ = _code_words(job)
    does = {
        ARIA: "answer the question" if job.wishes.wanted == ("question",) else "analyse",
        CODE: verb.lower(),
        ALPHA: "write tests",
        BETA: "validate",
    }
    said = [does[agent] for agent in (ARIA, CODE, ALPHA, BETA) if any(task.agent == agent for task in tasks)]
    missing = f" Not there yet: {_listed(job.scope.missing)}." if job.scope.missing else ""
    return f"{_sentence(said)}: {job.where}.{missing}"


def _small(job: _Job) -> bool:
    return len(job.request.split()) <= 12 and len(job.scope.files) == 1 and bool(job.scope.named)


_WHOLE = _Unit("what the request asks for", "", (), ())


def _claude_units(job: _Job) -> list[_Unit]:
    """One unit for each place the request names; else one without known files."""
    if job.scope.named:
        units = [
            _Unit(place, _key(files), files, (_place_glob(place),))
            for place, files in job.scope.named
            if files
        ]
        if 0 < len(units) <= MAX_PARALLEL:
            return units
    return [_WHOLE]


def _test_units(job: _Job) -> list[_Unit]:
    # Where code is written at the same time, one tester sees the whole; tests alone can be split.
    return _claude_units(job) if job.wishes.wanted == ("test",) else [_WHOLE]


def _place_glob(place: str) -> str:
    return place + "*" if place.endswith("/") else place


def _claude_analysis(job: _Job) -> Task:
    goal = "Read the code the request is about and report findings with file and line; change nothing."
    if job.wishes.any("build"):
        goal = "Settle the requirements, the design, the interfaces others work against, and the risks."
    elif job.wishes.any("repair"):
        goal = "Reproduce the defect by reading, name its cause with file and line, and say how to mend it."
    elif job.wishes.any("question"):
        goal = "Answer the question from the code, with file and line; change nothing."
    return _task(ARIA, "analysis", "analyse", f"Analyse {job.where}", _quoting(goal, job), job.listed)


def _claude_code(job: _Job, unit: _Unit, before: tuple[str, ...]) -> Task:
    verb, goal = _code_words(job)
    tests = " Leave tests to Alpha." if job.wishes.any("build", "repair", "test") else ""
    return _task(
        CODE,
        "implementation",
        _id("code", unit),
        f"{verb} {unit.name}",
        _quoting(goal + tests, job),
        unit.files,
        depends_on=before,
        writes=unit.globs,
        acceptance=("The request is met for these files.", "Nothing outside them is changed without need."),
    )


def _code_words(job: _Job) -> tuple[str, str]:
    """(verb, goal) of Code's task: the largest thing that is asked for."""
    if job.wishes.any("build"):
        return "Implement", "Carry out the request in production code, following the project's own style."
    if job.wishes.any("repair"):
        return "Mend", "Mend the cause, not the symptom, with the smallest change that does."
    if job.wishes.any("fix"):
        return "Clean up", "Fix what the request names; keep behaviour as it is."
    return "Document", "Write the documentation the request asks for, checked against the code."


def _claude_tests(job: _Job, unit: _Unit, before: tuple[str, ...]) -> Task:
    goal = "Write tests for what the request names: the usual case, the edges and the errors."
    if job.wishes.any("repair"):
        goal = "Write a regression test that fails while the defect is there."
    elif job.wishes.any("build"):
        goal = (
            "Design and write tests against the interfaces the analysis settled, while Code implements them."
        )
    files = unit.files or job.scope.files
    places = dict.fromkeys(f"{_test_place(path, job.repo)}/*" for path, _ in files if not is_test(path))
    return _task(
        ALPHA,
        "test",
        _id("tests", unit),
        f"Write tests for {unit.name}",
        _quoting(goal, job),
        unit.files,
        depends_on=before,
        writes=tuple(places)[:6],
        acceptance=("Each test fails when the behaviour it names is broken.",),
    )


def _claude_validation(job: _Job, tasks: Sequence[Task]) -> Task:
    goal = "Run the project's tests and checks, and report what fails and why."
    after = tuple(task.id for task in tasks if task.agent in (CODE, ALPHA))
    if after:
        goal = "Run the project's tests and checks on the joined work; mend what this run broke, and report."
    title = "Validate the joined work" if after else f"Run the checks of {job.where}"
    return _task(BETA, "validation", "validate", title, _quoting(goal, job), (), depends_on=after)


def _quoting(goal: str, job: _Job) -> str:
    unresolved = [f"`{name}`" for name in (*job.scope.missing, *job.scope.symbols)]
    names = f" The request names {_listed(unresolved)}." if unresolved else ""
    return f"{goal} Scope: {job.where}.{names}"


# --- splitting work ----------------------------------------------------------------------------------


def _units(
    files: tuple[File, ...], repo: tuple[File, ...], named: Sequence[tuple[str, tuple[File, ...]]]
) -> list[_Unit]:
    """At most MAX_PARALLEL disjoint parts, by named place or by directory, of about the same size."""
    if not files:
        return []
    wanted, seen = set(files), set[File]()
    parts: list[tuple[File, ...]] = []
    for _, found in named:
        parts.append(tuple(file for file in found if file in wanted and file not in seen))
        seen.update(found)
    parts = [part for part in parts if part]
    if len(parts) < 2:
        parts = _by_directory(files)
    return [_unit(part, repo) for part in _balanced(parts)]


def _by_directory(files: tuple[File, ...]) -> list[tuple[File, ...]]:
    """Open the largest directory until there are enough parts or no part is large."""
    parts = [files]
    while len(parts) < MAX_PARALLEL:
        largest = max(parts, key=len)
        pieces = _pieces(largest)
        if len(pieces) < 2:
            return parts
        parts = [part for part in parts if part is not largest] + pieces
    return parts


def _pieces(files: tuple[File, ...]) -> list[tuple[File, ...]]:
    """By directory; a flat directory of many files in halves; a small part stays whole (no pieces)."""
    if len(files) < SPLIT_FROM:
        return []
    opened = _opened(files)
    while len(opened) == 1 and len(_common(opened[0])) > len(_common(files)):
        files, opened = opened[0], _opened(opened[0])
    if len(opened) > 1 or len(files) < 2 * SPLIT_FROM:
        return opened
    half = len(files) // 2
    return [files[:half], files[half:]]


def _opened(files: tuple[File, ...]) -> list[tuple[File, ...]]:
    """By the next directory below their common one; files that lie directly in it stay together."""
    depth = len(_common(files))
    groups: dict[str, list[File]] = {}
    for file in files:
        parts = file[0].split("/")
        groups.setdefault(parts[depth] if len(parts) > depth + 1 else "", []).append(file)
    return [tuple(group) for _, group in sorted(groups.items())]


def _common(files: Sequence[File]) -> list[str]:
    dirs = [path.split("/")[:-1] for path, _ in files]
    shared: list[str] = []
    # The common start of the first and the last in order is that of all between them.
    for a, b in zip(min(dirs), max(dirs), strict=False):
        if a != b:
            break
        shared.append(a)
    return shared


def _balanced(parts: Sequence[tuple[File, ...]]) -> list[tuple[File, ...]]:
    """The parts in at most MAX_PARALLEL piles: largest first, each onto the smallest pile."""
    piles: list[list[File]] = [[] for _ in range(min(MAX_PARALLEL, len(parts)))]
    for part in sorted(parts, key=lambda part: (-len(part), part)):
        min(piles, key=len).extend(part)
    return sorted(tuple(sorted(pile)) for pile in piles)


def _unit(files: tuple[File, ...], repo: tuple[File, ...]) -> _Unit:
    """Directories of which every Python file is meant are named as such; other files one by one."""
    meant = [path for path, _ in files]
    there = Counter(above for path, _ in repo if language(path) == "Python" for above in _dirs_above(path))
    dirs: list[str] = []
    for above, count in sorted(Counter(above for path in meant for above in _dirs_above(path)).items()):
        if 1 < count == there[above] and not above.startswith(tuple(dirs)):
            dirs.append(above)
    alone = sorted(path for path in meant if not path.startswith(tuple(dirs)))
    globs = [prefix + "*.py" for prefix in dirs]
    return _Unit(_listed([*dirs, *alone]), _key(files), files, (*globs, *alone))


def _dirs_above(path: str) -> list[str]:
    """Every directory the path lies in, with a slash at its end."""
    return [path[: at + 1] for at, c in enumerate(path) if c == "/"]


# --- tests' places and words -------------------------------------------------------------------------


def _holds_tests(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith("test_") or name.endswith("_test.py")


def _test_glob(module: str, tests: Sequence[File]) -> str:
    stem = module.rpartition("/")[2].removesuffix(".py")
    return f"{_test_place(module, tests)}/test_{stem}*.py"


def _test_place(module: str, repo: Sequence[File]) -> str:
    """The directory of tests nearest above the module; `tests` where there is none."""
    best, depth = "tests", -1
    for path, _ in repo:
        parts = path.split("/")[:-1]
        at = next((i for i, part in enumerate(parts) if part in ("tests", "test", "__tests__")), None)
        if at is None or at <= depth:
            continue
        if module.startswith("/".join(parts[:at]) + "/" if at else ""):
            best, depth = "/".join(parts[: at + 1]), at
    return best


_FILES_LISTED = 60


def _task(
    agent: str,
    kind: TaskType,
    name: str,
    title: str,
    goal: str,
    files: Sequence[File],
    *,
    depends_on: tuple[str, ...] = (),
    writes: tuple[str, ...] = (),
    acceptance: tuple[str, ...] = (),
) -> Task:
    """A task; its description ends in a line `Files: a.py, b.py` where the scope is small enough to list."""
    listed = f"\nFiles: {', '.join(path for path, _ in files)}" if 0 < len(files) <= _FILES_LISTED else ""
    return Task(name, title, agent, kind, goal + listed, depends_on, writes, acceptance)


def _numbered(tasks: Sequence[Task]) -> list[Task]:
    """The tasks with ids of their own where two units have the same short name."""
    ids = [task.id for task in tasks]
    return [
        task if ids.index(task.id) == at else replace(task, id=f"{task.id}-{at + 1}")
        for at, task in enumerate(tasks)
    ]


def _id(kind: str, unit: _Unit) -> str:
    return f"{kind}-{unit.key}" if unit.key else kind


def _key(files: Sequence[File]) -> str:
    """The file's stem, or the last directory all files share, as letters, digits and dashes."""
    shared = _common(files)
    name = (
        files[0][0].rpartition("/")[2].partition(".")[0] if len(files) == 1 else shared[-1] if shared else ""
    )
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]


def _listed(names: Sequence[str]) -> str:
    shown = _joined(names[:3])
    return shown if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3:,} more"


def _joined(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _sentence(verbs: Sequence[str]) -> str:
    text = _joined(verbs)
    return text[:1].upper() + text[1:]
