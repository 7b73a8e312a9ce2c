"""Profiles as somebody else would write them: files in a folder, and nothing else."""

from __future__ import annotations

from pathlib import Path

ACME = {
    "profile.json": """\
{
  "name": "acme", "version": 7, "encoder": "full", "envelope": "message.json", "timestamps": "unix_ms",
  "key_casing": "camelCase", "content_type": "application/vnd.acme+json",
  "path": "/{site_id}/{device_id}", "headers": {"X-Acme-Count": "{seq}"}
}
""",
    "message.json": """\
{
  "header": {"kind": "{type}", "ref": "{packet_id}", "from": {"device": "{device_id}", "is": "{device_type}"}},
  "t": "{sent_at}",
  "points": {"{key}": {"v": "{value}", "u?": "{unit}", "q": "{quality}"}}
}
""",
    "measurands.csv": """\
key,scope,type,unit_ucum,min,max,resolution,cadence_s,on_change,source
ACTIVE_POWER,site|feeder|charger|bess|der,number,W,-100000000,100000000,100,10,,ACTIVE_POWER
IMPORT_HEADROOM,site|scope,number,W,0,100000000,100,30,yes,AVAILABLE_CHARGING_CAPACITY
FALLBACK_IMPORT,site|scope,number,MW,0,100,0.0001,300,yes,FAIL_SAFE_CAPACITY
LINK_STATE,site|bess|der,enum,,,,,30,yes,HEARTBEAT_STATUS
DISPATCHED,bess|der|site,enum,,,,,30,yes,DISPATCH_STATE
EXPORT_CAP,site|der,number,W,0,100000000,100,60,yes,LIMIT_DER_EXPORT
STATE_OF_CHARGE,bess,number,1,0,1,0.001,30,,SOC
DEVICE_STATE,bess|der|site|charger,integer,,,,,30,yes,DEVICE_POWER_STATE
BATTERY_MODE,bess,enum,,,,,30,yes,BESS_OPERATIONAL_MODE
AIR_TEMPERATURE,site,number,K,0,400,0.01,300,,AMBIENT_TEMPERATURE
""",
    "enums.csv": """\
source,word,sent
HEARTBEAT_STATUS,OK,alive
HEARTBEAT_STATUS,LATE,slow
HEARTBEAT_STATUS,LOST,gone
HEARTBEAT_STATUS,NEVER,unseen
DISPATCH_STATE,NONE,free
DISPATCH_STATE,SCHEDULED,booked
DISPATCH_STATE,ACTIVE,running
DISPATCH_STATE,COMPLETED,done
DISPATCH_STATE,REJECTED,refused
DEVICE_POWER_STATE,OFF,0
DEVICE_POWER_STATE,STARTING,1
DEVICE_POWER_STATE,ON,2
DEVICE_POWER_STATE,SHUTTING_DOWN,3
DEVICE_POWER_STATE,FAULT,4
DEVICE_POWER_STATE,UNKNOWN,5
packet_type,BIRTH,hello
packet_type,TELEMETRY,regular
packet_type,HEARTBEAT,beat
packet_type,EVENT,news
packet_type,DEATH,farewell
quality,OK,good
quality,ESTIMATED,guessed
quality,MISSING,none
quality,BAD,bad
""",
    "bess_modes.csv": """\
rule,power_state,heartbeat,fail_safe,control,dispatch,direction,soc_band,mode
1,FAULT|UNKNOWN|OFF|STARTING|SHUTTING_DOWN,*,*,*,*,*,*,unavailable
2,ON,*,1,*,*,*,*,capped
3,ON,LOST|NEVER,0,*,*,*,*,unheard
4,ON,OK|LATE,0,*,*,CHARGING,*,filling
5,ON,OK|LATE,0,*,*,DISCHARGING,*,emptying
6,ON,OK|LATE,0,*,*,IDLE,*,resting
""",
}
"""Other keys, casing, units, words, modes, times and an envelope of its own."""

PACKS = {
    "profile.json": """\
{"name": "packs", "version": 1, "encoder": "senml", "envelope": "base.json", "as_flag": ["der"]}
""",
    "base.json": '{"bn": "urn:acme:{device_id}:", "bt": "{sent_at}", "kind": "{type}"}\n',
    "measurands.csv": """\
key,scope,type,unit_ucum,min,max,resolution,cadence_s,on_change,source
power,site|feeder|charger|bess|der,number,W,-100000000,100000000,100,10,,ACTIVE_POWER
capacity,site|scope,number,W,0,100000000,100,30,yes,AVAILABLE_CHARGING_CAPACITY
failsafe,site|scope,number,W,0,100000000,100,300,yes,FAIL_SAFE_CAPACITY
heartbeat,site|bess|der,enum,,,,,30,yes,HEARTBEAT_STATUS
dispatch,bess|der|site,enum,,,,,30,yes,DISPATCH_STATE
der,site|der,boolean,,,,,60,yes,LIMIT_DER_EXPORT
level,bess,number,%,0,100,0.1,30,,SOC
state,bess|der|site|charger,enum,,,,,30,yes,DEVICE_POWER_STATE
mode,bess,enum,,,,,30,yes,BESS_OPERATIONAL_MODE
temperature,site,number,Cel,-50,60,0.1,300,,AMBIENT_TEMPERATURE
""",
}
"""SenML, powers in W, the export limit as a flag, and the contract's own table of modes."""


def written(files: dict[str, str], folder: Path) -> Path:
    """The folder, with these files in it."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
