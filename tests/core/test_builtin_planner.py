"""Plans without a model: what different requests become on two repositories."""
# ruff: noqa: E501 - whole sentences stand in the snapshots

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from nexus_lsp.adapters.builtin_planner import BuiltinPlanner
from nexus_lsp.core.builtin_planner import builtin_plan
from nexus_lsp.core.plan import Plan, plan_problems, writes_overlap
from nexus_lsp.core.plan_parts import ALPHA, ARIA, BETA, CODE
from nexus_lsp.core.scope import find_scope
from nexus_lsp.core.wishes import read_wishes
from nexus_lsp.ports import Brief, PlanFailed

AGENTS = (ARIA, CODE, ALPHA, BETA)
_NAMES = dict(zip(AGENTS, ("Aria", "Code", "Alpha", "Beta"), strict=True))


def _tree(text: str) -> tuple[tuple[str, int], ...]:
    """Files from lines `dir/: a.py b.py`; each has 500 bytes, `__init__.py` none."""
    lines = [line.strip().split(": ") for line in text.strip().splitlines()]
    paths = [folder.removeprefix("./") + name for folder, names in lines for name in names.split()]
    return tuple((path, 0 if path.endswith("__init__.py") else 500) for path in paths)


SHOP = _tree("""
    ./: README.md pyproject.toml
    shop/: __init__.py cli.py
    shop/api/: __init__.py auth.py routes.py schema.py
    shop/billing/: __init__.py invoice.py ledger.py refund.py tax.py
    shop/store/: __init__.py cache.py models.py queries.py
    tests/: test_invoice.py test_routes.py
""")
MONO = _tree("""
    docs/: guide.md
    services/api/api/: __init__.py login.py session.py
    services/api/tests/: test_login.py
    services/jobs/jobs/: mailer.py queue.py
    web/: package.json
    web/src/: index.ts
    web/src/components/: Button.tsx Button.test.tsx Cart.tsx Login.tsx
    web/node_modules/x/: index.js setup.py
""")
SCRIPTS = _tree("""
    ./: README.md
    src/: main.go server.go server_test.go
""")

REQUESTS = (
    "Fix lint errors",
    "Clean up shop/billing and services/jobs, then write tests",
    "Write tests for invoice.py and services/api",
    "Review the security of the login",
    "Run the tests",
    "Build a secure login system",
    "Fix the bug where refunds are counted twice in `RefundLedger`",
    "What does the cache module do?",
    "Update the README",
    "Modernise the Python code except tests/, but do not write tests",
)


def plan_of(request: str, repo: tuple[tuple[str, int], ...], team: str = "local", **more: object) -> Plan:
    plan = builtin_plan(request, repo, agents=AGENTS, team=team, **more)  # type: ignore[arg-type]
    assert plan_problems(plan, AGENTS) == []
    return plan


def shown(plan: Plan) -> str:
    """One line a task: who: id (after what) -> where."""
    lines = [
        plan.summary.replace(
            " (sign in with `claude` or set ANTHROPIC_API_KEY, then choose the team `claude`)", ""
        )
    ]
    for task in plan.tasks:
        after = f" (after {', '.join(task.depends_on)})" if task.depends_on else ""
        writes = f" -> {' '.join(task.writes)}" if task.writes else ""
        lines.append(f"  {_NAMES[task.agent]}: {task.id}{after}{writes}")
    return "\n".join(lines)


def table(repo: tuple[tuple[str, int], ...], team: str) -> str:
    return "\n\n".join(f"# {request}\n{shown(plan_of(request, repo, team))}" for request in REQUESTS) + "\n"


