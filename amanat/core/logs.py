"""Logs without personal data: one line an event, JSON, only known keys; messages of exceptions are left out.

An exception's text may quote a row ("Key (email)=(...) already exists"), so the log keeps its type and where it rose. What looks like
an e-mail address or a telephone number is struck out of every text, whoever wrote it into one.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from pathlib import Path

#: Extra keys that may be logged: ids, counts and names of our own things.
KNOWN = (
    "job", "task", "workspace", "route", "status", "count", "ms", "account", "dispatch", "reason", "erasure",
    "due", "run", "probe", "recipient", "service", "journal",
)  # fmt: skip
#: The id of an event stands beside the message, which is called `event` in a line.
_EVENT = "of_event"
_ADDRESS = re.compile(r"[^\s@<>()\"']+@[^\s@<>()\"']+|(?<![\w-])\+?\d(?:[ -]?\d){8,}(?![\w-])")


class Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": _struck_out(_event(record)),
        }
        for key in KNOWN:
            if hasattr(record, key):
                line[key] = _struck_out(str(getattr(record, key)))
        if hasattr(record, "status_code"):  # of a page that failed: its pattern names nobody, its address may
            line["status"] = str(record.status_code)
            line["route"] = str(getattr(getattr(getattr(record, "request", None), "resolver_match", None), "route", ""))
        if hasattr(record, "event"):
            line[_EVENT] = _struck_out(str(record.event))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = [
                f"{Path(frame.filename).name}:{frame.lineno}:{frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-8:]
            ]
        return json.dumps(line, ensure_ascii=False)


def _struck_out(text: str) -> str:
    return _ADDRESS.sub("…", text)


def _event(record: logging.LogRecord) -> str:
    """Of loggers that are not ours the template of the message, not the values put into it; a template of values alone says nothing."""
    if record.name.startswith("amanat"):
        return record.getMessage()
    if hasattr(record, "status_code"):
        return "a request was not answered as asked"
    return str(record.msg)
