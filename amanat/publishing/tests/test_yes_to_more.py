"""A yes to less is no yes to more: each way in which a purpose can grow asks anew, and its mirror does not."""

from __future__ import annotations

from typing import Any

import pytest

from amanat.policy.format import Policy
from amanat.publishing import beginning, renewing
from amanat.publishing.renewing import Meaning
from amanat.publishing.tests.samples import DETAILS

POLICY = beginning.policy(DETAILS)
NAME = "marketing"


def having(**changes: Any) -> Policy:
    """The sample with its marketing changed."""
    purpose = POLICY.purposes[NAME].model_copy(update=changes)
    return POLICY.model_copy(update={"purposes": {**POLICY.purposes, NAME: purpose}})


#: What a purpose is before and after; the first of each pair goes less far than the second.
GROWING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "more data": ({"uses": ("identity",)}, {"uses": ("identity", "usage")}),
    "single people instead of sums": ({"grain": "aggregate"}, {"grain": "person"}),
    "the operator may start it too": ({"set_by": "tenant"}, {"set_by": "operator"}),
    "one party is asked instead of both": ({"asks": "both_parties"}, {"asks": "person"}),
}


@pytest.mark.parametrize("way", GROWING)
def test_what_grows_asks_anew(way: str) -> None:
    less, more = GROWING[way]
    assert renewing.widened(having(**less), having(**more)) == {NAME}


@pytest.mark.parametrize("way", GROWING)
def test_what_shrinks_keeps_its_consents(way: str) -> None:
    less, more = GROWING[way]
    assert renewing.widened(having(**more), having(**less)) == set()


@pytest.mark.parametrize("way", GROWING)
def test_what_stays_asks_nothing(way: str) -> None:
    for changes in GROWING[way]:
        assert renewing.widened(having(**changes), having(**changes)) == set()


@pytest.mark.parametrize("grows", GROWING)
@pytest.mark.parametrize("shrinks", GROWING)
def test_to_shrink_in_one_way_pays_for_growing_in_no_other(grows: str, shrinks: str) -> None:
    if grows == shrinks:
        return
    less, more = GROWING[grows]
    back, forth = GROWING[shrinks]
    assert renewing.widened(having(**less, **forth), having(**more, **back)) == {NAME}


def test_other_data_of_the_same_number_are_more() -> None:
    assert renewing.widened(having(uses=("identity",)), having(uses=("usage",))) == {NAME}


def test_another_end_is_another_purpose_in_either_direction() -> None:
    other = next(one.term for name, one in POLICY.purposes.items() if one.term != POLICY.purposes[NAME].term)
    assert renewing.widened(POLICY, having(term=other)) == {NAME}
    assert renewing.widened(having(term=other), POLICY) == {NAME}


def test_a_purpose_that_is_new_asks_and_one_that_is_left_out_does_not() -> None:
    without = POLICY.model_copy(
        update={"purposes": {name: one for name, one in POLICY.purposes.items() if name != NAME}}
    )
    assert renewing.widened(without, POLICY) == {NAME}
    assert renewing.widened(POLICY, without) == set()


def test_a_kind_of_data_that_grows_makes_every_purpose_that_uses_it_grow() -> None:
    kind = POLICY.data["identity"]
    smaller = POLICY.model_copy(
        update={"data": {**POLICY.data, "identity": kind.model_copy(update={"terms": kind.terms[:-1]})}}
    )
    last = kind.terms[-1]
    elsewhere = {
        name
        for name, one in POLICY.purposes.items()
        if any(last in POLICY.data[other].terms for other in one.uses if other != "identity" and other in POLICY.data)
    }
    using = {name for name, one in POLICY.purposes.items() if "identity" in one.uses}
    assert renewing.widened(smaller, POLICY) >= using - elsewhere != set()
    assert renewing.widened(POLICY, smaller) == set()


def test_data_that_the_policy_does_not_know_counts_for_nothing() -> None:
    assert Meaning.of(having(uses=("identity", "unheard")), NAME) == Meaning.of(having(uses=("identity",)), NAME)


def test_numbers_grow_only_for_what_means_more() -> None:
    less, more = having(uses=("identity",)), having(uses=("identity", "usage"))
    asked = {"service": 1, NAME: 2}
    assert renewing.asks_anew(less, asked, more, 5) == {NAME: 5, "service": 1}
    assert renewing.asks_anew(more, asked, less, 5) == {NAME: 2, "service": 1}


def test_a_purpose_that_is_left_out_keeps_its_number_and_comes_back_with_a_new_one() -> None:
    without = POLICY.model_copy(
        update={"purposes": {name: one for name, one in POLICY.purposes.items() if name != NAME}}
    )
    gone = renewing.asks_anew(POLICY, {NAME: 1}, without, 2)
    assert gone == {NAME: 1}
    assert renewing.asks_anew(without, gone, POLICY, 3) == {NAME: 3}


def test_the_first_version_asks_nothing_that_the_ready_one_did_not_mean() -> None:
    assert renewing.asks_anew(POLICY, {}, POLICY, 1) == {}


def test_numbers_are_written_in_the_order_of_their_names() -> None:
    assert list(renewing.asks_anew(POLICY, {"z": 1, "a": 1, "m": 1}, POLICY, 2)) == ["a", "m", "z"]
