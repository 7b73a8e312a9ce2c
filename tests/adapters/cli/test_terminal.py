"""What goes where: results to stdout, progress to a person's stderr only."""

from __future__ import annotations

import io

from depot_sim.adapters.cli.terminal import Terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_sees_progress_on_stderr() -> None:
    out, err = Screen(), Screen()
    with Terminal(out, err).progress("simulating") as advance:
        advance(30, 100)

    assert "simulating" in err.getvalue()
    assert out.getvalue() == ""


def test_a_program_sees_no_progress() -> None:
    out, err = io.StringIO(), io.StringIO()
    with Terminal(out, err).progress("simulating") as advance:
        advance(30, 100)

    assert (out.getvalue(), err.getvalue()) == ("", "")


def test_what_is_shown_is_never_taken_for_markup() -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out, err)
    terminal.table(("name",), [("[red]bus[/red] :bus:",), (None,)])
    terminal.say("[bold]no[/bold]")

    assert out.getvalue().splitlines()[1].rstrip() == "[red]bus[/red] :bus:"
    assert err.getvalue() == "[bold]no[/bold]\n"


def test_a_table_in_a_pipe_is_not_cut_to_a_screen() -> None:
    out = io.StringIO()
    Terminal(out, io.StringIO()).table(("id", "text"), [("i" * 40, "word " * 20)])

    assert len(out.getvalue().splitlines()) == 2