def test_ten_requests_to_the_local_team_on_a_package() -> None:
    assert table(SHOP, "local") == snapshot("""\
# Fix lint errors
Apply safe automatic fixes and run the tests with coverage in the whole repository (19 files).
  Code: fix -> tests/*.py shop/__init__.py shop/cli.py
  Code: fix-api -> shop/api/*.py
  Code: fix-billing -> shop/billing/*.py
  Code: fix-store -> shop/store/*.py
  Beta: validate (after fix, fix-api, fix-billing, fix-store)

# Clean up shop/billing and services/jobs, then write tests
Apply safe automatic fixes, write tests and run the tests with coverage in shop/billing/. Not found: services/jobs.
  Code: fix-billing -> shop/billing/*.py
  Alpha: tests-billing (after fix-billing) -> tests/test_invoice*.py tests/test_ledger*.py tests/test_refund*.py tests/test_tax*.py
  Beta: validate (after fix-billing, tests-billing)

# Write tests for invoice.py and services/api
Write tests and run the tests with coverage in shop/billing/invoice.py. Not found: services/api.
  Alpha: tests-invoice -> tests/test_invoice*.py
  Beta: validate (after tests-invoice)

# Review the security of the login
Analyse the code in the whole repository (19 files).
  Aria: analyse

# Run the tests
Run the tests with coverage in the whole repository (19 files).
  Beta: validate

# Build a secure login system
Analyse the code and run the tests with coverage in the whole repository (19 files). The local tools cannot invent or restructure code: that needs Claude Code.
  Aria: analyse
  Beta: validate

# Fix the bug where refunds are counted twice in `RefundLedger`
Analyse the code and run the tests with coverage in the whole repository (19 files). The local tools cannot find and mend a defect: that needs Claude Code.
  Aria: analyse
  Beta: validate

# What does the cache module do?
Analyse the code in shop/store/cache.py. The local tools cannot answer a question in words: that needs Claude Code.
  Aria: analyse

# Update the README
Analyse README.md: the local tools know only Python, and there is no source code here. Changing, testing or running it needs Claude Code.
  Aria: analyse

# Modernise the Python code except tests/, but do not write tests
Apply safe automatic fixes and run the tests with coverage in 15 of the repository's 19 files, leaving out tests/.
  Code: fix-shop -> shop/__init__.py shop/cli.py
  Code: fix-api -> shop/api/*.py
  Code: fix-billing -> shop/billing/*.py
  Code: fix-store -> shop/store/*.py
  Beta: validate (after fix-shop, fix-api, fix-billing, fix-store)
""")


def test_ten_requests_to_the_local_team_on_a_mixed_monorepo() -> None:
    assert table(MONO, "local") == snapshot("""\
# Fix lint errors
Apply safe automatic fixes and run the tests with coverage in the whole repository (13 files).
  Code: fix-services -> services/*.py
  Beta: validate (after fix-services)

# Clean up shop/billing and services/jobs, then write tests
Apply safe automatic fixes, write tests and run the tests with coverage in services/jobs/. Not found: shop/billing.
  Code: fix-jobs -> services/jobs/*.py
  Alpha: tests-jobs (after fix-jobs) -> tests/test_mailer*.py tests/test_queue*.py
  Beta: validate (after fix-jobs, tests-jobs)

# Write tests for invoice.py and services/api
Write tests and run the tests with coverage in services/api/. Not found: invoice.py.
  Alpha: tests-api -> services/api/tests/test_login*.py services/api/tests/test_session*.py
  Beta: validate (after tests-api)

# Review the security of the login
Analyse the code in the whole repository (13 files).
  Aria: analyse

# Run the tests
Run the tests with coverage in the whole repository (13 files).
  Beta: validate

# Build a secure login system
Analyse the code and run the tests with coverage in the whole repository (13 files). The local tools cannot invent or restructure code: that needs Claude Code.
  Aria: analyse
  Beta: validate

# Fix the bug where refunds are counted twice in `RefundLedger`
Analyse the code and run the tests with coverage in the whole repository (13 files). The local tools cannot find and mend a defect: that needs Claude Code.
  Aria: analyse
  Beta: validate

# What does the cache module do?
Analyse the code in the whole repository (13 files). The local tools cannot answer a question in words: that needs Claude Code.
  Aria: analyse

# Update the README
Analyse the code in the whole repository (13 files). The local tools cannot write documentation: that needs Claude Code.
  Aria: analyse

# Modernise the Python code except tests/, but do not write tests
Apply safe automatic fixes and run the tests with coverage in 5 of the repository's 13 files, leaving out services/api/tests/.
  Code: fix-services -> services/api/api/*.py services/jobs/*.py
  Beta: validate (after fix-services)
""")


