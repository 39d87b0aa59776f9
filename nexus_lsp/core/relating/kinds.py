"""What kind of file a path names, by rule."""

from __future__ import annotations

import re

_TESTS = re.compile(
    r"(^|/)(tests?|specs?|__tests__)/|(^|/)(test_[^/]*|conftest)\.py$|_test\.(py|go|rb|exs|c|cc|cpp)$"
    r"|\.(test|spec)\.[cm]?[jt]sx?$|Tests?\.(java|kt|cs)$|_spec\.rb$"
)
_DOCS = re.compile(
    r"(^|/)docs?/|\.(md|rst|adoc|txt)$|(^|/)(README|CHANGELOG|CHANGES|LICENSE|AUTHORS|NOTICE)[^/]*$", re.I
)
_CONFIGURATION = re.compile(
    r"(^|/)(\.github|\.circleci|\.gitlab)/|(^|/)(\.gitlab-ci|\.travis|azure-pipelines)\.yml$"
    r"|(^|/)(pyproject\.toml|setup\.(py|cfg)|tox\.ini|noxfile\.py|Pipfile|requirements[^/]*\.(txt|in)"
    r"|constraints[^/]*\.txt|environment\.ya?ml|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|Cargo\.(toml|lock)"
    r"|go\.(mod|sum)|Gemfile(\.lock)?|composer\.(json|lock)|pom\.xml|[^/]*\.gradle(\.kts)?|[^/]*\.lock"
    r"|Dockerfile[^/]*|docker-compose[^/]*|compose\.ya?ml|Makefile|Jenkinsfile|Procfile"
    r"|\.(pre-commit-config\.yaml|editorconfig|env[^/]*|gitignore|gitattributes|gitmodules|npmrc))$"
    r"|\.(ini|cfg|tf)$"
)


def is_tests(path: str) -> bool:
    """Whether a path is one of tests."""
    return bool(_TESTS.search(path))


def is_configuration(path: str) -> bool:
    """Whether a path is one of dependencies, CI or configuration."""
    return bool(_CONFIGURATION.search(path))


def is_docs(path: str) -> bool:
    """Whether a path is one of documents."""
    return bool(_DOCS.search(path)) and not is_configuration(path) and not path.endswith(".py")
