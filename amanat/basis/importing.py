"""People brought in from a file of whom somebody says that they agreed: to what, where and when; the file itself is the evidence.

The person did not say so here, hence such a yes lifts no suppression, and a later no of hers stands. The people are all whom the file names,
new ones and those who were here already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.dateparse import parse_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.basis import asking, principals, rules
from amanat.basis import forms as own_forms
from amanat.basis.models import ConsentRecord, Method
from amanat.core import clock, ledger
from amanat.core.models_files import StoredFile
from amanat.people.models import ImportRun


class DeclaredConsent:
    """The questions on the page of an import, and the records that follow."""

    def fields(self, workspace_id: UUID) -> dict[str, forms.Field]:
        choices = own_forms.wanted(rules.of(workspace_id), get_language() or "en")
        return {
            "agreed": forms.MultipleChoiceField(
                choices=choices, required=False, widget=forms.CheckboxSelectMultiple, label=_("These people agreed to"),
                help_text=_("Leave it empty where you do not know. Nobody may be written to for what is not ticked."),
            ),
            "agreed_source": forms.CharField(max_length=200, required=False, label=_("Where and how they agreed")),
            "agreed_on": forms.DateField(
                required=False, label=_("On which day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            ),
        }  # fmt: skip

    def told(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Raises ValidationError where a yes has no source or day, or a day that is still to come."""
        agreed, source, on = (
            given.get("agreed") or [],
            (given.get("agreed_source") or "").strip(),
            given.get("agreed_on"),
        )
        if not agreed:
            return {"agreed": [], "agreed_source": "", "agreed_on": None}
        problems: dict[str, str] = {}
        if not source:
            problems["agreed_source"] = _("Say where they agreed: nobody can show a yes that comes from nowhere.")
        if on is None:
            problems["agreed_on"] = _("Say when they agreed.")
        elif on > clock.today("Asia/Kolkata"):
            problems["agreed_on"] = _("This day is still to come.")
        if problems or on is None:
            raise ValidationError(problems)
        return {"agreed": list(agreed), "agreed_source": source, "agreed_on": on.isoformat()}

    def apply(self, run: ImportRun, contact_ids: Sequence[UUID]) -> None:
        """A record for each person, purpose and channel, once, whatever worker goes on with the import."""
        wanted = [own_forms.as_wanted(value) for value in run.options.get("agreed") or []]
        on = parse_date(run.options.get("agreed_on") or "")
        if wanted and on is not None:
            _write(
                run, list(dict.fromkeys(contact_ids)), wanted, at=min(datetime.combine(on, time(12), UTC), clock.now())
            )


def _write(run: ImportRun, ids: Sequence[UUID], wanted: Sequence[tuple[str, str]], *, at: datetime) -> None:
    here, in_force = run.workspace_id, rules.of(run.workspace_id)
    evidence = {"import": str(run.pk), "file": run.file_name, "source": run.options["agreed_source"]}
    file = StoredFile.objects.of(here).filter(pk__in=[run.file_id]).first()
    if file is not None:
        evidence["sha256"] = file.sha256
    with transaction.atomic():
        digests = {pk: principals.digest(pk, workspace_id=here) for pk in ids}
        for purpose, channels in asking.by_purpose(wanted):
            for channel in channels:
                in_force.check_channel(purpose, channel)
                there = set(
                    ConsentRecord.objects.of(here)
                    .filter(
                        contact__in=ids,
                        purpose=purpose,
                        channel=channel,
                        method=Method.FILE,
                        evidence__import=str(run.pk),
                    )
                    .values_list("contact_id", flat=True)
                )
                news = [pk for pk in ids if pk not in there]
                ConsentRecord.objects.bulk_create(
                    ConsentRecord(
                        workspace_id=here, contact_id=pk, principal=digests[pk], purpose=purpose, channel=channel,
                        what=ConsentRecord.What.GIVEN, at=at, method=Method.FILE, by_id=run.created_by_id, evidence=evidence,
                    )
                    for pk in news
                )  # fmt: skip
                if news:
                    ledger.write(
                        "basis.consent.given", workspace=here, by=run.created_by_id, about=run, at=clock.now(),
                        purpose=purpose, channels=[channel], method=Method.FILE.value, count=len(news),
                    )  # fmt: skip
