"""Side by side: what a published policy of a trade promised, our clause, the rules and probes that keep it, or why it was rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from amanat.accounts.access import MemberRequest
from amanat.policy import editing as rules
from amanat.policy import probing, reading, ready
from amanat.policy.ready import reasons
from amanat.publishing import editing_words


@dataclass(frozen=True)
class Line:
    """One promise of theirs and what became of it."""

    promise: str
    key: str
    clause: str
    sentence: str
    rules: tuple[str, ...]
    probes: tuple[str, ...]
    changed: str
    rejected: str


@cache
def mapped(name: str) -> tuple[Mapping[str, Any], ...]:
    """The sections of the map beside a ready policy. Raises KeyError for one without."""
    path = Path(ready.__file__).with_name(f"{name}.clauses.yaml")
    if name not in ready.names() or not path.exists():
        raise KeyError(name)
    sections: tuple[Mapping[str, Any], ...] = reading.read_file(path).value["sections"]
    return sections


def sections(name: str) -> list[dict[str, Any]]:
    """What the page shows, in the language of the request."""
    said = rules.sentences_of(ready.policy(name), editing_words.language())
    return [
        {"title": section["section"], "lines": [_line(one, said) for one in section["promises"]]}
        for section in mapped(name)
    ]


def _line(one: Mapping[str, Any], said: Mapping[str, str]) -> Line:
    clause = str(one.get("clause", ""))
    return Line(
        one["promise"],
        one["key"],
        clause,
        said.get(clause, ""),
        tuple(one.get("rules", ())),
        tuple(str(probe.title) for probe in probing.proving(one["key"])),
        reasons.told(one.get("changed", "")),
        reasons.told(one.get("rejected", "")),
    )


def strictest() -> list[dict[str, Any]]:
    """The default keeps what the five promise: its own sentences, the rules each rests on and the probes that prove them."""
    policy = ready.policy("default")
    said = rules.sentences_of(policy, editing_words.language())
    return [
        {
            "title": editing_words.part(part),
            "lines": [
                Line(
                    "",
                    ", ".join(clause.probe),
                    clause.id,
                    said[clause.id],
                    clause.rests,
                    tuple(dict.fromkeys(str(probe.title) for key in clause.probe for probe in probing.proving(key))),
                    "",
                    "",
                )
                for clause in policy.clauses
                if clause.part == part
            ],
        }
        for part in editing_words.PARTS
        if any(clause.part == part for clause in policy.clauses)
    ]


def index(request: MemberRequest) -> HttpResponse:
    """The six, each with how many promises it answers to."""
    cards = []
    for name in ready.names():
        title, about = editing_words.TRADES[name]
        promises = [one for section in mapped(name) for one in section["promises"]] if name != "default" else []
        rejected = sum("rejected" in one for one in promises)
        cards.append(
            {
                "name": name,
                "title": title,
                "about": about,
                "clauses": len(ready.policy(name).clauses),
                "promises": len(promises),
                "rejected": rejected,
            }
        )
    return render(request, "publishing/editing_ready.html", {"cards": cards})


def one(request: MemberRequest, trade: str) -> HttpResponse:
    if trade not in ready.names():
        raise Http404
    shown = strictest() if trade == "default" else sections(trade)
    lines = [line for section in shown for line in section["lines"]]
    title, about = editing_words.TRADES[trade]
    return render(
        request,
        "publishing/editing_ready_one.html",
        {
            "name": trade,
            "title": title,
            "about": about,
            "sections": shown,
            "is_default": trade == "default",
            "count": len(lines),
            "proved": sum(bool(line.probes) for line in lines),
            "changed": sum(bool(line.changed) for line in lines),
            "rejected": sum(bool(line.rejected) for line in lines),
        },
    )
