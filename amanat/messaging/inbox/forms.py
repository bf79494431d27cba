"""Forms of the inbox. They say what is well formed; the rules say what may happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from amanat.messaging.channels.models import Channel
from amanat.messaging.channels.words_field import WordsField
from amanat.messaging.inbox.choices import Offer, Problem
from amanat.messaging.inbox.models import CannedReply
from amanat.messaging.inbox.offering import AS_BUTTONS, AS_LIST, BUTTONS, OFFERED, ROWS
from amanat.people.forms import LANGUAGES

MOST_FILES = 5


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once; cleans to a list."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=ManyFiles(), required=False, **options)

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data] if data else []
        if len(given) > MOST_FILES:
            raise forms.ValidationError(_("At most five files at once."))
        return [super(FilesField, self).clean(one, initial) for one in given]


class ReplyForm(forms.Form):
    """A free text with what goes along. What is offered below it is judged by `saying`; `refuse` puts its words at their fields."""

    channel = forms.ChoiceField(choices=Channel.choices)
    text = WordsField(required=False, max_length=50_000)
    subject = forms.CharField(required=False, max_length=300)
    attached = FilesField()
    #: the newest message when the page was drawn, so that an answer given meanwhile is noticed
    seen = forms.CharField(required=False, max_length=40)
    offer = forms.ChoiceField(choices=[("", ""), (AS_BUTTONS, _("Buttons")), (AS_LIST, _("List"))], required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields.update({name: forms.CharField(required=False) for name in OFFERED})

    def clean_seen(self) -> UUID | None:
        try:
            return UUID(self.cleaned_data["seen"])
        except ValueError:
            return None

    def offered(self) -> Offer | None:
        """What is to stand below the text, of a form that is valid."""
        given = self.cleaned_data
        if given["offer"] == AS_BUTTONS:
            return Offer([(given[name], "") for name in BUTTONS])
        if given["offer"] == AS_LIST:
            return Offer([(given[row], given[about]) for row, about in ROWS], is_list=True, label=given["label"])
        return None

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Say what is wrong with the offer, each at its field."""
        titles = [row for row, _about in ROWS] if self.cleaned_data["offer"] == AS_LIST else BUTTONS
        for problem in problems:
            name = {"title": titles, "description": [about for _row, about in ROWS]}.get(problem.part)
            self.add_error(name[problem.place] if name else problem.part, problem.says)


class TemplateReplyForm(forms.Form):
    template = forms.UUIDField()
    seen = forms.CharField(required=False, max_length=40)


class NoteForm(forms.Form):
    text = WordsField(max_length=10_000, error_messages={"required": _("Write something first.")})


class CannedForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = CannedReply
        fields = ("shortcut", "body", "language")
        labels = {"shortcut": _("Shortcut"), "body": _("Text"), "language": _("Language")}
        help_texts = {"shortcut": _("What is typed after a slash, such as “thanks”.")}
        field_classes = {"body": WordsField}
        widgets = {"body": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["language"] = forms.ChoiceField(
            choices=[("", _("Any")), *LANGUAGES], required=False, label=_("Language")
        )
        self.fields["shortcut"].validators.append(_one_word)


def _one_word(value: str) -> None:
    if any(character.isspace() for character in value.strip()) or not value.strip().lstrip("/"):
        raise forms.ValidationError(_("One word without spaces."))
