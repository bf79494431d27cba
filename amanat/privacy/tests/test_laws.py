"""Floors of the law are told by their source."""

from __future__ import annotations

from amanat.policy import law, ready
from amanat.privacy import laws


def test_a_law_is_told_by_its_source() -> None:
    assert laws.in_words(["in-dpdp-8-3", "in-cgst-36"])[0] == "DPDP Rules 2025 Rule 8(3)"
    assert laws.in_words(["of-no-pack"]) == ["of-no-pack"]


def test_every_floor_of_the_ready_policies_has_words() -> None:
    floors = {one for name in ready.names() for keep in ready.policy(name).keep.values() for one in keep.floor}
    assert floors and not floors & set(laws.in_words(sorted(floors)))
    assert law.names()
