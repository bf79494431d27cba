"""A phone that is off: what is sent to it is taken, and delivered once it is on again, also after a restart of the double."""

from __future__ import annotations

from pathlib import Path

import pytest

from amanat.messaging.channels.whatsapp import WhatsApp
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.tests import doubles
from amanat.messaging.sandbox.tests.doubles import ACCESS, NUMBER, SUNITA, control, text

HERS = SUNITA.removeprefix("+")


def statuses(double: Running) -> list[str]:
    """What was reported or waits to be, in order."""
    lines = [line for line in double.doubles.graph._record.lines() if line["what"] == "event"]
    return [one["status"] for line in lines for one in line["value"].get("statuses", ())]


def switch(double: Running, *, off: bool) -> None:
    control(double, f"power/{NUMBER.id}", **{"from": HERS, "off": off})


def sent(double: Running) -> None:
    with WhatsApp().line(ACCESS) as line:
        line.send(text())


@pytest.mark.parametrize("how", ["on", "says"])
def test_it_is_delivered_once_when_the_phone_is_on_again(tmp_path: Path, how: str) -> None:
    with doubles.whatsapp(tmp_path) as double:
        control(double, "settings", window=False)
        switch(double, off=True)
        sent(double)
        assert statuses(double) == ["sent"]
        assert control(double, f"phone/{NUMBER.id}")["off"] == [HERS]
    with doubles.whatsapp(tmp_path) as again:
        control(again, "settings", window=False)
        assert control(again, f"phone/{NUMBER.id}")["off"] == [HERS]
        if how == "on":
            switch(again, off=False)
        else:
            control(again, f"say/{NUMBER.id}", **{"from": SUNITA, "text": "Namaste"})
        switch(again, off=False)
        assert statuses(again) == ["sent", "delivered"]
        sent(again)
        assert statuses(again) == ["sent", "delivered", "sent", "delivered"]
