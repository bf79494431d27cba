"""The page of a child's guardian: who answers for her, how that was checked, and what the guardian agreed to at the counter."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.basis import asking, consent, guardians, notices, rules, wording
from amanat.basis import forms as own_forms
from amanat.basis.guardians import Check, NotVerified
from amanat.basis.models import ConsentRecord, Guardianship, Method
from amanat.basis.rules import Rules
from amanat.basis.views import person_of
from amanat.core import clock, phones
from amanat.people.models import Contact

#: What speaks against a check, where the field is.
_REFUSALS = {
    "self": ("phone", gettext_lazy("A child cannot answer for herself.")),
    "birthday": ("phone", gettext_lazy("No birthday of an adult is on file for this person. Look at a paper instead.")),
    "address": ("phone", gettext_lazy("Neither a number nor an address of this person is on file.")),
    "paper": ("number", gettext_lazy("Say which paper was shown, and at least four characters of its number.")),
    "token": ("check", gettext_lazy("No digital locker is connected to this site.")),
}


class GuardianForm(forms.Form):
    """Who answers for the child, found by the number on file, and how it was shown that she is an adult."""

    phone = forms.CharField(max_length=30, widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}))
    check = forms.ChoiceField()
    paper = forms.CharField(max_length=60, required=False)
    number = forms.CharField(max_length=40, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        labels = {
            "phone": (_("Phone number of the guardian"), _("The guardian must be among the contacts.")),
            "check": (_("How it was checked"), ""),
            "paper": (_("Paper that was shown"), _("For instance a driving licence. Only its kind and its last characters are kept.")),
            "number": (_("Number on the paper"), ""),
        }  # fmt: skip
        for name, (label, help_text) in labels.items():
            self.fields[name].label, self.fields[name].help_text = label, help_text
        check = self.fields["check"]
        assert isinstance(check, forms.ChoiceField)
        check.choices = [(one.value, one.label) for one in (Check.HELD, Check.GIVEN)]


class AgreeForm(forms.Form):
    """What the guardian agrees to after the notice was read to her."""

    wanted = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    #: the notice on the page (`notices.Offered.mark`)
    shown = forms.CharField(required=False, max_length=100)

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        chosen = self.fields["wanted"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices, chosen.label = choices, _("What for")
        chosen.error_messages["required"] = _("Choose at least one.")


def offered(in_force: Rules, language: str) -> list[tuple[str, str]]:
    """What a guardian may agree to for a child, as choices: all that is about a person, but nothing that follows or advertises."""
    return [
        (f"{name}.{channel}", wording.phrase(in_force.policy, (name, channel), language))
        for name, purpose in in_force.policy.purposes.items()
        if purpose.grain == "person" and not guardians.is_never_for_children(in_force, name)
        and not rules.is_legal_duty(in_force.grounds(name, in_force.policy.head.regimes))
        for channel in purpose.per or ("",)
    ]  # fmt: skip


def _purposes(in_force: Rules) -> list[str]:
    """The purposes of the notice that the page shows, which is the one that is agreed to."""
    return list(dict.fromkeys(own_forms.as_wanted(value)[0] for value, _words in offered(in_force, "en")))


def guardian(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """Who answers for the child; the form that names somebody."""
    child = person_of(request, contact_id)
    form = GuardianForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _named(request, child, form):
        messages.success(request, _("Written down."))
        return see_other(reverse("basis:guardian", args=[child.pk]))
    return _page(request, child, form=form, status=422 if form.is_bound else 200)


def _named(request: MemberRequest, child: Contact, form: GuardianForm) -> bool:
    """Whether the guardian is written down; otherwise the form says at its field why not."""
    number = phones.parse(form.cleaned_data["phone"])
    people = Contact.objects.of(request.workspace).visible_to(request.member).alive()
    found = list(people.filter(phones__number=number).exclude(pk=child.pk).distinct()[:2]) if number else []
    if len(found) != 1:
        several = _("Several people have this number. Use another one of the guardian.")
        form.add_error("phone", several if found else _("Nobody with this number is among the contacts."))
        return False
    try:
        guardians.name(
            child=child, guardian=found[0], check=Check(form.cleaned_data["check"]), given=form.cleaned_data,
            by=request.member, method=Method.COUNTER, at=clock.now(),
        )  # fmt: skip
    except NotVerified as problem:
        field, said = _REFUSALS[str(problem)]
        form.add_error(field, str(said))
        return False
    return True


def agree(request: MemberRequest, contact_id: UUID, guardianship_id: UUID) -> HttpResponse:
    """The guardian was read the notice and agrees."""
    child = person_of(request, contact_id)
    held = _standing(request, child, guardianship_id)
    in_force, language = rules.of(request.workspace.pk), get_language() or "en"
    form = AgreeForm(request.POST, choices=offered(in_force, language))
    if not form.is_valid():
        return _page(request, child, agree_form=form, status=422)
    now = clock.now()
    wanted = asking.by_purpose([own_forms.as_wanted(value) for value in form.cleaned_data["wanted"]])
    try:
        notice = notices.as_shown(
            form.cleaned_data["shown"], workspace=request.workspace, purposes=_purposes(in_force), at=now, in_force=in_force
        )  # fmt: skip
    except notices.Stale:
        form.add_error(None, own_forms.read_again())
        return _page(request, child, agree_form=form, status=422)
    for purpose, channels in wanted:
        guardians.agree(
            guardianship=held, purpose=purpose, channels=channels, notice=notice, by=request.member, method=Method.COUNTER, at=now
        )  # fmt: skip
    messages.success(request, _("Written down."))
    return see_other(reverse("basis:guardian", args=[child.pk]))


def end(request: MemberRequest, contact_id: UUID, guardianship_id: UUID) -> HttpResponse:
    """She answers no longer; what she agreed to does not count any more."""
    child = person_of(request, contact_id)
    guardians.end(
        guardianship=_standing(request, child, guardianship_id),
        by=request.member,
        method=Method.COUNTER,
        at=clock.now(),
    )
    messages.success(request, _("Written down."))
    return see_other(reverse("basis:guardian", args=[child.pk]))


def _standing(request: MemberRequest, child: Contact, guardianship_id: UUID) -> Guardianship:
    for one in guardians.standing(child, workspace=request.workspace, at=clock.now()):
        if one.pk == guardianship_id and one.guardian_id is not None:
            return one
    raise Http404


def _page(
    request: MemberRequest,
    child: Contact,
    *,
    form: GuardianForm | None = None,
    agree_form: AgreeForm | None = None,
    status: int = 200,
) -> HttpResponse:
    in_force, language, now = rules.of(request.workspace.pk), get_language() or "en", clock.now()
    standing = guardians.standing(child, workspace=request.workspace, at=now)
    choices = offered(in_force, language)
    agreed = [
        wording.phrase(in_force.policy, key, language)
        for key, record in consent.standing(child, at=now).items()
        if record.guardianship_id and record.what == ConsentRecord.What.GIVEN and key[0] in in_force.policy.purposes
    ]
    context = {
        "person": child,
        "standing": standing,
        "answering": next((one for one in standing if one.guardian_id is not None), None),
        "agreed": agreed,
        "form": form or GuardianForm(),
        "agree_form": agree_form or AgreeForm(choices=choices),
        "notice": notices.offer(
            workspace=request.workspace, purposes=_purposes(in_force), language=language, in_force=in_force
        ),
        "age": in_force.policy.children.min_age,
        "may_write": request.member.may(May.WRITE_CONTACTS),
    }
    return render(request, "basis/guardian.html", context, status=status)
