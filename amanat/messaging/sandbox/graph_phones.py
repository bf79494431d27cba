"""Phones of people that are switched off: what was sent to one is taken, and reported as delivered when it is on again."""

from __future__ import annotations

from typing import Any

from amanat.messaging.sandbox.record import Record


class Phones:
    """Which person's phone is off for which number, and what waits for it. The record tells it all again after a restart."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._waiting: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def restore(self, line: dict[str, Any]) -> None:
        """A "power" line of the record."""
        self._turn(line["number"], line["person"], is_off=line["off"])

    def is_off(self, number_id: str, person: str) -> bool:
        return (number_id, person) in self._waiting

    def off(self, number_id: str) -> list[str]:
        """Whose phone is off, as digits."""
        return sorted(person for number, person in self._waiting if number == number_id)

    def keep(self, line: dict[str, Any]) -> None:
        """Remember what was taken for a phone that is off."""
        if self.is_off(line["number"], line["to"]):
            self._waiting[line["number"], line["to"]].append(line)

    def switch(self, number_id: str, person: str, *, is_off: bool) -> list[dict[str, Any]]:
        """Returns what waited for a phone that is on now."""
        if is_off == self.is_off(number_id, person):
            return []
        self._record.add("power", number=number_id, person=person, off=is_off)
        return self._turn(number_id, person, is_off=is_off)

    def _turn(self, number_id: str, person: str, *, is_off: bool) -> list[dict[str, Any]]:
        if is_off:
            self._waiting.setdefault((number_id, person), [])
            return []
        return self._waiting.pop((number_id, person), [])
