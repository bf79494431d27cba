"""The field of a form into which somebody types what leaves as a message."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import normalize_newlines


class WordsField(forms.CharField):
    """A text of several lines with one character for each new line.

    Browsers send two. Both would be counted and sent, differ from what stands in the register of the operators, and hide the empty
    lines that WhatsApp refuses.
    """

    widget = forms.Textarea

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Without `maxlength`: a browser cuts off what is pasted beyond it and says nothing."""
        return {}

    def to_python(self, value: Any) -> str:
        text: str = normalize_newlines(super().to_python(value) or "")
        return text