def test_ten_requests_to_claude_code_on_a_package() -> None:
    assert table(SHOP, "claude") == snapshot("""\
# Fix lint errors
Clean up and validate: the whole repository (19 files).
  Code: code
  Beta: validate (after code)

# Clean up shop/billing and services/jobs, then write tests
Clean up, write tests and validate: shop/billing/. Not there yet: services/jobs.
  Code: code-billing -> shop/billing/*
  Alpha: tests -> tests/*
  Beta: validate (after code-billing, tests)

# Write tests for invoice.py and services/api
Write tests and validate: shop/billing/invoice.py. Not there yet: services/api.
  Alpha: tests-invoice -> tests/*
  Beta: validate (after tests-invoice)

# Review the security of the login
Analyse: the whole repository (19 files).
  Aria: analyse

# Run the tests
Validate: the whole repository (19 files).
  Beta: validate

# Build a secure login system
Analyse, implement, write tests and validate: the whole repository (19 files).
  Aria: analyse
  Code: code (after analyse)
  Alpha: tests (after analyse) -> tests/*
  Beta: validate (after code, tests)

# Fix the bug where refunds are counted twice in `RefundLedger`
Analyse, mend, write tests and validate: the whole repository (19 files).
  Aria: analyse
  Code: code (after analyse)
  Alpha: tests (after analyse) -> tests/*
  Beta: validate (after code, tests)

# What does the cache module do?
Answer the question: shop/store/cache.py.
  Aria: analyse

# Update the README
Document: README.md.
  Code: code-readme -> README.md

# Modernise the Python code except tests/, but do not write tests
Clean up and validate: 15 of the repository's 19 files, leaving out tests/.
  Code: code
  Beta: validate (after code)
""")


def test_ten_requests_to_claude_code_on_a_mixed_monorepo() -> None:
    assert table(MONO, "claude") == snapshot("""\
# Fix lint errors
Clean up and validate: the whole repository (13 files).
  Code: code
  Beta: validate (after code)

# Clean up shop/billing and services/jobs, then write tests
Clean up, write tests and validate: services/jobs/. Not there yet: shop/billing.
  Code: code-jobs -> services/jobs/*
  Alpha: tests -> tests/*
  Beta: validate (after code-jobs, tests)

# Write tests for invoice.py and services/api
Write tests and validate: services/api/. Not there yet: invoice.py.
  Alpha: tests-api -> services/api/tests/*
  Beta: validate (after tests-api)

# Review the security of the login
Analyse: the whole repository (13 files).
  Aria: analyse

# Run the tests
Validate: the whole repository (13 files).
  Beta: validate

# Build a secure login system
Analyse, implement, write tests and validate: the whole repository (13 files).
  Aria: analyse
  Code: code (after analyse)
  Alpha: tests (after analyse) -> tests/* services/api/tests/*
  Beta: validate (after code, tests)

# Fix the bug where refunds are counted twice in `RefundLedger`
Analyse, mend, write tests and validate: the whole repository (13 files).
  Aria: analyse
  Code: code (after analyse)
  Alpha: tests (after analyse) -> tests/* services/api/tests/*
  Beta: validate (after code, tests)

# What does the cache module do?
Answer the question: the whole repository (13 files).
  Aria: analyse

# Update the README
Document: the whole repository (13 files).
  Code: code

# Modernise the Python code except tests/, but do not write tests
Clean up and validate: 5 of the repository's 13 files, leaving out services/api/tests/.
  Code: code
  Beta: validate (after code)
""")


