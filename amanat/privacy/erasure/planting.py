"""Plant a canary: one row of each table of people, each text a mark of its own, sealed where its column is sealed, and a file of each kind.

The rows are made from the declarations, so a table that comes later is planted without being named; one that cannot be made stops the
planting (`NotPlanted`), and a test walks all declarations. What such a row needs that is nobody's (a breach, a line of messages) is
borrowed from the workspace, or made for the canary and taken away with it.
"""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import DataError, IntegrityError, models, transaction

from amanat.accounts.models import Member, Workspace
from amanat.basis import principals
from amanat.core import files, ids, jobs, tenancy, vault
from amanat.core.files import FileType
from amanat.core.models import LocalMessage
from amanat.core.models_files import StoredFile
from amanat.core.personal_data import OnErasure
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey
from amanat.people import contacts
from amanat.people.drafts import ContactDraft
from amanat.people.models import Contact
from amanat.privacy.erasure import belongings
from amanat.privacy.erasure.belongings import Model

STEM = "zzcanary"
#: By this a row that was made for the canary and is nobody's is known.
PROP = "For the canary"
#: Tables of people in which nothing is planted, each with its reason. The walk over all declarations holds this list.
NOT_PLANTED: dict[str, str] = {
    "people.Company": "a firm of its own, which stays when one of its people goes",
    "basis.Suppression": "a keyed hash, which the erasure itself leaves",
    "privacy.RelianceEnd": "a keyed hash, which the erasure itself leaves",
    "privacy.SealedRecord": "the vault: only the erasure puts something in, and only as long as a law wants it",
    "privacy.Erasure": "made by the erasure of the canary",
    "privacy.ErasureCertificate": "made by the erasure of the canary",
    "privacy.ErasureOpenItem": "made by the erasure of the canary, where something is found",
}
#: Columns of text in which no word of hers can stand, each with its reason.
NO_WORDS: dict[str, str] = {
    "people.Contact.sort_name": "made from the name",
    "people.Contact.main_phone": "her number",
    "people.Contact.language": "a code of a language",
    "people.Contact.custom": "the workspace has no field of its own of text",
    "people.Phone.number": "her number",
    "people.Phone.extension": "digits alone",
    "people.SearchEntry.digits": "digits of her number",
    "desk.Paper.number_tail": "four letters",
    "messaging.Message.language": "a code of a language",
    "basis.Passcode.code": "a keyed hash",
    "basis.Submission.code": "a keyed hash",
    "core.StoredFile.wrapped_key": "the key of the file",
}
_FILES: dict[str, tuple[str, FileType]] = {
    "people.Attachment": ("attachment", FileType.TXT),
    "desk.Paper": ("paper", FileType.PDF),
    "messaging.MessageFile": ("message", FileType.PNG),
    "people.ImportRun": ("import", FileType.ZIP),
    "people.ExportRun": ("export", FileType.CSV),
    "privacy.PersonCopy": ("copy", FileType.ZIP),
    "privacy.RightsRequest": ("proof of a request", FileType.PDF),
}
#: Uses of files that hold nothing of people a workspace knows: pictures of the site, papers that prove a promise.
FILES_OF_NOBODY = {"picture", "attestation"}


class NotPlanted(Exception):
    """A table of people in which no mark could be planted; says which."""


@dataclass(slots=True)
class Planted:
    """Where marks stand: tables, and columns as "label.column"."""

    contact_ids: tuple[UUID, ...]  #: hers, and of who acts for her
    places: list[str] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)  #: of files


def mark() -> str:
    """A word that stands nowhere else."""
    return f"{STEM}{secrets.token_hex(5)}"


def hers() -> list[Model]:
    """Tables that hold what is people's, after those they point at."""
    todo = [model for model in workspace_models() if _is_hers(model)]
    done: list[Model] = []
    while todo:
        free = [model for model in todo if not any(key.related_model in todo for key in _keys(model))]
        # Where two point at each other, the one that can be without comes first.
        ready = free or [
            model for model in todo if not any(key.related_model in todo for key in _keys(model, needed=True))
        ]
        assert ready, f"tables that need each other: {todo}"
        done.append(ready[0])
        todo.remove(ready[0])
    return done


def _is_hers(model: Model) -> bool:
    declared = belongings.held(model)
    is_hers = declared is not None and declared.whose == "contact" and bool(declared.personal)
    return is_hers and model._meta.label not in NOT_PLANTED


def _keys(model: Model, *, needed: bool = False) -> Iterator[WorkspaceForeignKey]:
    """The columns that point at other tables; those that may not be empty, when only what is needed is asked for."""
    keys = (each for each in model._meta.local_fields if isinstance(each, WorkspaceForeignKey))
    return (each for each in keys if each.related_model is not model and not (needed and each.null))


