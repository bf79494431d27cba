"""Strictest wins: never looser than any input, whatever the sequence, the grouping or the repetition."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.policy import differences, linting, loading, merging, rendering
from amanat.policy.documents import content_hash
from amanat.policy.format import Policy
from amanat.policy.linting import Severity
from amanat.policy.merging import merge
from amanat.policy.strictness import TOLD, Direction, rule_for
from amanat.policy.tests.samples import changed, policy

#: Ways a policy can differ from the default; hypothesis takes any of them together.
WAYS: list[tuple[str, str]] = [
    ("id: default", "id: other"),
    ("name: The operator", "name: Another"),
    ("court: Kolkata, saving: statutory", "court: Delhi, saving: none"),
    ("privacy@business.example", "help@business.example"),
    ("version: 1", "version: 4"),
    ("effective: 2026-12-01", "effective: 2027-02-01"),
    ("last_login: P3Y", "last_login: P1M"),
    ("{closure: P30D, request: P30D}, override: client_contract}", "{closure: P1M, withdrawn: P10D}}"),
    ("warn: PT48H", "warn: P1M"),
    ("min_age: 18", "min_age: 16"),
    ("freeze: PT1M", "freeze: PT1H"),
    ("uses: [usage], basis: consent", "uses: [usage, talk], basis: {in-dpdp: s7a, eu-gdpr: A6-1-f, us-ccpa: notice}"),
    ("basis: {in-dpdp: s7d, eu-gdpr: A6-1-c, us-ccpa: notice}", "basis: {in-dpdp: s6, us-ccpa: opt_in}"),
    ("rent, trade, competitors, profiling,", "trade, rent, identifiable_without_consent,"),
    ("in: [US], safeguard: scc", "in: [SG], safeguard: dpf"),
    ("when: consent, named: true", "when: always"),
    ("approvers: 2", "approvers: 1"),
    ("notice_before_sale: P30D", "notice_before_sale: P1M"),
    ("region: pinned", "region: free"),
    ("due: P30D", "due: P1M"),
    ("eu-gdpr: P1M+P2M", "eu-gdpr: P30D"),
    ("by: [self_service, email, phone, post]", "by: [email, self_service]"),
    ("usage:   {kind: analytics, life: P6M}", "usage:   {kind: functional, life: P13M}"),
    ("at_rest: envelope_per_tenant", "at_rest: tls"),
    ("mfa_required: [admin]", "mfa_required: []"),
    ("audit_every: P1M", "audit_every: P30D"),
    ("certin: PT6H", "certin: PT12H"),
    (", eu_authority: PT72H", ""),
    ("email_if: material, lead: P30D, archive: public", "email_if: any, lead: P7D, archive: on_request"),
    ('silence_is: "no"', 'silence_is: "yes"'),
    ("shred: P1Y", "shred: P2Y"),
    ("    promo:   {kind: marketing, life: P6M}\n", ""),
    ("Nothing else.", "For nothing else."),
    ("No system is perfectly secure.", "A system is never perfectly secure."),
    ("rests: [purposes, never], probe: [P-OPERATE,", "rests: [never, purposes], probe: [P-NEW,"),
    ("langs: [en, hi, mr]", "langs: [en, hi]"),
    ("शेवटचा बदल:", "मागील बदल:"),
]


def made(chosen: frozenset[int]) -> Policy:
    return policy(*(WAYS[number] for number in sorted(chosen)))


POLICIES = st.frozensets(st.integers(0, len(WAYS) - 1), max_size=8).map(made)
FEW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@FEW
@given(st.lists(POLICIES, min_size=2, max_size=3), st.randoms(use_true_random=False))
def test_the_sequence_does_not_matter(policies: list[Policy], random: object) -> None:
    turned = list(policies)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert content_hash(merge(turned).policy) == content_hash(merge(policies).policy)


@pytest.mark.slow
@FEW
@given(POLICIES, POLICIES, POLICIES)
def test_the_grouping_does_not_matter(one: Policy, two: Policy, three: Policy) -> None:
    left = merge([merge([one, two]).policy, three]).policy
    right = merge([one, merge([two, three]).policy]).policy
    assert left.as_document() == right.as_document() == merge([one, two, three]).policy.as_document()


@pytest.mark.slow
@FEW
@given(POLICIES, POLICIES)
def test_repetition_does_not_matter(one: Policy, two: Policy) -> None:
    merged = merge([one, two]).policy
    assert content_hash(merge([one, two, one]).policy) == content_hash(merged)
    assert content_hash(merge([merged, one]).policy) == content_hash(merge([merged]).policy) == content_hash(merged)


@pytest.mark.slow
@FEW
@given(st.lists(POLICIES, min_size=1, max_size=3))
def test_the_result_is_never_looser_than_any_of_them(policies: list[Policy]) -> None:
    merged = merge(policies).policy
    for one in policies:
        looser = [
            change
            for change in differences.between(one, merged)
            if change.direction is Direction.LOOSER and (rule := rule_for(change.path)) and rule.order is not TOLD
        ]
        # The one promise that is replaced, because nobody with a processor can keep it; and languages not all have.
        assert {change.path for change in looser} <= {"never", "policy.langs"}, looser
        assert set(one.never) - {"identifiable_without_consent"} <= set(merged.never)


def test_a_policy_alone_stays_as_it_is() -> None:
    merged = merge([policy()])
    assert content_hash(merged.policy) == content_hash(policy())
    assert merged.resolutions == ()


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(ValueError, match="needs a policy"):
        merge([])


CONFLICTS = [
    (
        "X1",
        ("min_age: 18", "min_age: 16"),
        "children.min_age",
        "The lowest age: default says 18; default says 16. It is now 18 (the highest).",
    ),
    (
        "X2",
        ("last_interaction: P3Y", "last_interaction: P5Y"),
        "keep.marketing.until.last_interaction",
        "It is now 3 years",
    ),
    (
        "X3",
        ("{closure: P30D, request: P30D}, override", "{closure: P30D, request: P45D}, override"),
        "keep.content.until.request",
        "It is now 30 days",
    ),
    ("X5", ("last_login: P3Y", "last_login: P5Y"), "keep.account.until.last_login", "It is now 3 years"),
    ("X6", ("{issued: P7Y}", "{issued: P9Y}"), "keep.billing.until.issued", "It is now 7 years"),
    ("X20", ("court: Kolkata", "court: Delhi"), "parties", "A complaint to an authority stays possible."),
    ("X4", ("shred: P1Y", "shred: P3Y"), "vault.shred", "It is now 1 year"),
    ("X7", ("due: P30D", "due: P90D"), "rights.due", "It is now 30 days"),
    ("X8", ("is: [pd:IPAddress,", "anonymous: true, is: [pd:IPAddress,"), "data.security.anonymous", "It is now no"),
    ("X9", ("when: consent, named: true", "when: always, named: true"), "recipients.partner.when", "It is now consent"),
    (
        "X10",
        ("uses: [usage], basis: consent", "uses: [usage], basis: implied"),
        "purposes.analytics.basis",
        "It is now consent",
    ),
    (
        "X11",
        ("uses: [usage], basis: consent, grain: aggregate", "uses: [usage], basis: consent"),
        "purposes.analytics.grain",
        "It is now aggregate",
    ),
    ("X12", ("at_rest: envelope_per_tenant", "at_rest: tls"), "security.at_rest", "It is now envelope_per_tenant"),
    ("X13", ("people: PT72H", "people: P7D"), "breach.people", "It is now 72 hours"),
    ("X14", ("audit_every: P1M", "audit_every: P1Y"), "security.audit_every", "It is now 1 month"),
    ("X15", ("opt_out_effect: PT60S", "opt_out_effect: P2D"), "rights.opt_out_effect", "It is now 60 seconds"),
    (
        "X16",
        ("notice_before_sale: P30D", "notice_before_sale: PT0S"),
        "transfers.notice_before_sale",
        "It is now 30 days",
    ),
    (
        "X17",
        ("usage:   {kind: analytics", "usage:   {kind: essential"),
        "storage.keys.usage.kind",
        "It is now analytics",
    ),
    ("X18", ("safeguard: scc", "safeguard: privacy_shield"), "recipients.whatsapp.safeguard", "It is now scc"),
    ("X19", ("email_if: material", "email_if: never"), "changes.email_if", "It is now material"),
    (
        "X21",
        (
            "is: [pd:CallLog, pd:CommunicationsMetadata, pd:EmailContent], of: tenant",
            "is: [pd:CallLog, pd:CommunicationsMetadata, pd:EmailContent]",
        ),
        "data.talk.of",
        "It is now tenant",
    ),
]


@pytest.mark.parametrize(("code", "way", "path", "sentence"), CONFLICTS, ids=[row[0] for row in CONFLICTS])
def test_each_conflict_has_its_resolution_in_words(code: str, way: tuple[str, str], path: str, sentence: str) -> None:
    [resolution] = merge([policy(), policy(way)]).resolutions
    assert resolution.path == path
    assert sentence in resolution.sentence
    assert code in resolution.conflict.split(", ")


def test_all_triggers_count_and_the_earliest_ends_it() -> None:
    other = ("{last_interaction: P3Y, opt_out: P30D}", "{last_interaction: P5Y, withdrawn: P10D}")
    keep = merge([policy(), policy(other)]).policy.keep["marketing"].until
    assert {trigger: str(period) for trigger, period in keep.items()} == {
        "last_interaction": "P3Y",
        "opt_out": "P30D",
        "withdrawn": "P10D",
    }


def test_every_floor_is_named() -> None:
    sole = ("floor: [in-cgst-36, in-companies-128-5]", "floor: [in-cgst-36]")
    assert merge([policy(), policy(sole)]).policy.keep["billing"].floor == ("in-cgst-36", "in-companies-128-5")


def test_a_promise_nobody_can_keep_is_replaced() -> None:
    literal = policy(("identifiable_without_basis", "identifiable_without_consent"))
    merged = merge([literal])
    assert "identifiable_without_basis" in merged.policy.never
    assert "identifiable_without_consent" not in merged.policy.never
    [resolution] = merged.resolutions
    assert (resolution.path, resolution.conflict) == ("never", "X9")


def test_a_purpose_that_one_policy_forbids_is_dropped() -> None:
    seller = policy(
        ("is: dpv:ServiceUsageAnalytics", "is: dpv:Advertising"), ("never: [dpv:SellDataToThirdParties,", "never: [")
    )
    strict = policy(
        ("never: [", "never: [dpv:Advertising, "),
        ("  analytics: {is: dpv:ServiceUsageAnalytics", "  counting: {is: dpv:ServiceUsageAnalytics"),
    )
    merged = merge([seller, strict])
    assert "analytics" not in merged.policy.purposes
    assert "counting" in merged.policy.purposes
    assert "The purpose “analytics” is dropped: one of the policies promises never to do it." in {
        resolution.sentence for resolution in merged.resolutions
    }


def test_the_operator_comes_whole_from_one_policy() -> None:
    other = policy(
        ("name: The operator", "name: Another"),
        ("privacy@business.example", "help@another.example"),
        ("id: default", "id: another"),
    )
    for chosen in (policy(), other):
        merged = merge([policy(), other], operator=chosen).policy
        assert merged.parties == chosen.parties
        assert merged.head.id == chosen.head.id
    assert merge([policy(), other]).policy.parties in (policy().parties, other.parties)


def test_a_saving_for_authorities_stays_whoever_the_operator_is() -> None:
    other = policy(("court: Kolkata, saving: statutory", "court: Delhi, saving: none"))
    merged = merge([policy(), other], operator=other).policy
    assert (merged.parties.venue.court, merged.parties.venue.saving) == ("Delhi", "statutory")


def test_clauses_stand_once_and_rest_on_all() -> None:
    more = changed(
        ('{id: people, in: protect, say: "People', '{id: staff, in: protect, say: "People'),
        ('    people: "डेटा के', '    staff: "डेटा के'),
        ('    people: "डेटासोबत', '    staff: "डेटासोबत'),
    )
    merged = merge([policy(), loading.load(more).policy]).policy
    ids = [clause.id for clause in merged.clauses]
    assert len(ids) == len(set(ids))
    assert {"people", "staff"} <= set(ids)
    assert [finding for finding in linting.lint(merged) if finding.severity is Severity.ERROR] == []


def test_the_translation_follows_the_sentence_that_was_chosen() -> None:
    other = policy(("Nothing else.", "For nothing else."), ("और किसी काम में नहीं।", "किसी और काम में नहीं।"))
    merged = merge([policy(), other])
    clause = next(clause for clause in merged.policy.clauses if clause.id == "use")
    expected = "किसी और काम में नहीं।" if "For nothing" in clause.say else "और किसी काम में नहीं।"
    assert expected in merged.policy.translations["hi"]["use"]
    assert any(
        resolution.path == "clauses.use" and "Read it again" in resolution.sentence for resolution in merged.resolutions
    )


def test_only_languages_that_all_have_stay() -> None:
    merged = merge([policy(), policy(("langs: [en, hi, mr]", "langs: [en, hi]"))]).policy
    assert merged.head.langs == ("en", "hi")
    assert set(merged.translations) == {"hi"}
    assert "72 घंटे" in rendering.render(merged, "hi").as_text()


def test_a_merged_policy_can_be_written_and_read_again() -> None:
    merged = merging.merge([policy(), policy(*WAYS[6:12])]).policy
    assert loading.from_document(merged.as_document()) == merged
