from __future__ import annotations

import socket
from pathlib import Path

import pytest

from amanat.messaging.sandbox import running


@pytest.mark.parametrize("taken", [0, 2])
def test_a_port_that_another_program_uses_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], taken: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1] - taken
        with pytest.raises(SystemExit) as ended:
            running.run(port=port, folder=tmp_path)
    assert ended.value.code == 3
    assert f"uses one of the ports {port} to {port + 2}" in capsys.readouterr().err
