"""Whose yes a new version leaves behind."""

from __future__ import annotations

from amanat.policy.tests.test_partners import POLICY, having, partner
from amanat.publishing import renewing


def test_a_yes_was_to_this_partner_there_and_to_these_data() -> None:
    before = having(("sahyadri", partner(**{"in": ("IN", "SG")})))
    assert renewing.widened(before, before) == set()
    assert renewing.widened(POLICY, before) == {"to_sahyadri"}
    assert renewing.widened(before, having(("sahyadri", partner()))) == set(), "one country less is no more"
    for wider in (
        partner("Other Insurance", **{"in": ("IN",)}),
        partner(gets=("identity", "content")),
        partner(**{"in": ("US",)}),
    ):
        assert renewing.widened(before, having(("sahyadri", wider))) == {"to_sahyadri"}
