"""Probes of devices, money, sharing and rules: each is green here, and red when the thing it looks at is really broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from amanat.accounts import devices
from amanat.accounts.models import User, Workspace
from amanat.core import clock, jobs, ledger, tenancy
from amanat.core.models import LimitCount
from amanat.core.outgoing import Disclosure
from amanat.core.personal_data import Held, Personal
from amanat.desk import services
from amanat.people import lists, timeline
from amanat.people.models import Source
from amanat.policy import law, linting, probing, ready
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding
from amanat.privacy.copies import chapters
from amanat.privacy.registers import traffic
from amanat.privacy.requests.models import RightsRequest
from amanat.privacy.retention import reckoning
from amanat.privacy.vault.models import SealedRecord
from amanat.proof import probes_devices, probes_records, probes_rules
from amanat.publishing import inventory, visiting

POLICY = ready.policy("default")
OURS = ("devices.", "sharing.", "rules.", "records.money")
NAMES = sorted(name for name in probing.registered() if name.startswith(OURS))


def ask(name: str, workspace: Workspace, policy: Policy = POLICY) -> Finding:
    """The probe's finding, in a savepoint that is taken back as in a run."""
    with tenancy.inside(workspace), transaction.atomic():
        found = probing.registered()[name].run(Asked(workspace.id, policy, clock.now()))
        transaction.set_rollback(True)
    return found


def changed(**blocks: Any) -> Policy:
    return Policy.model_construct(POLICY.model_fields_set, **{**dict(POLICY), **blocks})


def holding(monkeypatch: pytest.MonkeyPatch, model: str, whose: Any, name: str, kind: str) -> None:
    """One declared column more."""
    more = Held(model=model, whose=whose, clause="keep.content", personal={name: Personal(kind)})
    real = inventory.held()
    monkeypatch.setattr(inventory, "held", lambda: (*real, more))


@pytest.mark.sampled
@pytest.mark.parametrize("name", NAMES)
def test_it_is_green_and_says_its_figures(shree: Workspace, name: str) -> None:
    found = ask(name, shree)
    assert found.is_kept, (name, dict(found.facts))
    assert str(found.said).format(**found.facts)


def test_a_device_whose_full_text_is_kept_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "describe", lambda text: text[:200])
    found = ask("devices.sign_in", shree)
    assert (found.is_kept, found.facts["leaks"]) == (False, 2)


def test_a_sign_in_whose_end_is_not_written_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes_devices.history, "ended", lambda key, by: None)
    assert (ask("devices.sign_in", shree).is_kept, ask("devices.sign_in", shree).facts["timed"]) == (False, 0)


def test_an_address_of_the_internet_that_is_called_non_personal_is_found(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = [replace(one, personal={}) if one.model == "accounts.SignIn" else one for one in inventory.held()]
    with monkeypatch.context() as patch:
        patch.setattr(inventory, "held", lambda: tuple(without))
        assert ask("devices.personal", shree).facts["undeclared"] == 2
    unlisted = {name: kind for name, kind in POLICY.data.items() if "pd:IPAddress" not in kind.terms}
    assert not ask("devices.personal", shree, changed(data=unlisted)).is_kept


def test_an_address_of_a_member_in_an_undeclared_column_is_found(shree: Workspace) -> None:
    with tenancy.inside(shree):
        email = probes_records.someone_of(shree.id).user.email
    LimitCount.objects.create(key=email, tries=1, window_ends_at=clock.now())
    found = ask("devices.sign_in_name", shree)
    assert (found.is_kept, found.facts["undeclared"]) == (False, 1)


def test_a_second_name_to_sign_in_with_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "USERNAME_FIELD", "name")
    assert not ask("devices.sign_in_name", shree).is_kept


def test_a_declared_place_and_a_page_that_may_ask_for_one_are_found(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    with monkeypatch.context() as patch:
        holding(patch, "accounts.SignIn", "user", "geo_city", "pd:Location")
        assert (ask("devices.place", shree).is_kept, ask("devices.place", shree).facts["declared"]) == (False, 1)
    monkeypatch.setattr(visiting, "_handler", cache(visiting._handler.__wrapped__))
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != "amanat.core.middleware.caller"]
    assert not ask("devices.place", shree).is_kept


def test_columns_for_places_are_known_by_their_names() -> None:
    assert probes_devices.is_place_column("geo_city") and probes_devices.is_place_column("latitude")
    assert not probes_devices.is_place_column("relation") and not probes_devices.is_place_column("language")


@pytest.mark.slow
def test_a_payment_told_to_an_undeclared_column_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    real = services.create

    def leaking(**told: Any) -> Any:
        record = real(**told)
        ledger.write(
            "desk.service_record.created",
            workspace=told["workspace"],
            at=told["at"],
            reference=told["payment"].reference,
        )
        return record

    monkeypatch.setattr(services, "create", leaking)
    found = ask("records.money", shree)
    assert (found.is_kept, found.facts["undeclared"]) == (False, 1)


def test_a_recipient_without_a_ground_and_traffic_to_nobody_are_found(shree: Workspace) -> None:
    mail = POLICY.recipients["mail"].model_copy(update={"contract": "none"})
    found = ask("sharing.on_a_ground", shree, changed(recipients={**POLICY.recipients, "mail": mail}))
    assert (found.is_kept, found.facts["groundless"]) == (False, 1)
    traffic.count(Disclosure("tracker", "tracker.test", "POST", 10, None))
    found = ask("sharing.on_a_ground", shree)
    assert (found.is_kept, found.facts["stray"]) == (False, 1)


