"""`depot-sim packets history`, `readings`, `show` and `resend`: what was sent, and what became of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, count
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.interventions import named, told
from depot_sim.adapters.cli.packets.arguments import add_feed, finish
from depot_sim.adapters.cli.packets.source import Attempt, PacketLine, PacketSource, ReadingLine, Truth, WholePacket
from depot_sim.adapters.cli.source import server
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.domain.packets.vocabulary import PacketType

_OF_BOTH = ("device", "key", "type", "since", "until")
_DELIVERIES = ("pending", "delivered", "rejected", "dropped")


def add_to(actions: Subcommands) -> None:
    action = actions.add_parser("history", help="list packets", description=history.__doc__)
    _add_filters(action)
    action.add_argument("--delivery", choices=_DELIVERIES, help="what became of them")
    cause = action.add_mutually_exclusive_group()
    cause.add_argument("--deliberate", action="store_true", help="only those that an intervention changed")
    cause.add_argument("--accidental", action="store_true", help="only the others")
    action.add_argument("--limit", type=count, default=100, metavar="N", help="at most so many (default: 100)")
    finish(action, history)
    action = actions.add_parser("readings", help="list measurands as they were sent", description=readings.__doc__)
    _add_filters(action)
    action.add_argument("--limit", type=count, metavar="N", help="at most so many (default: all)")
    finish(action, readings)
    action = actions.add_parser("show", help="one packet, whole", description=show.__doc__)
    action.add_argument("packet_id", metavar="PACKET_ID")
    add_feed(action)
    finish(action, show)
    action = actions.add_parser("resend", help="send a packet again", description=resend.__doc__)
    action.add_argument("packet_id", metavar="PACKET_ID")
    add_feed(action)
    finish(action, resend)


def history(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """What a feed published, the newest first, and what became of it. Times are the run's."""
    filters = _filters(arguments)
    if arguments.delivery is not None:
        filters["delivery"] = arguments.delivery
    if arguments.deliberate or arguments.accidental:
        filters["has_override"] = "true" if arguments.deliberate else "false"
    with server(arguments) as client:
        found = PacketSource(client, arguments.run).feed(arguments.feed).packets(filters, arguments.limit)
    if arguments.json:
        terminal.json(found)
    elif found:
        rows = [_packet(msgspec.json.decode(line, type=PacketLine)) for line in found]
        columns = ("packet", "at", "device", "seq", "type", "delivery", "attempts", "status", "why")
        terminal.table(columns, rows, right=("seq", "attempts", "status"), whole=("at", "device"))
    else:
        terminal.say("no such packets")
    return ExitCode.OK


def readings(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """What a feed said of every key, one line each, the oldest first.

    Two runs that say the same give the same lines, with --json too, so that they can be compared with diff.
    """
    with server(arguments) as client:
        feed = PacketSource(client, arguments.run).feed(arguments.feed)
        for found in feed.readings(_filters(arguments), arguments.limit):
            line = msgspec.json.decode(found, type=ReadingLine)
            if arguments.json:
                terminal.json(line)
            else:
                terminal.text(f"{line.at} {line.device} {line.type} {_said(line)}\n")
    return ExitCode.OK


def show(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Readings, the bytes sent, every attempt to deliver them, and what was answered."""
    with server(arguments) as client:
        found = PacketSource(client, arguments.run).feed(arguments.feed).packet(arguments.packet_id)
    if arguments.json:
        terminal.json(found)
    else:
        terminal.text("".join(f"{line}\n" for line in _whole(msgspec.json.decode(found, type=WholePacket))))
    return ExitCode.OK


def resend(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Send a packet once more, the same to the byte, behind what its device has still to send."""
    with server(arguments) as client:
        found = PacketSource(client, arguments.run).feed(arguments.feed).resend(arguments.packet_id)
    if arguments.json:
        terminal.json(found)
    else:
        terminal.text(f"{arguments.packet_id} is sent again\n")
    return ExitCode.OK


def _add_filters(action: argparse.ArgumentParser) -> None:
    add_feed(action)
    action.add_argument("--device", metavar="ID", help="only of this device")
    action.add_argument("--key", metavar="KEY", help="only what is said of this key")
    action.add_argument("--type", type=str.upper, choices=[type.value for type in PacketType], help="of the packet")
    action.add_argument("--since", metavar="TIME", help="published at this time of the run or later, RFC 3339")
    action.add_argument("--until", metavar="TIME", help="published before this time of the run")


def _filters(arguments: argparse.Namespace) -> dict[str, str]:
    return {name: value for name in _OF_BOTH if (value := getattr(arguments, name)) is not None}


def _packet(line: PacketLine) -> tuple[object, ...]:
    delivery = _on_purpose(line)
    return (
        line.packet_id,
        line.at,
        line.device,
        line.seq,
        line.type,
        delivery,
        line.attempts,
        line.status,
        line.error or (f"held by {line.held_by[0].name}" if line.held_by else ""),
    )


def _on_purpose(line: PacketLine) -> str:
    return f"{line.delivery}, on purpose" if line.deliberate else line.delivery


def _said(line: ReadingLine) -> str:
    """With the true value beside a false one."""
    return _measured(line) if line.truth is None else f"{_measured(line)}; true is {_measured(line.truth)}"


def _measured(line: ReadingLine | Truth) -> str:
    said = f"{line.key} {bytes(line.value).decode()}"
    unit = f" {line.unit}" if line.unit else ""
    return f"{said}{unit}" if line.quality == "OK" else f"{said}{unit} ({line.quality})"


def _whole(packet: WholePacket) -> Iterator[str]:
    yield f"{packet.at} {packet.device} {packet.type} {packet.seq}: {_on_purpose(packet)}"
    yield from told(packet.changed_by, packet.matched_by)
    if packet.held_by:
        yield f"held      by {named(packet.held_by)}"
    if packet.told_seq != packet.seq:
        yield f"said      that it is packet {packet.told_seq}; true is {packet.seq}"
    if packet.error:
        yield f"error     {packet.error}"
    yield from (f"said      {_said(reading)}" for reading in packet.readings)
    yield from (f"left out  {_measured(truth)}" for truth in packet.left_out)
    yield from ("", f"{packet.body} (base64)" if packet.base64 else packet.body)
    for attempt in packet.delivery_attempts:
        yield from _attempt(attempt)


def _attempt(attempt: Attempt) -> Iterator[str]:
    outcome = attempt.error if attempt.status is None else f"answered {attempt.status}"
    again = "" if attempt.retry_ms is None else f", again after {attempt.retry_ms} ms"
    yield from ("", f"attempt {attempt.attempt} at {attempt.recorded_at}: {outcome} in {_ms(attempt)} ms{again}")
    yield from (f"{header.name}: {header.value}" for header in attempt.headers)
    if attempt.answer:
        yield from ("", attempt.answer)


def _ms(attempt: Attempt) -> str:
    return f"{attempt.latency_us / 1_000:.1f}"
