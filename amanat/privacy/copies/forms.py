"""Forms of copies."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _


class OrderForm(forms.Form):
    """In which language the copy is written."""

    language = forms.ChoiceField()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)
        language.choices, language.label = settings.LANGUAGES, _("Language of the copy")
