"""Who received data of an erased person hears of it: an order with proof, or an open item."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amanat.accounts.models import Workspace
from amanat.core import clock, jobs, onward, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.onward import Order, Receiver
from amanat.people.models import Phone
from amanat.privacy.erasure import recipients
from amanat.privacy.erasure.models import Erasure, ErasureOpenItem
from amanat.privacy.erasure.tests import people
from amanat.privacy.erasure.tests.people import ADDRESS, NUMBER
from amanat.privacy.registers import traffic


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(onward, "_receivers", {})
    yield


def _phones(workspace_id: object, contact_ids: object) -> list[object]:
    return list(Phone.objects.of(workspace_id).filter(contact__in=contact_ids).values_list("pk", flat=True))  # type: ignore[arg-type]


def _items(workspace: Workspace) -> dict[str, ErasureOpenItem]:
    with tenancy.inside(workspace):
        return {one.place: one for one in ErasureOpenItem.objects.of(workspace).filter(kind="recipient")}


@pytest.mark.slow
def test_an_order_is_handed_over_and_its_proof_closes_the_item(shree: Workspace) -> None:
    said: list[Order] = []
    onward.register(Receiver("whatsapp", _phones, lambda order: said.append(order) or "number 4711"))  # type: ignore[arg-type, func-returns-value]
    onward.register(Receiver("mail", lambda _here, _ids: []))
    done = people.erase(shree, people.make_her(shree))
    assert done.state == Erasure.State.DONE
    item = _items(shree)["whatsapp"]
    assert set(_items(shree)) == {"whatsapp"} and (item.count, len(item.rows), item.closed_at) == (1, 1, None)
    with tenancy.inside(shree):
        assert jobs.under_way([recipients.JOB], argument="erasure", among=[str(done.pk)])
    assert recipients.tell(done.pk, workspace_id=shree.pk, at=clock.now()) == 1
    [order] = said
    assert (set(order.addresses), list(order.rows)) == ({NUMBER, ADDRESS}, item.rows)
    closed = _items(shree)["whatsapp"]
    assert (closed.answer, closed.closed_at is not None, closed.closed_by_id) == ("number 4711", True, None)
    with tenancy.inside(shree):
        assert Erasure.objects.of(shree).get().wanted is None, "nobody needs to know her any more"
        assert LedgerEntry.objects.of(shree).filter(event="privacy.erasure.recipient_told").count() == 1
    assert recipients.tell(done.pk, workspace_id=shree.pk, at=clock.now()) == 0


@pytest.mark.slow
def test_what_is_not_proved_stays_open_and_hinders_nobody_else(shree: Workspace) -> None:
    def fails(order: Order) -> str:
        raise ConnectionError

    onward.register(Receiver("broken", _phones, fails))  # type: ignore[arg-type]
    onward.register(Receiver("silent", _phones, lambda _order: ""))  # type: ignore[arg-type]
    onward.register(Receiver("by hand", _phones))  # type: ignore[arg-type]
    onward.register(Receiver("good", _phones, lambda _order: "done"))  # type: ignore[arg-type]
    done = people.erase(shree, people.make_her(shree))
    assert recipients.tell(done.pk, workspace_id=shree.pk, at=clock.now()) == 1
    assert {name for name, one in _items(shree).items() if one.closed_at is None} == {"broken", "silent", "by hand"}


def test_a_named_recipient_with_traffic_that_nobody_speaks_for_is_an_open_item(shree: Workspace) -> None:
    traffic._add("whatsapp", "graph.facebook.com", 10, was_refused=False)
    traffic._add("authority", "court.example", 10, was_refused=False)
    people.erase(shree, people.make_her(shree))
    assert set(_items(shree)) == {"whatsapp"}


def test_what_ends_by_its_time_orders_nothing(shree: Workspace) -> None:
    onward.register(Receiver("whatsapp", _phones))  # type: ignore[arg-type]
    people.erase(shree, people.make_her(shree), because="retention")
    assert _items(shree) == {}
