"""enums.csv: what a profile calls the words that packets are made of. What it leaves out is sent as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.problems import Faults, quoted
from depot_sim.domain.packets.contract.nearest import nearest
from depot_sim.domain.packets.contract.tables import Row, read_table
from depot_sim.domain.packets.contract.units import Dimension
from depot_sim.domain.packets.measure.battery_mode import ModeTable
from depot_sim.domain.packets.measure.sources import SOURCES
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality

FILE = "enums.csv"
PACKET_TYPES, DEVICE_TYPES, QUALITIES = "packet_type", "device_type", "quality"
_COLUMNS = ("source", "word", "sent")


def words_known(modes: ModeTable | None) -> Mapping[str, Sequence[str]]:
    """Every word that may be said otherwise, by source; those of the envelope under names of their own."""
    of_sources = {
        name: source.words or (modes.modes if modes is not None else ())
        for name, source in SOURCES.items()
        if source.dimension is Dimension.WORD
    }
    of_envelope = {PACKET_TYPES: tuple(PacketType), DEVICE_TYPES: tuple(DeviceType), QUALITIES: tuple(Quality)}
    return {**of_sources, **of_envelope}


def read_enums(text: str, known: Mapping[str, Sequence[str]], faults: Faults) -> Mapping[str, Mapping[str, str]]:
    """Sent words by our words by source, only for the sources named in the file."""
    sent: dict[str, dict[str, str]] = {}
    for row in read_table(FILE, text, _COLUMNS, faults):
        source, word = row.text("source"), row.text("word")
        fault = _fault(row, known, sent.get(source, {}))
        if fault is None:
            sent.setdefault(source, {})[word] = row.text("sent")
        elif known.get(source) != ():  # words of a mode table that could not be read are anybody's guess
            faults.append(fault)
    faults.extend(_missing(sent, known))
    return sent


def _fault(row: Row, known: Mapping[str, Sequence[str]], sent: Mapping[str, str]) -> Fault | None:
    source, word = row.text("source"), row.text("word")
    if source not in known:
        return row.fault("source", quoted(source), nearest(source, known))
    if word not in known[source]:
        return row.fault("word", quoted(word), nearest(word, known[source]))
    if word in sent:
        return row.fault("word", f"{quoted(word)} of {source} twice", "each word once")
    return None if row.text("sent") else row.fault("sent", "nothing", f"what is sent for {word}")


def _missing(sent: Mapping[str, Mapping[str, str]], known: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    for source, words in sent.items():
        left_out = [word for word in known[source] if word not in words]
        if left_out:
            yield Fault(f"{FILE}/{source}", f"nothing for {', '.join(left_out)}", f"a row for every word of {source}")
