"""Differences by rules: what changed, in words, and whether people must hear of it first."""

from __future__ import annotations

import pytest

from amanat.policy import differences, loading
from amanat.policy.differences import Change
from amanat.policy.strictness import Direction
from amanat.policy.tests.samples import changed, policy, with_clause


def changes(*pairs: tuple[str, str]) -> list[Change]:
    return differences.between(policy(), policy(*pairs))


def test_the_same_policy_has_no_difference() -> None:
    assert changes() == []
    assert not differences.is_material([])


def test_another_layout_of_the_file_is_no_difference() -> None:
    assert (
        changes(
            ("never: [dpv:SellDataToThirdParties, rent, trade,", "never: [trade, rent, dpv:SellDataToThirdParties,")
        )
        == []
    )


@pytest.mark.parametrize(
    ("old", "new", "path", "sentence"),
    [
        (
            "last_login: P3Y",
            "last_login: P5Y",
            "keep.account.until.last_login",
            "How long account is kept after last login: 3 years became 5 years.",
        ),
        (
            "{closure: P30D, request: P30D}, override",
            "{closure: P30D}, override",
            "keep.content.until.request",
            "How long content is kept after request: 30 days became nothing.",
        ),
        ("min_age: 18", "min_age: 16", "children.min_age", "The lowest age: 18 became 16."),
        ("lead: P30D", "lead: P7D", "changes.lead", "The notice before a change: 30 days became 7 days."),
        (
            "uses: [usage], basis: consent",
            "uses: [usage], basis: {eu-gdpr: A6-1-f}",
            "purposes.analytics.basis",
            "The ground for analytics: consent became eu-gdpr: A6-1-f.",
        ),
        (
            "uses: [usage],",
            "uses: [usage, talk],",
            "purposes.analytics.uses",
            "The data used for analytics: usage became usage, talk.",
        ),
        ("in: [US]", "in: [US, SG]", "recipients.whatsapp.in", "The countries of whatsapp: US became US, SG."),
        (
            "gets: [identity, content, talk]",
            "gets: [talk, voice]",
            "recipients.carrier.gets",
            "What carrier receives: identity, content, talk became talk, voice.",
        ),
        (
            "when: consent, named: true",
            "when: consent",
            "recipients.partner.named",
            "Whether partner is named first: yes became no.",
        ),
        (
            "is: [pd:Password]",
            "is: [pd:Password, pd:BirthDate]",
            "data.secret.is",
            "What secret is: pd:Password became pd:Password, pd:BirthDate.",
        ),
        (", profiling,", ",", "never", "What is never done: "),
        ("due: P30D", "due: P45D", "rights.due", "The time for an answer: 30 days became 45 days."),
        ("kinds: [access, ", "kinds: [", "rights.kinds", "The rights: access, "),
        ("people: PT72H", "people: P7D", "breach.people", "How soon people hears of a leak: 72 hours became 7 days."),
        ("backup_every: P1D", "backup_every: P7D", "security.backup_every", "How often: backup: 1 day became 7 days."),
        (
            "name: The operator,",
            "name: Another,",
            "parties.operator.name",
            "The operator's name: The operator became Another.",
        ),
        ("shred: P1Y", "shred: P2Y", "vault.shred", "When the vault is destroyed: 1 year became 2 years."),
        ("langs: [en, hi, mr]", "langs: [en, hi]", "policy.langs", "The languages: en, hi, mr became en, hi."),
        (
            "{closure: P30D, request: P30D}, override",
            "{closure: P1M, request: P30D}, override",
            "keep.content.until.closure",
            "How long content is kept after closure: 30 days became 1 month.",
        ),
        (
            "usage:   {kind: analytics, life",
            "usage:   {kind: essential, life",
            "storage.keys.usage.kind",
            "The kind of storage usage: analytics became essential.",
        ),
    ],
)
def test_a_weaker_promise_is_material(old: str, new: str, path: str, sentence: str) -> None:
    [change] = changes((old, new))
    assert change.path == path
    assert change.sentence.startswith(sentence)
    assert change.is_material
    assert f"Material: {change.reason}." in str(change)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("last_login: P3Y", "last_login: P2Y"),
        ("min_age: 18", "min_age: 21"),
        ("lead: P30D", "lead: P60D"),
        ("due: P30D", "due: P14D"),
        ('tls: "1.2"', 'tls: "1.3"'),
        ("never: [", "never: [sell_to_friends, "),
        ("kinds: [access, ", "kinds: [access, explain, "),
        ("gets: [identity, content], in: [US]", "gets: [identity], in: [US]"),
        ("email_if: material", "email_if: any"),
        ("certin: PT6H", "certin: PT3H"),
    ],
)
def test_a_stronger_promise_is_not_material(old: str, new: str) -> None:
    [change] = changes((old, new))
    assert change.direction is Direction.STRICTER
    assert not change.is_material
    assert str(change) == change.sentence


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("version: 1", "version: 2", "policy.version"),
        ("effective: 2026-12-01", "effective: 2027-01-01", "policy.effective"),
        ('post: "Business Park,', 'post: "New Park,', "parties.contact.post"),
        ("calls: [talk.business.example]", "calls: [voice.business.example]", "products.calls"),
    ],
)
def test_facts_about_the_file_and_addresses_are_not_material(old: str, new: str, path: str) -> None:
    [change] = changes((old, new))
    assert (change.path, change.is_material) == (path, False)


