"""The launcher's second half, a script: keep the allowed environment, then become the CLI or guard it.

Called as `python -I claude_reaper.py launch.json [CLI ARGUMENTS]`. It stands alone (no import from the
package): with bubblewrap it must start in milliseconds. As reaper it remembers every descendant it has
ever seen, since one whose parent died is nobody's child any more, and kills them all when the process
that started it is gone, when it is told to end, or when the CLI has ended.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_BEAT = 0.5
"""Seconds between two looks at who is there."""


def main() -> None:
    """Start what the plan says, in the environment it allows."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123
        plan: dict[str, Any] = json.load(file)
    keep = set(plan["keep"])
    env = {name: value for name, value in os.environ.items() if name in keep}
    command = [*plan["command"], *sys.argv[2:]]
    with open(plan["pid_file"], "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(str(os.getpid()))
    if plan["reap"]:
        sys.exit(_guard(command, env))
    os.execve(command[0], command, env)  # noqa: S606


def _guard(command: list[str], env: dict[str, str]) -> int:
    """Run the command and return its exit code; nothing of it outlives this call."""
    import signal
    import subprocess

    import psutil

    parent = os.getppid()
    child = subprocess.Popen(command, env=env, start_new_session=True)

    def told(number: int, _frame: object) -> None:
        child.send_signal(number)

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    seen: dict[int, psutil.Process] = {}
    try:
        while True:
            for process in _below(child.pid):
                seen.setdefault(process.pid, process)
            if os.getppid() != parent:
                return 1
            try:
                return _exit_code(child.wait(_BEAT))
            except subprocess.TimeoutExpired:
                continue
    finally:
        _kill([*seen.values(), *_below(child.pid)])


def _below(pid: int) -> list[Any]:
    import psutil

    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _exit_code(code: int) -> int:
    return code if code >= 0 else 128 - code


def _kill(processes: list[Any]) -> None:
    """Kill each, unless its number was given to another process since (psutil compares start times)."""
    import psutil

    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            continue


if __name__ == "__main__":
    main()
