"""The JSON bodies that the design prints in its section 7, letter by letter."""

CREATE_SESSION = """
{
  "managed_scope_id": "scope-grid-1",
  "betterfleet_base_url": "http://bf-manage-core:5001/oscp",
  "remote_configuration_id": "2b5f4a88-d4b4-41ad-a1c8-889f3ee71111",
  "group_id": "group-1",
  "measurement_publication_mode": "GROUP",
  "measurement_configuration": "INTERMITTENT",
  "scenario_preset": "connected_baseline"
}
"""

SESSION_CREATED = """
{
  "session_id": "6dc59c9e-59a9-4f9b-a0f3-cc5d2b721111",
  "state": "offline"
}
"""

SEND_HANDSHAKE = """
{
  "heartbeat_interval_seconds": 5
}
"""

HANDSHAKE_SENT = """
{
  "ledger_entry_id": "b2f7b8f2-7181-4f9e-a42d-2f08efea1111",
  "state": "awaiting_handshake_acknowledge"
}
"""

SEND_FORECAST = """
{
  "type": "CONSUMPTION",
  "forecasted_blocks": [
    {
      "capacity": 500.0,
      "phase": "ALL",
      "unit": "KW",
      "start_time": "2026-04-02T10:00:00Z",
      "end_time": "2026-04-02T10:15:00Z"
    }
  ]
}
"""

FORECAST_SENT = """
{
  "ledger_entry_id": "0f37a794-0f6d-4f66-a0da-2b3b0fe61111",
  "delivery_status": "accepted"
}
"""

APPLY_OVERRIDE = """
{
  "mode": "reject_heartbeat_with_403",
  "until": "2026-04-02T10:20:00Z"
}
"""

OVERRIDE_APPLIED = """
{
  "session_id": "6dc59c9e-59a9-4f9b-a0f3-cc5d2b721111",
  "override_state": "active"
}
"""

MESSAGES = """
{
  "messages": [
    {
      "direction": "inbound",
      "message_type": "UpdateAssetMeasurements",
      "outcome": "accepted"
    }
  ]
}
"""

HEARTBEAT = """
{
  "offlineModeAt": "2026-04-02T10:15:00Z"
}
"""