def words(model: Model) -> Iterator[models.Field[Any, Any]]:
    """The columns of a table that can hold words of a person and that an erasure takes away or empties."""
    declared = belongings.held(model)
    assert declared is not None  # one of `hers`
    for each in model._meta.local_concrete_fields:
        said = declared.personal.get(each.name)
        if said is None or said.on_erasure == OnErasure.KEEP or each.choices or getattr(each, "generated", False):
            continue
        is_text = isinstance(each, models.CharField | models.TextField | models.BinaryField | models.JSONField)
        if is_text or (isinstance(each, ArrayField) and isinstance(each.base_field, models.CharField)):
            yield each


def plant(workspace_id: UUID, *, at: datetime) -> Planted:
    """A new canary in a workspace. Raises NotPlanted, and then leaves nothing."""
    with tenancy.inside(workspace_id), transaction.atomic():
        return _Planter(workspace_id, at).planted()


class _Planter:
    """Plants one canary."""

    def __init__(self, here: UUID, at: datetime) -> None:
        self.here, self.at = here, at
        self.member = Member.objects.of(here).filter(ended_at__isnull=True).order_by("id").first()
        if self.member is None:
            raise NotPlanted("Nobody sits in this workspace.")
        self.her = self._person()
        #: who acts for her, and whom she looks like
        self.other = self._person()
        self.address = self.her.main_email
        self.rows: dict[str, Any] = {"people.Contact": self.her, "accounts.Member": self.member}
        self.found = Planted((self.her.pk, self.other.pk), ["people.Contact"])
        self.sealed = {(each.model, each.field): each for each in vault.sealed_columns()}

    def planted(self) -> Planted:
        self._note(Contact, "name", "external_id", "notes", "job_title", "main_email")
        if self.her.custom:
            self._note(Contact, "custom")
        self.found.places += ["people.Phone", "people.Email", "people.SearchEntry", "core.StoredFile"]
        self.found.columns |= {"people.Email.address", "people.SearchEntry.text", "core.StoredFile.name"}
        for model in hers():
            if model._meta.label not in self.found.places:
                self.rows[model._meta.label] = self._row(model)
                self.found.places.append(model._meta.label)
        self._around()
        return self.found

    def _person(self) -> Contact:
        from amanat.people.models import CustomField  # beside the rule that wants it

        own = CustomField.objects.of(self.here).filter(on="contact", kind="text", retired_at__isnull=True)
        draft = ContactDraft(
            name=f"{mark()} {mark()}", emails=[(f"{mark()}@example.in", "")], notes=mark(), job_title=mark(),
            phones=[(f"+9198{secrets.randbelow(10**8):08d}", "")], external_id=f"{mark()}-1",
            custom={str(one.pk): mark() for one in own},
        )  # fmt: skip
        workspace = Workspace.objects.of(self.here).get(pk=self.here)
        return contacts.create(workspace=workspace, by=None, at=self.at, draft=draft)

    def _note(self, model: Model, *names: str) -> None:
        self.found.columns |= {f"{model._meta.label}.{name}" for name in names}

    def _row(self, model: Model) -> Any:
        label = model._meta.label
        said, with_words = self._said(label), {each.name for each in words(model)}
        row = model(id=ids.new(), workspace_id=self.here)
        for each in model._meta.local_concrete_fields:
            if each.primary_key or each.name == "workspace_id" or getattr(each, "generated", False):
                continue
            if each.name in said:
                value = said[each.name]
            elif isinstance(each, WorkspaceForeignKey):
                value = self._pointed_at(model, each)
            elif each.name in with_words and f"{label}.{each.name}" not in NO_WORDS:
                value = self._word(each)
            else:
                value = self._plain(each)
            if value is not None and (model, each.name) in self.sealed:
                value = self._seal(row, each.name, value)
            if value is not ...:
                setattr(row, each.name, value)
            if each.name in with_words and f"{label}.{each.name}" not in NO_WORDS:
                self._note(model, each.name)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except (IntegrityError, DataError, ValueError) as error:
            raise NotPlanted(f"{label}: {error}") from error
        return row

    def _pointed_at(self, model: Model, key: WorkspaceForeignKey) -> Any:
        at_model: Any = key.related_model
        if at_model is StoredFile:
            return self._file(model)
        if at_model is Contact:
            return self.other if key.name == "guardian" else self.her
        if key.null:
            return self.rows.get(at_model._meta.label) if _is_hers(at_model) else None
        if at_model._meta.label not in self.rows:
            self.rows[at_model._meta.label] = self._prop(at_model)
        return self.rows[at_model._meta.label]

    def _prop(self, model: Any) -> Any:
        """A row that is nobody's: of the workspace where rows of hers cannot disturb it, else made for her."""
        if model._meta.label not in _OWN_PROPS:
            known = model.objects.of(self.here).order_by("id").first()
            if known is not None:
                return known
        return self._row_of_nobody(model)

    def _row_of_nobody(self, model: Any) -> Any:
        said = self._said(model._meta.label)
        row = model(id=ids.new(), workspace_id=self.here)
        for each in model._meta.local_concrete_fields:
            if each.primary_key or each.name == "workspace_id":
                continue
            value = said[each.name] if each.name in said else self._of_nobody(model, each)
            if value is not ...:
                setattr(row, each.name, value)
        row.save(force_insert=True)
        return row

    def _of_nobody(self, model: Any, each: models.Field[Any, Any]) -> Any:
        if isinstance(each, WorkspaceForeignKey):
            return self._pointed_at(model, each)
        is_text = isinstance(each, models.CharField | models.TextField) and not each.choices and not each.has_default()
        return PROP[: each.max_length or 200] if is_text else self._plain(each)

    def _file(self, model: Model) -> StoredFile:
        kind, found = _FILES[model._meta.label]
        content = f"{mark()} in a file".encode()
        if found == FileType.ZIP:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                archive.writestr("rows.txt", content)
            content = packed.getvalue()
        self.found.kinds.add(kind)
        return files.store_stream(
            io.BytesIO(content), workspace_id=self.here, name=f"{mark()}.file", by=None, kind=kind, found=found
        )

    def _word(self, each: models.Field[Any, Any]) -> Any:
        """A mark, and what an erasure finds her by where no key leads to the row."""
        text = f"{mark()} {self.address}"
        if isinstance(each, ArrayField):
            return [mark()[: each.base_field.max_length or 200]]
        if isinstance(each, models.JSONField):
            return {"said": text}
        if isinstance(each, models.BinaryField):
            return text.encode()
        longest = each.max_length or 200
        return text if len(text) <= longest else mark()[:longest]

    def _seal(self, row: Any, name: str, value: Any) -> bytes:
        plain = value if isinstance(value, bytes) else str(value).encode()
        place = self.sealed[type(row), name].context_of(row)
        return vault.seal(plain, workspace_id=self.here, context=place)

    def _plain(self, each: models.Field[Any, Any]) -> Any:
        """What fulfils the type of a column; Ellipsis leaves it as it is."""
        if each.null or each.has_default():
            return ...
        if each.choices:
            return each.choices[0][0]
        by_type: list[tuple[Any, Any]] = [
            (ArrayField, []), (models.JSONField, {}), (models.UUIDField, self.her.pk), (models.DateTimeField, self.at),
            (models.DateField, self.at.date()), (models.TimeField, time(10)), (models.BooleanField, False),
            (models.BinaryField, secrets.token_bytes(16)), (models.IntegerField, 1), (models.CharField | models.TextField, ""),
        ]  # fmt: skip
        return next(value for kind, value in by_type if isinstance(each, kind))

    def _said(self, label: str) -> Mapping[str, Any]:
        """What a row says beyond its type: things that are over, so that no job of the running site acts on them, and shapes that pages read."""
        at, her, word = self.at, self.her, f"{mark()} {self.address}"
        principal = principals.digest(her.pk, workspace_id=self.here)
        of_law: dict[str, Any] = {"principal": principal, "method": "counter", "by": self.member}
        said: dict[str, Mapping[str, Any]] = {
            "basis.Asking": {"sent_to": "", "ends_at": at, "answered_at": at},
            "basis.ConsentRecord": of_law | {"purpose": "marketing", "channel": "email", "what": "withdrawn"},
            "basis.Decision": {"purpose": "marketing", "reason": "no_consent", "rule": "consent", "policy_version": 1},
            "basis.Guardianship": of_law
            | {"guardian_principal": principals.digest(self.other.pk, workspace_id=self.here), "what": "ended", "verified_by": "held"},
            "basis.Objection": of_law | {"purpose": "marketing", "what": "withdrawn"},
            "basis.Opening": {"principal": principal, "field": "phone", "purpose": "service", "reason": "service", "words": PROP},
            "basis.Restriction": of_law | {"what": "lifted", "ground": "request"},
            "basis.Passcode": {"address": self.address, "ends_at": at + timedelta(days=1)},
            "basis.Submission": {
                "given": json.dumps({"name": word, "address": self.address, "language": "en"}), "ends_at": at + timedelta(days=1),
            },
            "core.IdempotentAnswer": {"key": str(ids.new()), "route": PROP, "member_id": self._member_id(), "status": 201},
            "desk.Payment": {"amount_paise": 100},
            "desk.ServiceRecord": {"number": 900_000_000 + secrets.randbelow(10**8), "fee_paise": 100, "paid_paise": 100, "status": "delivered", "delivered_at": at},
            "desk.SupportCase": {"number": 900_000_000 + secrets.randbelow(10**8), "state": "closed", "closed_at": at},
            "desk.Task": {"done_at": at},
            "messaging.BatchRefusal": {"reason": PROP},
            "messaging.ChannelAccount": {
                "channel": "email", "provider": "smtp", "name": PROP, "address": f"{ids.new()}@example.in", "state": "paused",
                "is_sandbox": True,
            },
            "messaging.Dispatch": {"state": "done", "channel": "email", "ended_at": at, "sent_at": at, "source": "member", "purpose": "service"},
            "messaging.Message": {"direction": "in", "channel": "email", "language": "en"},
            "messaging.MessageFile": {"content_type": "image/png"},
            "messaging.ProviderEvent": {"payload": json.dumps({"text": word}), "done_at": at},
            "messaging.Reminder": {"state": "done", "about": her.pk},
            "messaging.ReminderRule": {"name": PROP, "ended_at": at, "is_paused": True},
            "messaging.ReplyDraft": {"body": json.dumps([word, mark()]), "member": self.member},
            "messaging.Thread": {"closed_at": at, "addresses": {"email": word}},
            "people.Address": {"country": mark()},
            "people.ExportRun": {"scope": "contacts", "format": "csv", "state": "done", "problem": PROP, "ended_at": at},
            "people.ImportChange": {"record_kind": "contact", "record_id": her.pk},
            "people.ImportProblem": {"values": [word], "reasons": [mark()]},
            "people.ImportRun": {"state": "done", "problem": PROP, "ended_at": at, "mapping": {"layout": "list", "columns": [], "said": word}},
            "people.LikelyDuplicate": {"first_id": her.pk, "second_id": self.other.pk, "reasons": [mark()]},
            "people.Merge": {"kind": "contact", "kept_id": her.pk, "gone_id": ids.new()},
            "people.NotDuplicate": {"first_id": min(her.pk, self.other.pk), "second_id": max(her.pk, self.other.pk)},
            "privacy.AuthorityDisclosure": {"authority": PROP, "law": PROP, "refused_at": at, "refused_by": self.member, "refused_because": PROP},
            "privacy.ChildFound": {"principal": principal, "state": "cleared", "closed_at": at, "closed_by": self.member},
            "privacy.Handover": {"why": PROP, "expires_at": at, "format": "csv"},
            "privacy.HandoverPerson": {"is_allowed": False, "reason": PROP},
            "privacy.Incident": {"is_drill": True, "lessons": PROP},
            "privacy.LegalHold": {"basis": PROP, "lifted_at": at, "lifted_by": self.member},
            "privacy.Nomination": {"nominee": json.dumps({"name": word}), "ended_at": at},
            "privacy.PersonCopy": {
                "state": "done", "language": "en", "request_id": None, "made_at": at, "expires_at": at + timedelta(days=1),
            },
            "privacy.RightsRequest": {
                "kind": "access", "state": "revoked", "revoked_at": at, "regimes": ["in-dpdp"], "outcome": "", "reason": "", "how": "counter",
                "details": json.dumps({"text": word, "name": mark()}), "principal": principal,
            },
        }  # fmt: skip
        return said.get(label, {})

    def _member_id(self) -> UUID:
        assert self.member is not None  # looked for first
        return self.member.pk

    def _around(self) -> None:
        """What holds her besides rows of hers: a mail that was kept because no provider is set, and a job that waits."""
        LocalMessage.objects.create(channel="email", to=self.address, title=mark(), body=f"{mark()} {self.address}")
        self.found.places.append("core.LocalMessage")
        self.found.columns |= {f"core.LocalMessage.{name}" for name in ("to", "title", "body")}
        later = self.at + timedelta(days=3650)
        jobs.enqueue("privacy.erasure", workspace=self.here, not_before=later, erasure=str(self.her.pk))
        self.found.places.append("procrastinate_jobs")


#: What is made for her even where the workspace has such rows: hers would show there as people of a real breach or handover.
_OWN_PROPS = ("privacy.Incident", "privacy.Handover")
__all__ = [
    "FILES_OF_NOBODY",
    "NOT_PLANTED",
    "NO_WORDS",
    "PROP",
    "STEM",
    "NotPlanted",
    "Planted",
    "hers",
    "mark",
    "plant",
    "words",
]
