"""Settings of people: custom fields, stages, tags."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.accounts.access import MemberRequest
from amanat.core import clock
from amanat.core.tenancy import WorkspaceRow
from amanat.people import custom_fields, naming
from amanat.people.forms import FieldForm, uuid_or_none
from amanat.people.models import CustomField, Stage, Tag
from amanat.people.record_views import to


def _find[Row: WorkspaceRow](request: MemberRequest, model: type[Row], identity: UUID) -> Row:
    row = model.objects.of(request.workspace).filter(pk=identity).first()
    if row is None:
        raise Http404
    return row


def _tabs(current: str) -> list[dict[str, Any]]:
    pages = (("fields", _("Fields")), ("stages", _("Stages")), ("tags", _("Tags")))
    return [{"label": label, "url": reverse(f"people:{name}"), "is_current": name == current} for name, label in pages]


def fields(request: MemberRequest) -> HttpResponse:
    """The custom fields, and a new one."""
    form = FieldForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            custom_fields.add(workspace=request.workspace, by=request.member, at=clock.now(), draft=form.draft())
        except ValidationError as problem:
            form.refuse(problem)
        else:
            messages.success(request, _("The field is on every form now."))
            return to(reverse("people:fields"))
    rows = list(CustomField.objects.of(request.workspace).order_by("on", "position", "created_at", "id"))
    groups = [
        {"label": label, "rows": [row for row in rows if row.on == on and row.retired_at is None]}
        for on, label in CustomField.On.choices
    ]
    context = {
        "form": form, "groups": [group for group in groups if group["rows"]], "tabs": _tabs("fields"),
        "retired": [row for row in rows if row.retired_at is not None],
    }  # fmt: skip
    return render(request, "people/fields.html", context, status=422 if form.errors else 200)


def field(request: MemberRequest, field_id: UUID) -> HttpResponse:
    """One custom field: its form."""
    row = _find(request, CustomField, field_id)
    initial = {
        "label": row.label, "choices": "\n".join(row.choices), "help_text": row.help_text, "is_required": row.is_required,
        "personal_kind": row.personal_kind, "kind": row.kind, "on": row.on,
    }  # fmt: skip
    form = FieldForm(request.POST if request.method == "POST" else None, initial=initial)
    for fixed in ("kind", "on"):
        form.fields[fixed].disabled = True
    if row.kind not in {CustomField.Kind.CHOICE, CustomField.Kind.CHOICES}:
        del form.fields["choices"]
    if request.method == "POST" and form.is_valid():
        form.cleaned_data.setdefault("choices", "")
        try:
            custom_fields.change(field=row, by=request.member, at=clock.now(), draft=form.draft())
        except ValidationError as problem:
            form.refuse(problem)
        else:
            return to(reverse("people:fields"))
    return render(request, "people/field.html", {"form": form, "row": row}, status=422 if form.errors else 200)


def field_act(request: MemberRequest, field_id: UUID) -> HttpResponse:
    """Move a field up or down, retire it, bring it back."""
    row = _find(request, CustomField, field_id)
    act = request.POST.get("act", "")
    if act in {"up", "down"}:
        custom_fields.move(field=row, by=request.member, up=act == "up")
    elif act == "retire":
        custom_fields.retire(field=row, by=request.member, at=clock.now())
    elif act == "bring_back":
        custom_fields.bring_back(field=row, by=request.member, at=clock.now())
    return to(reverse("people:fields"))


def stages(request: MemberRequest) -> HttpResponse:
    """The stages, and a new one."""
    problem = ""
    if request.method == "POST":
        try:
            naming.add_stage(
                workspace=request.workspace, by=request.member, at=clock.now(), name=request.POST.get("name", ""),
                is_closed=bool(request.POST.get("is_closed")),
            )  # fmt: skip
        except ValidationError as refused:
            problem = " ".join(refused.messages)
        else:
            return to(reverse("people:stages"))
    counts = naming.stage_counts(request.workspace)
    rows = [
        (stage, counts.get(stage.pk, 0)) for stage in Stage.objects.of(request.workspace).order_by("position", "name")
    ]
    context = {"rows": rows, "problem": problem, "typed": request.POST.get("name", ""), "tabs": _tabs("stages")}
    return render(request, "people/stages.html", context, status=422 if problem else 200)


def stage_act(request: MemberRequest, stage_id: UUID) -> HttpResponse:
    """Rename, move or delete a stage."""
    stage = _find(request, Stage, stage_id)
    act = request.POST.get("act", "")
    try:
        if act in {"up", "down"}:
            naming.move_stage(stage=stage, up=act == "up")
        elif act == "delete":
            other = uuid_or_none(request.POST.get("instead", ""))
            instead = _find(request, Stage, other) if other is not None and other != stage.pk else None
            count = naming.delete_stage(stage=stage, by=request.member, at=clock.now(), instead=instead)
            text = ngettext(
                "The stage is gone; %(count)d contact moved.", "The stage is gone; %(count)d contacts moved.", count
            )
            messages.success(request, text % {"count": count})
        elif act == "change":
            naming.change_stage(
                stage=stage, by=request.member, at=clock.now(), name=request.POST.get("name", ""),
                is_closed=bool(request.POST.get("is_closed")),
            )  # fmt: skip
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
    return to(reverse("people:stages"))


def tags(request: MemberRequest) -> HttpResponse:
    counts = naming.tag_counts(request.workspace)
    rows = [(tag, counts.get(tag.pk, 0)) for tag in Tag.objects.of(request.workspace).order_by("key")[:1000]]
    return render(request, "people/tags.html", {"rows": rows, "tabs": _tabs("tags")})


def tag_act(request: MemberRequest, tag_id: UUID) -> HttpResponse:
    """Rename a tag (into another's name merges the two) or delete it."""
    tag = _find(request, Tag, tag_id)
    try:
        if request.POST.get("act") == "delete":
            count = naming.delete_tag(tag=tag, by=request.member, at=clock.now())
            text = ngettext("The tag is off %(count)d record.", "The tag is off %(count)d records.", count)
            messages.success(request, text % {"count": count})
        else:
            kept = naming.rename_tag(tag=tag, by=request.member, at=clock.now(), name=request.POST.get("name", ""))
            if kept.pk != tag.pk:
                messages.success(request, _("The two tags are one now: %(name)s.") % {"name": kept.name})
    except ValidationError as refused:
        messages.error(request, " ".join(refused.messages))
    return to(reverse("people:tags"))
