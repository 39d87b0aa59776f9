"""Tests kept honest: what a change takes from them, read off the texts before and after.

`asking` says it in questions, by what `pairs` finds of the tests on both sides, `heirs` of what took up those
that are gone, `skips` of what keeps them from running, and `settings` of pytest's configuration. `cases`
knows what a test is, `checks` what it asserts, `forms` and `calls` what one assertion says, `strength` and
`empty` what it is worth, and `bindings` what the names in it stand for.
"""

from nexus_lsp.core.integrity.asking import (
    ChangedTests,
    Question,
    QuestionKind,
    TestChange,
    TextChange,
    all_questions,
    changed_tests,
    count_tests,
    questions,
)

__all__ = [
    "ChangedTests",
    "Question",
    "QuestionKind",
    "TestChange",
    "TextChange",
    "all_questions",
    "changed_tests",
    "count_tests",
    "questions",
]
