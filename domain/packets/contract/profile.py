"""A profile: the contract of whoever receives packets, as files, and what they amount to.

profile.json      name, version, encoder, and the other settings of contract/manifest.py
measurands.csv    the keys: what each tells of the world, its unit, range and cadence
bess_modes.csv    the truth table of BESS_OPERATIONAL_MODE
enums.csv         may be left out: other words for ours
an envelope       named in profile.json: a template of the packet; flat and SenML have one of their own
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.headers import LITERAL, name_fault
from depot_sim.domain.kernel.problems import Faults, quoted
from depot_sim.domain.packets.contract import enums, manifest, measurand_table
from depot_sim.domain.packets.contract.manifest import Encoding, Manifest
from depot_sim.domain.packets.contract.measurand import Measurand, WorldValue
from depot_sim.domain.packets.contract.nearest import nearest
from depot_sim.domain.packets.contract.template import Node, Object, Text, read_template, slots_in
from depot_sim.domain.packets.encoders import envelope, senml
from depot_sim.domain.packets.encoders.envelope import EnvelopeEncoder, Wording
from depot_sim.domain.packets.encoders.rendering import render_text
from depot_sim.domain.packets.encoders.senml import SenmlEncoder
from depot_sim.domain.packets.encoders.stamps import Stamps
from depot_sim.domain.packets.measure.battery_mode import FILE as MODES_FILE
from depot_sim.domain.packets.measure.battery_mode import ModeTable, modes_in
from depot_sim.domain.packets.packet import Packet
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality

__all__ = ["Measurand", "PacketProfile", "WorldValue", "read_profile"]

REQUIRED = (manifest.FILE, measurand_table.FILE, MODES_FILE)
_BUILT_IN = {Encoding.FLAT: envelope.FLAT, Encoding.SENML: senml.BASE_RECORD}
_Words = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketProfile:
    """What was read from `files`, whose content `sha256` names.

    `path_of` and `headers_of` tell what is added to the endpoint's URL and to the request for one packet. With
    `header_faults` no packet may be sent; they are no error of reading, since older logs hold such profiles.
    """

    name: str
    description: str
    files: Mapping[str, str]
    sha256: str
    encoder: str
    content_type: str
    method: str
    measurands: Mapping[str, Measurand]
    modes: ModeTable
    encode: Callable[[Packet], bytes] = field(repr=False, compare=False)
    path_of: Callable[[Packet], str] = field(repr=False, compare=False)
    headers_of: Callable[[Packet], tuple[tuple[str, str], ...]] = field(repr=False, compare=False)
    header_faults: tuple[Fault, ...] = ()


class _Contract(NamedTuple):
    """What the files say, each read."""

    settings: Manifest
    measurands: Mapping[str, Measurand]
    modes: ModeTable
    template: Node
    wording: Wording


def read_profile(files: Mapping[str, str]) -> PacketProfile:
    """The profile in `files`, text by file name. Raises InvalidInput with every fault, each with its file and line."""
    contract = _read(files)
    settings, wording = contract.settings, contract.wording
    return PacketProfile(
        name=wording.profile,
        description=settings.description,
        files=dict(files),
        sha256=content_sha256(files),
        encoder=settings.encoder.value,
        content_type=settings.content_type or _content_type(settings.encoder),
        method=settings.method,
        measurands=contract.measurands,
        modes=contract.modes,
        encode=_encoder(contract),
        path_of=_path_of(settings.path, wording),
        headers_of=_headers_of(settings.headers, wording),
        header_faults=tuple(_header_faults(settings.headers)),
    )


def _read(files: Mapping[str, str]) -> _Contract:
    faults = Faults()
    for name in REQUIRED:
        if name not in files:
            faults.add(
                name, "no such file", f"the files {', '.join(REQUIRED)}, and the envelope that profile.json names"
            )
    faults.raise_if_any()
    readable = manifest.read_manifest(files[manifest.FILE], faults)
    settings = readable or Manifest()
    modes = modes_in(files[MODES_FILE], faults)
    words = enums.words_known(modes)
    sent = enums.read_enums(files[enums.FILE], words, faults) if enums.FILE in files else {}
    as_they_are = {source: {word: word for word in known} for source, known in words.items()}
    table = files[measurand_table.FILE]
    measurands = measurand_table.read_measurands(table, settings, {**as_they_are, **sent}, faults)
    template = None if readable is None else _template(files, settings, faults)
    faults.extend(_mismatches(settings, measurands))
    faults.raise_if_any()
    assert modes is not None
    assert template is not None
    return _Contract(settings, measurands, modes, template, _wording(settings, sent))


def content_sha256(files: Mapping[str, str]) -> str:
    """Of all files with their names, whatever their order."""
    return sha256(msgspec.json.encode(dict(files), order="sorted")).hexdigest()


def _template(files: Mapping[str, str], settings: Manifest, faults: Faults) -> Node | None:
    named, needed = settings.envelope, () if settings.encoder is Encoding.SENML else ("key", "value")
    if not named and settings.encoder in _BUILT_IN:
        return read_template("", _BUILT_IN[settings.encoder], faults, needed)
    if named not in files:
        found = f"no file {quoted(named)}" if named else "no envelope"
        faults.add(f"{manifest.FILE}/envelope", found, "the name of the envelope's file")
        return None
    template = read_template(named, files[named], faults, needed)
    if settings.encoder is Encoding.SENML and template is not None and not isinstance(template, Object):
        faults.add(named, "no object", "an object: the base fields of SenML")
    return template


def _mismatches(settings: Manifest, measurands: Mapping[str, Measurand]) -> Iterator[Fault]:
    """What is right in each file and wrong between them."""
    for key in sorted(settings.as_flag):
        if settings.key_casing.spelt(key) not in measurands:
            yield Fault(f"{manifest.FILE}/as_flag", quoted(key), nearest(key, measurands))
    if settings.encoder is Encoding.SENML:
        for measurand in measurands.values():
            if senml.iana_unit(measurand) is None:
                found, expected = f"{measurand.unit} for {measurand.key}", "a unit that SenML has a name for"
                yield Fault(f"{measurand_table.FILE}/unit_ucum", found, expected)


def _header_faults(headers: tuple[tuple[str, Text], ...]) -> Iterator[Fault]:
    """Of headers that a profile may not set: those of the service, and texts that might be secrets."""
    for name, text in headers:
        at = f"{manifest.FILE}/headers/{name}"
        fault = name_fault(name, at)
        if fault is not None:
            yield fault
        elif not any(slots_in(text)) and name.lower() not in LITERAL:
            expected = "a text with a placeholder, or this header in credentials.headers as a reference to a secret"
            yield Fault(at, "a text", expected)


def _wording(settings: Manifest, sent: _Words) -> Wording:
    types, device_types = sent.get(enums.PACKET_TYPES, {}), sent.get(enums.DEVICE_TYPES, {})
    return Wording(
        profile=f"{settings.name}/{settings.version}",
        stamp=Stamps(settings.timestamps).json,
        types={PacketType(word): said for word, said in types.items()},
        device_types={DeviceType(word): said for word, said in device_types.items()},
        qualities={Quality(word): said for word, said in sent.get(enums.QUALITIES, {}).items()},
    )


def _content_type(encoder: Encoding) -> str:
    return senml.CONTENT_TYPE if encoder is Encoding.SENML else envelope.CONTENT_TYPE


def _encoder(contract: _Contract) -> Callable[[Packet], bytes]:
    if contract.settings.encoder is Encoding.SENML:
        return SenmlEncoder(contract.template, contract.wording, contract.measurands).encode
    return EnvelopeEncoder(contract.template, contract.wording).encode


def _path_of(path: Text, wording: Wording) -> Callable[[Packet], str]:
    return lambda packet: _filled(path, wording, packet, quote_all=True) if path.parts else ""


def _headers_of(
    headers: tuple[tuple[str, Text], ...], wording: Wording
) -> Callable[[Packet], tuple[tuple[str, str], ...]]:
    return lambda packet: tuple((name, _filled(text, wording, packet, quote_all=False)) for name, text in headers)


def _filled(text: Text, wording: Wording, packet: Packet, *, quote_all: bool) -> str:
    """As plain characters: within a path, values are percent-encoded; in a header, what is not ASCII is."""
    safe = "" if quote_all else "".join(map(chr, range(0x20, 0x7F)))
    filling = {name: _plain(json) for name, json in wording.of_packet(packet).items()}
    return render_text(text, {name: quote(value, safe=safe) for name, value in filling.items()})


def _plain(json: str) -> str:
    return str(msgspec.json.decode(json))