@pytest.mark.parametrize(
    ("group", "added", "sentence", "material"),
    [
        (
            "purposes:  #",
            "  survey: {is: dpv:Marketing, uses: [identity], basis: consent}",
            "The purpose “survey” was added.",
            True,
        ),
        (
            "recipients:\n",
            "  ads: {is: dpv:ThirdParty, gets: [identity], when: consent, named: true}",
            "The recipient “ads” was added.",
            True,
        ),
        ("data:  #", "  birth: {is: [pd:BirthDate]}", "The kind of data “birth” was added.", True),
        (
            "keep:  #",
            "  birth: {of: [identity], until: {closure: P1D}}",
            "The rule of keeping “birth” was added.",
            False,
        ),
        (
            "  keys:\n",
            "    pixel: {kind: marketing, life: P1D}",
            "The thing stored on devices “pixel” was added.",
            True,
        ),
    ],
)
def test_an_entry_that_comes_or_goes_is_told_once(group: str, added: str, sentence: str, material: bool) -> None:
    text = changed((group, group))
    at = text.index(group)
    end = text.index("\n", at) + 1
    more = loading.load(f"{text[:end]}{added}\n{text[end:]}").policy
    [change] = differences.between(policy(), more)
    assert (change.sentence, change.is_material) == (sentence, material)
    [gone] = differences.between(more, policy())
    assert gone.sentence == sentence.replace("added", "removed")
    assert gone.is_material is (not material)  # less of what is told is no harm; a rule of keeping less is


def test_a_vault_that_comes_is_material() -> None:
    line = next(line for line in changed().splitlines() if line.startswith("vault:"))
    [change] = differences.between(policy((f"{line}\n", "")), policy())
    assert (change.path, change.sentence, change.is_material) == ("vault", "The vault was added.", True)
    [gone] = differences.between(policy(), policy((f"{line}\n", "")))
    assert not gone.is_material


def test_other_words_for_the_same_rules_are_not_material() -> None:
    found = changes(("Nothing else.", "For nothing else."))
    assert [(change.path, change.is_material) for change in found] == [("clauses.use", False)]


def test_a_new_sentence_is_told() -> None:
    found = differences.between(policy(), loading.load(with_clause("We are here.")).policy)
    assert [change.path for change in found] == ["clauses.more", "translations.hi", "translations.mr"]
    assert not differences.is_material(found)


def test_several_changes_stand_in_the_order_of_the_file() -> None:
    found = changes(("min_age: 18", "min_age: 16"), ("last_login: P3Y", "last_login: P5Y"), ("due: P30D", "due: P10D"))
    assert [change.path for change in found] == ["keep.account.until.last_login", "rights.due", "children.min_age"]
    assert differences.is_material(found)


def test_there_and_back_turns_each_direction() -> None:
    pairs = (("min_age: 18", "min_age: 16"), ("last_login: P3Y", "last_login: P1Y"), ("lead: P30D", "lead: P1M"))
    there, back = differences.between(policy(), policy(*pairs)), differences.between(policy(*pairs), policy())
    turned = {
        Direction.STRICTER: Direction.LOOSER,
        Direction.LOOSER: Direction.STRICTER,
        Direction.OTHER: Direction.OTHER,
    }
    assert [turned[change.direction] for change in there] == [change.direction for change in back]


def test_own_words_for_a_name_are_words_too() -> None:
    relabelled = changed(("\ntranslations:", "\nlabels: {recipients.mail: our postman}\n\ntranslations:"))
    [change] = differences.between(policy(), loading.load(relabelled).policy)
    assert (change.path, change.sentence, change.is_material) == (
        "translations.en",
        "The words in “en” changed.",
        False,
    )
