"""The double of WhatsApp in a thread, with one number, for tests of several parts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings

from amanat.core import ids, outgoing
from amanat.core.tests import outside
from amanat.messaging.channels.contract import Access, Outgoing
from amanat.messaging.sandbox import running
from amanat.messaging.sandbox.graph_calls import Number
from amanat.messaging.sandbox.running import Running

NUMBER = Number(id="109990000000001", waba_id="208880000000001", token="token-of-tests", app_secret="secret-of-tests")
SETTINGS = {"phone_number_id": NUMBER.id, "waba_id": NUMBER.waba_id}
SECRETS = {"token": NUMBER.token, "app_secret": NUMBER.app_secret, "verify_token": "verify-of-tests"}
ACCESS = Access(
    account_id=UUID(int=1),
    workspace_id=UUID(int=2),
    address="+919822000001",
    settings=SETTINGS,
    secrets=SECRETS,
    is_sandbox=True,
)
SUNITA = "+919822041736"


@contextmanager
def whatsapp(folder: Path) -> Iterator[Running]:
    """The double, which the site then takes for its sandbox; nothing is counted, as there may be no database."""
    with pytest.MonkeyPatch.context() as patch, running.serving(folder) as double:
        outside.uncounted(patch)
        with override_settings(SANDBOX_URL=double.url):
            control(double, "numbers", **vars(NUMBER))
            yield double


def control(double: Running, act: str, **wanted: Any) -> Any:
    """Order something of the double, as whoever runs it."""
    answer = outgoing.send(
        "POST",
        f"{double.url}/control/{act}",
        recipient="sandbox",
        json=wanted,
        headers={"authorization": f"Bearer {NUMBER.token}"},
    )
    assert answer.is_success, answer.text
    return json.loads(answer.content)


def text(words: str = "Your PAN card has come.", **other: Any) -> Outgoing:
    return Outgoing(**{"reference": ids.new(), "to": SUNITA, "text": words, **other})


def wait_for(is_there: Callable[[], object]) -> None:
    ends = time.monotonic() + 5
    while not is_there() and time.monotonic() < ends:
        time.sleep(0.01)
    assert is_there()
