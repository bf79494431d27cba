"""What the doctor says about the domains from which workspaces send mail; the name servers are given here."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.messaging.channels import accounts, mail_dns
from amanat.operations import doctor


@pytest.fixture
def connected(shree: Workspace, other: Workspace, db: None) -> None:
    for workspace, address, host, is_sandbox in (
        (shree, "shop@shree.example", "smtp.gmail.com", False),
        (shree, "play@sandbox.example", "127.0.0.1", True),
        (other, "desk@shree.example", "smtp.gmail.com", False),
    ):
        with tenancy.inside(workspace):
            accounts.connect(
                workspace=workspace, by=None, at=clock.now(), provider="smtp", name="Mail", address=address,
                settings={"smtp_host": host}, secrets={}, is_sandbox=is_sandbox,
            )  # fmt: skip


def test_each_domain_is_asked_about_once(connected: None) -> None:
    assert mail_dns.senders() == [mail_dns.Sender("shree.example", "smtp", "smtp.gmail.com")]


def test_what_to_publish_is_said(connected: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def published(name: str) -> list[str]:
        asked.append(name)
        return ["v=spf1 include:_spf.google.com ~all"] if name == "shree.example" else []

    monkeypatch.setattr(mail_dns, "resolve", published)
    found = list(doctor._mail_domains(settings.CONFIGURATION))
    states = {finding.name: finding.state for finding in found}
    assert states == {"SPF of shree.example": "ok", "DKIM of shree.example": "warn", "DMARC of shree.example": "warn"}
    assert all(finding.mend for finding in found if finding.state == "warn")
    assert all(name.endswith("shree.example") and "shop" not in name for name in asked)


def test_silent_name_servers_are_no_fault_of_the_domain(connected: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(name: str) -> Any:
        raise LookupError(name)

    monkeypatch.setattr(mail_dns, "resolve", silent)
    [finding] = doctor._mail_domains(settings.CONFIGURATION)
    assert (finding.state, finding.sentence) == ("warn", "No name server answered.")


def test_nothing_is_asked_unless_somebody_asks_for_it() -> None:
    assert doctor._mail_domains not in (*doctor.PLAIN_CHECKS, *doctor.DATABASE_CHECKS)
