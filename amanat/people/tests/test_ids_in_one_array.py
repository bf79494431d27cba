"""Many ids in one array: the same answers as Django's own, and one parameter."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.core import ids, lookups, tenancy
from amanat.people.models import Contact, Phone
from amanat.people.tests import factories


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_many_ids_are_asked_for_by_one_array(shree: Workspace, kind: type) -> None:
    people = [factories.make_contact(shree, f"Person {n}", phone=f"+9198220417{n:02d}") for n in range(3)]
    wanted = kind([*(one.pk for one in people), *(ids.new() for _ in range(lookups.MANY))])
    with (
        tenancy.inside(shree),
        CaptureQueriesContext(
            connection,
        ) as asked,
    ):
        assert set(Contact.objects.of(shree).filter(pk__in=wanted)) == set(people)
        assert Phone.objects.of(shree).filter(contact__in=wanted).count() == 3
        assert Contact.objects.of(shree).exclude(pk__in=wanted).count() == 0
        assert Phone.objects.of(shree).filter(contact_id__in=wanted).delete()[0] == 3
    said = [each["sql"] for each in asked if " IN (" in each["sql"] or "ANY" in each["sql"]]
    assert len(said) >= 4 and all("= ANY('{" in sql for sql in said)


def test_few_ids_rows_and_texts_go_djangos_way(shree: Workspace) -> None:
    her = factories.make_contact(shree, phone="+919822041736")
    with tenancy.inside(shree):
        assert list(Contact.objects.of(shree).filter(pk__in=[her.pk])) == [her]
        assert Phone.objects.of(shree).filter(contact__in=[her]).count() == 1
        assert list(Contact.objects.of(shree).filter(pk__in=[str(her.pk)] * 30)) == [her]
        assert Phone.objects.of(shree).filter(contact__in=Contact.objects.of(shree)).count() == 1
        assert not Contact.objects.of(shree).filter(pk__in=[]).exists()