def test_a_request_to_a_partner_is_found(shree: Workspace) -> None:
    traffic.count(Disclosure("mail", "mail.test", "POST", 10, None))
    traffic.count(Disclosure("push", "fcm.googleapis.com", "POST", 10, None))  # whose yes is asked for
    assert ask("sharing.partners", shree).is_kept
    traffic.count(Disclosure("partner", "partner.test", "POST", 10, None))
    found = ask("sharing.partners", shree)
    assert (found.is_kept, found.facts["sent"]) == (False, 1)


def test_a_copy_for_an_agent_whom_nobody_identified_is_found(shree: Workspace) -> None:
    now = clock.now()
    with tenancy.inside(shree):
        person = probes_records.planted(Asked(shree.id, POLICY, now))
        told: dict[str, Any] = {
            "workspace_id": shree.id, "kind": "access", "contact": person, "who": "agent", "how": "email", "state": "answered",
            "outcome": "granted", "code": b"x" * 32, "received_at": now - timedelta(days=1), "answered_at": now,
            "promised_at": now, "due_at": now,
        }  # fmt: skip
        RightsRequest.objects.create(
            **told, identified_at=now - timedelta(hours=1), identified_by=probes_records.someone_of(shree.id)
        )
    assert ask("sharing.directed", shree).is_kept
    with tenancy.inside(shree):
        RightsRequest.objects.create(**told)
    found = ask("sharing.directed", shree)
    assert (found.is_kept, found.facts["given"], found.facts["wrong"]) == (False, 2, 1)


def test_a_column_for_profiles_and_a_job_without_a_purpose_are_found(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        holding(patch, "people.Contact", "contact", "credit_score", "pd:CreditScore")
        assert ask("sharing.no_profiling", shree).facts["columns"] == 1
        assert not ask("sharing.no_profiling", shree).is_kept
    name, one = next(iter(jobs.registered().items()))
    monkeypatch.setattr(jobs, "registered", lambda: {name: replace(one, purpose="mining")})
    assert not ask("sharing.no_profiling", shree).is_kept


def test_a_linter_that_lets_profiling_through_is_found(shree: Workspace) -> None:
    allowed = changed(never=tuple(word for word in POLICY.never if word != "profiling"))
    assert not ask("sharing.no_profiling", shree, allowed).is_kept


def test_a_law_without_a_source_or_that_nobody_knows_is_found(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.inside(shree):
        SealedRecord.objects.create(
            workspace_id=shree.id, principal=b"x" * 32, body=b"x", law="xx-nowhere", sealed_at=clock.now(), ends_on="2027-01-01"
        )  # fmt: skip
    assert not ask("rules.legal_duties", shree).is_kept
    with tenancy.inside(shree):
        SealedRecord.objects.of(shree).delete()
    assert ask("rules.legal_duties", shree).is_kept
    with monkeypatch.context() as patch:
        patch.setattr(linting, "lint", lambda policy, **more: [])
        assert not ask("rules.legal_duties", shree).is_kept
    monkeypatch.setattr(law, "packs", lambda names: ())
    assert not ask("rules.legal_duties", shree).is_kept


def test_a_sweep_that_follows_a_fixed_period_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    real = reckoning.term
    monkeypatch.setattr(reckoning, "term", lambda policy, name, trigger: real(POLICY, name, trigger))
    found = ask("rules.own_periods", shree)
    assert not found.is_kept and int(found.facts["wrong"] or 0) > 5


def test_a_list_that_forgets_its_order_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists.Definition, "pairs", lambda self: [("source", str(Source.FORM))])
    assert not ask("rules.lists", shree).is_kept


def test_a_preference_that_nobody_sees_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    holding(monkeypatch, "accounts.User", "user", "favourite_pages", "pd:Preference")
    found = ask("rules.personalisation", shree)
    assert (found.is_kept, found.facts["hidden"]) == (False, 1)


def test_improving_that_reads_names_is_found(shree: Workspace) -> None:
    wider = POLICY.purposes["improve"].model_copy(update={"uses": ("identity",)})
    found = ask("rules.development", shree, changed(purposes={**POLICY.purposes, "improve": wider}))
    assert not found.is_kept and int(found.facts["fields"] or 0) > 2


def test_a_real_address_in_a_file_that_comes_with_the_program_is_found(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not probes_rules.has_real_address("a@shop.example, b@x.test, c@demo.example")
    leak = tmp_path / "people.csv"
    leak.write_text("Asha,asha@somewhere.in\n", "utf-8")
    probes_rules._shipped.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(probes_rules, "data_files", lambda: iter([leak]))
        assert (ask("rules.development", shree).is_kept, ask("rules.development", shree).facts["real"]) == (False, 1)
    probes_rules._shipped.cache_clear()


def test_a_copy_that_does_not_say_why_or_how_long_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    purposes = {
        name: one.model_copy(update={"uses": tuple(kind for kind in one.uses if kind != "identity")})
        for name, one in POLICY.purposes.items()
    }
    with monkeypatch.context() as patch:
        real = chapters._purposes
        patch.setattr(
            chapters,
            "_purposes",
            lambda gathered, in_force, *more: real(
                gathered, replace(in_force, policy=changed(purposes=purposes)), *more
            ),
        )
        assert int(ask("rules.explained", shree).facts["unexplained"] or 0) > 0
        assert not ask("rules.explained", shree).is_kept
    monkeypatch.setattr(chapters, "clause_of", lambda held, policy: "")
    assert not ask("rules.explained", shree).is_kept


@pytest.mark.slow
def test_a_line_about_nobody_is_no_place_of_money(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing found is no proof: a payment that was never written down does not count as well kept."""
    monkeypatch.setattr(services, "create", lambda **told: timeline)
    assert not ask("records.money", shree).is_kept
