"""What a feed remembers of its devices."""

from __future__ import annotations

import msgspec

from depot_sim.domain.packets.memory import Memory
from depot_sim.domain.packets.vocabulary import PacketType
from tests.domain.packets.fleet import SECOND, measured, packet, time_of


def test_the_last_measurement_of_every_key_is_kept_with_its_time_on_the_device() -> None:
    memory = Memory()
    for turn in (1, 2):
        memory.remember(packet("bess-1", turn))

    soc, power = (memory.said("bess-1", key) for key in ("soc", "P"))
    assert soc is not None
    assert power is not None
    assert (soc.measurement, soc.at) == (measured(2)[0], time_of(2))
    assert (power.measurement, power.at) == (measured(2)[1], time_of(2) - SECOND)
    assert memory.seq("bess-1") == 2


def test_devices_and_keys_that_never_spoke_are_unknown() -> None:
    memory = Memory()
    memory.remember(packet("bess-1", 1))
    assert memory.said("bess-1", "VOLTAGE_L1N") is None
    assert (memory.said("bess-2", "SOC"), memory.seq("bess-2")) == (None, None)


def test_a_birth_counts_but_declares_no_values() -> None:
    memory = Memory()
    memory.remember(packet("bess-1", 0, PacketType.BIRTH))
    assert (memory.seq("bess-1"), memory.said("bess-1", "SOC")) == (0, None)


def test_it_survives_being_written_and_read() -> None:
    memory = Memory()
    for turn in range(3):
        memory.remember(packet("bess-1", turn))
    assert msgspec.json.decode(msgspec.json.encode(memory), type=Memory) == memory