@pytest.mark.parametrize("repo", [SHOP, MONO])
def test_different_requests_make_different_plans(repo: tuple[tuple[str, int], ...]) -> None:
    assert len({shown(plan_of(request, repo)) for request in REQUESTS}) >= 8


def test_without_python_the_local_plan_says_so() -> None:
    assert shown(plan_of("Fix lint errors and add tests", SCRIPTS)) == snapshot("""\
Analyse the whole repository (4 files): the local tools know only Python, and there is only Go here. Changing, testing or running it needs Claude Code.
  Aria: analyse\
""")


def test_an_empty_folder_gets_a_plan_too() -> None:
    assert shown(plan_of("Build a todo app", ())) == snapshot("""\
Analyse the whole repository (0 files): the local tools know only Python, and there is no source code here. Changing, testing or running it needs Claude Code.
  Aria: analyse\
""")


def test_descriptions_name_the_files() -> None:
    plan = plan_of("Clean up shop/billing and write tests for it", SHOP)
    assert [(task.title, task.description) for task in plan.tasks] == snapshot(
        [
            (
                "Apply safe fixes in shop/billing/",
                "Apply ruff's safe automatic fixes and import order; leave behaviour as it is.",
            ),
            (
                "Write tests for shop/billing/invoice.py, shop/billing/ledger.py, shop/billing/refund.py and 1 more",
                """\
Generate property and regression tests; keep those that pass now and fail on a mutant.
Files: shop/billing/invoice.py, shop/billing/ledger.py, shop/billing/refund.py, shop/billing/tax.py\
""",
            ),
            (
                "Validate the changes",
                """\
Run the tests with coverage and report failures and what is not covered.
Files: shop/billing/__init__.py, shop/billing/invoice.py, shop/billing/ledger.py, shop/billing/refund.py, shop/billing/tax.py\
""",
            ),
        ]
    )


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ("fix", ("fix",)),
        ("please clean up the code", ("fix",)),
        ("Remove unused imports", ("fix",)),
        ("improve code quality", ("fix",)),
        ("Fix lint, formatting and unused imports", ("fix",)),
        ("fix the failing tests", ("repair",)),
        ("make the tests pass", ("repair",)),
        ("debug the crash in the parser", ("repair",)),
        ("Add a date format option", ("build",)),
        ("Could you add dark mode?", ("build",)),
        ("dark mode", ("build",)),
        ("Add a login form and write tests for it", ("build", "test")),
        ("increase test coverage", ("test",)),
        ("test the parser", ("test",)),
        ("review the tests", ("review",)),
        ("check for security problems", ("review",)),
        ("check that the tests pass", ("validate",)),
        ("run pytest", ("validate",)),
        ("add docstrings to src/build/run.py", ("docs",)),
        ("Is the code secure?", ("question",)),
        ("How do I run the tests?", ("question",)),
        ("When the user logs in, redirect to the start page", ("build",)),
        ("Clean up and add tests, but don't run anything", ("fix", "test")),
        ("Add a cache but don't break the tests", ("build",)),
        ("Räum auf", ("build",)),
        ("", ("build",)),
    ],
)
def test_what_a_request_wants(request_: str, wanted: tuple[str, ...]) -> None:
    assert read_wishes(request_).wanted == wanted


