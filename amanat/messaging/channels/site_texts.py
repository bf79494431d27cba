"""The site's own texts: codes, links and warnings for people who have no account here, by the provider of the operator's file.

It needs no account of a workspace, for some of them belong to none (a number confirmed at sign-up). One try: a page waits for it, and a
job has tries of its own. What leaves is counted like every request, to the carrier that the policies name.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from amanat.core import ids, outgoing, texts_file
from amanat.core.outbox import NotSent
from amanat.core.texts_file import VARIABLE, TextsFile
from amanat.messaging.channels import sms, sms_adapter
from amanat.messaging.channels.contract import Access, Answer, Outcome, Outgoing
from amanat.messaging.channels.sms_adapter import SmsAdapter
from amanat.messaging.channels.sms_http import SmsHttp
from amanat.messaging.channels.sms_msg91 import Msg91

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds: somebody looks at a page meanwhile
#: Who carries where the provider stands on this machine: a modem, or the sandbox.
HERE = f"{sms.RECIPIENT} here"
_NOBODY = UUID(int=0)
_ADAPTERS: dict[str, SmsAdapter] = {"http": SmsHttp(), "msg91": Msg91()}
_PLACE = re.compile(r"%\([a-z_]+\)s")
#: Every text of ours that may go to a phone, as the catalogs know it. A breach is told in words of its own and cannot be registered before.
TEXTS = (
    "%(code)s is your Amanat code. It works for 15 minutes. Tell it to nobody.",
    "%(code)s is your code for your choices at %(who)s. It works for 15 minutes. Tell it to nobody.",
    "See and change what %(who)s may send you: %(link)s Your code is %(code)s. It works for 3 days.",
    "%(code)s is your code for “%(title)s” at %(who)s. It works for 15 minutes. If this was not you, do nothing.",
    "%(who)s asks whether you agree to: %(what)s. If you do, tell them the code %(code)s. It works for 15 minutes.",
    "You agreed at %(who)s to: %(what)s. Take it back at any time: %(back)s Your receipt: %(receipt)s",
    "%(who)s has your request: %(what)s. You get an answer by %(day)s. See how it stands: %(link)s Your code: %(code)s",
    "Your request (%(what)s) takes longer. You get an answer by %(day)s. Why: %(why)s You can see it here: %(link)s",
    "Your request (%(what)s) was refused. Why: %(why)s. The whole answer is here: %(link)s You can complain to: %(route)s",
    "Your request (%(what)s) is answered: %(outcome)s. Read the answer here, with the code you got: %(link)s",
    "Your data is being erased now. When it is done, you find the certificate here, with the code you got: %(link)s",
    "You asked us only to store your data and not to use it. This will be lifted now. Why: %(why)s If you do not agree, "
    "answer us or object here: %(link)s",
    "The copy of your data is ready. Open this page and type the code that comes to you by another way:\n%(url)s",
    "%(code)s is the code for the copy of your data at %(workspace)s. It works once.",
)
#: A text that is put together of two.
_WARNING = "%(name)s deletes your data on %(day)s, because nothing has happened between you for a long time."
_WARNING_ENDS = (
    "If you want it kept, get in touch: %(reach)s",
    "If you want it kept, get in touch.",
)


def send(to: str, body: str) -> None:
    """Send a text to an E.164 number, in one try. Raises NotSent, also where nobody knows whether it arrived."""
    file = _file()
    template_id, values = file.template_of(body)
    message = Outgoing(
        ids.new(), to, body, template_id=template_id, category="authentication", values=values,
        limits=[len(value) for value in values],  # how long they may be is the register's question
    )  # fmt: skip
    answer = _answer(file, message)
    if answer.outcome is not Outcome.ACCEPTED:
        code = _speakable(answer.code, message)
        log.warning("a text of the site did not leave", extra={"reason": code or answer.outcome.value})
        raise NotSent(code or answer.outcome.value, is_final=answer.outcome is Outcome.REFUSED)


def _answer(file: TextsFile, message: Outgoing) -> Answer:
    adapter, access = _ADAPTERS[file.provider], _access(file)
    refused = sms.refusal(access, message)
    if refused is not None:
        return refused
    recipient = HERE if file.is_here else sms.RECIPIENT
    answer = sms_adapter.posted(adapter.request(access, message), recipient=recipient, timeout=PATIENCE)
    return answer if isinstance(answer, Answer) else adapter.understood(access, answer)


def _access(file: TextsFile) -> Access:
    said = {"header_class": sms.HeaderClass.SERVICE, "base_url": file.url, **file.mapping}
    return Access(_NOBODY, _NOBODY, file.header, said, file.secrets, is_sandbox=file.is_here)


def _speakable(code: str, message: Outgoing) -> str:
    """The code for the log: our own, or a short one of the provider that repeats nothing of the message."""
    is_ours = sms.words(code) is not None
    is_short = re.fullmatch(r"[A-Za-z0-9_-]{1,8}", code) is not None and code not in message.text + message.to
    return code if is_ours or is_short else ""


def _file() -> TextsFile:
    path = settings.CONFIGURATION.texts_file
    if path is None:
        raise NotSent("no provider is set", is_final=True)
    return _read(path, settings.CONFIGURATION.data)


@functools.cache
def _read(path: Path, data: Path) -> TextsFile:
    """Once for each process, like every other setting."""
    return texts_file.read(path, data=data)


def declare() -> None:
    """A provider on this machine, if the operator's file names one, at its own port."""
    outgoing.register_recipient(HERE, hosts=_places, allow_private=True)


def _places() -> Collection[str]:
    if settings.CONFIGURATION.texts_file is None:
        return set()
    file = _file()
    return {urlsplit(file.url).netloc} if file.is_here else set()


def registered() -> Iterator[tuple[str, str]]:
    """Our texts in every language as they are registered: (language, text with {#var#} where a value stands)."""
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for text in TEXTS:
                yield language, _PLACE.sub(VARIABLE, gettext(text))
            for end in _WARNING_ENDS:
                yield language, _PLACE.sub(VARIABLE, f"{gettext(_WARNING)} {gettext(end)}")


def unregistered(file: TextsFile) -> list[str]:
    """Our texts for which the file has no id."""
    return [text for _language, text in registered() if not file.template_of(text)[0]]
