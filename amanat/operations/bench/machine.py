"""What was measured on, and how much processor time a tree of processes has used (Linux's /proc)."""

from __future__ import annotations

import os
import platform
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def describe() -> str:
    """One sentence: processor, cores, memory, system, Python."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    memory = next(
        (int(line.split()[1]) // 1024**2 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0
    )
    return (
        f"{model or platform.processor() or platform.machine()}, {os.cpu_count()} cores, {memory} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()  # from field 3, the state


def children() -> dict[int, list[int]]:
    """The children of every process."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat is not None:
                found.setdefault(int(stat[1]), []).append(int(entry.name))
    return found


def tree(root: int) -> list[int]:
    below = children()
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += below.get(pid, [])
    return found


def threads(pid: int) -> list[int]:
    """The threads of a process; none of one that is gone."""
    try:
        return [int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def cpu_ms(pids: list[int]) -> float:
    """User and system time of these processes and of their children that have ended, in milliseconds."""
    ticks = 0
    for pid in pids:
        stat = _stat(pid)
        if stat is not None:
            ticks += sum(int(stat[place]) for place in (11, 12, 13, 14))
    return ticks * 1000 / TICKS


def precise_cpu_ms(pids: list[int]) -> float:
    """Like `cpu_ms` by the scheduler's nanosecond account, which leaves out ended children."""
    total = 0
    for pid in pids:
        try:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                total += int((thread / "schedstat").read_text(encoding="utf-8").split()[0])
        except (OSError, IndexError, ValueError):
            continue
    return total / 1e6


def memory_mb(pids: list[int]) -> float:
    """Memory of the processes in MiB, shared pages counted once (proportional set size)."""
    total = 0
    for pid in pids:
        for line in _lines(f"/proc/{pid}/smaps_rollup"):
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024