@pytest.mark.parametrize(
    ("request_", "focus", "named", "files"),
    [
        ("clean up", (), (), 19),
        ("clean up shop/billing/tax.py", (), ("shop/billing/tax.py",), 1),
        ("clean up `billing`", (), ("shop/billing/",), 5),
        ("clean up the billing package and shop/billing/tax.py", (), ("shop/billing/",), 5),
        ("clean up billing/tax.py:12", (), ("shop/billing/tax.py",), 1),
        ("test shop.billing.tax.rate_of", (), ("shop/billing/tax.py",), 1),
        ("test tests/test_invoice.py::test_a", (), ("tests/test_invoice.py",), 1),
        ("fix shop/*/r*.py", (), ("shop/*/r*.py",), 2),
        ("fix shop except shop/billing", (), ("shop/",), 10),
        ("clean up this file", ("shop/cli.py",), (), 1),
        ("clean up everything", ("shop/cli.py",), (), 19),
        ("clean up ../../etc/passwd", (), (), 19),
        ("review the Python code", (), (), 17),
        ("update the README", (), ("README.md",), 1),
    ],
)
def test_where_a_request_points(
    request_: str, focus: tuple[str, ...], named: tuple[str, ...], files: int
) -> None:
    scope = find_scope(request_, SHOP, focus)
    assert (tuple(place for place, _ in scope.named), len(scope.files)) == (named, files)


def test_a_path_that_is_not_there_changes_nothing_else() -> None:
    assert shown(plan_of("Fix lint errors in shop/biling", SHOP)) == snapshot("""\
The request names `shop/biling`, which is not in this repository; nothing is changed. Analyse the whole repository (19 files) instead. Name a path that exists to have it fixed or tested.
  Aria: analyse\
""")


def test_what_notes_forbid_is_left_out() -> None:
    plan = plan_of(
        "Add a rate limit", SHOP, "claude", notes=["Rejected: no tests please, and skip the review"]
    )
    assert [task.agent for task in plan.tasks] == [CODE, BETA]


def test_absent_personas_leave_no_loose_ends() -> None:
    plan = builtin_plan("Add a rate limit", SHOP, agents=(ARIA, BETA), team="claude")
    assert [(task.agent, task.depends_on) for task in plan.tasks] == [(ARIA, ()), (BETA, ("analyse",))]
    with pytest.raises(ValueError, match="none of the personas"):
        builtin_plan("Add a rate limit", SHOP, agents=("somebody",), team="claude")


def test_a_large_repository_is_split_among_four_in_little_time() -> None:
    repo = tuple((f"pkg{i % 40}/part{i % 7}/module_{i}.py", 100 + i) for i in range(20_000))
    started = time.process_time()
    plan = plan_of("Clean up everything and write tests", repo)
    assert time.process_time() - started < 5
    by_agent = {agent: [task for task in plan.tasks if task.agent == agent] for agent in AGENTS}
    assert [len(by_agent[agent]) for agent in AGENTS] == [0, 4, 4, 1]
    assert "wait for another run" in by_agent[ALPHA][0].description


def test_parts_for_one_persona_never_overlap() -> None:
    fixes = [task for task in plan_of("Clean up", SHOP).tasks if task.agent == CODE]
    assert len(fixes) == 4
    assert not any(writes_overlap(a.writes, b.writes) for a in fixes for b in fixes if a is not b)


_WORDS = st.sampled_from(
    [
        "fix",
        "add",
        "test",
        "tests",
        "review",
        "run",
        "not",
        "without",
        "except",
        "everything",
        "shop",
        "shop/billing",
        "tax.py",
        "`x`",
        "*.py",
        "billing",
        "README",
        "the",
        "and",
        ",",
        ".",
        "?",
        "::",
        "../",
        "[a",
        "[",
        ")",
        "é",
        "don't",
    ]
)


@given(st.lists(_WORDS, max_size=12).map(" ".join), st.sampled_from(["local", "claude"]))
@example("test except shop", "local")
def test_any_request_gives_a_sound_plan(request_: str, team: str) -> None:
    for repo in (SHOP, MONO, SCRIPTS, ()):
        plan_of(request_, repo, team)


async def test_the_planner_behind_the_port() -> None:
    brief = Brief("Clean up", SHOP, (), "local")
    planner = BuiltinPlanner()
    with pytest.raises(PlanFailed, match="Restore one of the four personas"):
        await planner.plan(brief)
    assert planner.source == "built-in"
    await planner.close()
