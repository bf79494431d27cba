"""Each partner by name is a purpose people are asked for; a policy without any is the same object as before."""

from __future__ import annotations

import pytest

from amanat.policy import partners, ready, references
from amanat.policy.format import Policy, Recipient

POLICY = ready.policy("default")


def partner(name: str = "Sahyadri Insurance", **changes: object) -> Recipient:
    given = {
        "is": "dpv:ThirdParty",
        "gets": ("identity",),
        "in": ("IN",),
        "when": "consent",
        "named": True,
        "name": name,
    }
    return Recipient.model_validate({**given, **changes})


def having(*named: tuple[str, Recipient], policy: Policy = POLICY) -> Policy:
    """The default policy with more recipients."""
    held = {name: getattr(policy, name) for name in Policy.model_fields}
    return Policy.model_construct(**{**held, "recipients": {**policy.recipients, **dict(named)}})


def test_the_ready_policies_name_nobody_and_stay_as_they_are() -> None:
    for name in ready.names():
        policy = ready.policy(name)
        assert partners.with_purposes(policy) is policy


def test_a_named_partner_is_a_purpose_with_what_it_gets() -> None:
    policy = having(("sahyadri", partner()))
    asked = partners.with_purposes(policy)
    assert set(asked.purposes) - set(policy.purposes) == {"to_sahyadri"}
    purpose = asked.purposes["to_sahyadri"]
    assert (purpose.uses, purpose.basis, purpose.per, purpose.grain) == (("identity",), "consent", (), "person")
    assert partners.with_purposes(policy) is asked, "made once"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "giving data to Sahyadri Insurance, who uses it for its own ends"),
        ("hi", "Sahyadri Insurance को डेटा देना, जो उसे अपने काम के लिए इस्तेमाल करता है"),
        ("mr", "Sahyadri Insurance यांना डेटा देणे, जे तो स्वतःच्या कामासाठी वापरतात"),
    ],
)
def test_it_is_said_in_every_language(language: str, words: str) -> None:
    asked = partners.with_purposes(having(("sahyadri", partner())))
    assert references.in_words(asked, "purposes.to_sahyadri", language) == (words,)


@pytest.mark.parametrize(
    "changes",
    [{"name": ""}, {"name": "  "}, {"named": False}, {"when": "always"}, {"is": "dpv:DataProcessor"}],
)
def test_who_is_no_partner_by_name_is_not_asked_for(changes: dict[str, object]) -> None:
    policy = having(("sahyadri", partner(**changes)))
    assert "to_sahyadri" not in partners.with_purposes(policy).purposes


def test_a_long_name_still_fits_where_consents_are_written() -> None:
    assert len(partners.purpose_of("a" * 40)) == 40
