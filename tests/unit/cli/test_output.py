import pytest

from entrypoints.cli import output


def test_nothing_that_is_shown_reaches_a_terminal_as_a_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Anybody may write the JWT that `token decode` shows, its members' names included."""
    output.facts({"\x1b]0;name": "\x1b[2Jvalue"})
    output.warn("GRANTD_\x1b[2J sets nothing")

    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "name" in shown.out
    assert "value" in shown.out
