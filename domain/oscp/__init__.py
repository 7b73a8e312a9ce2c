"""OSCP 2.0 as the Capacity Provider speaks it: sessions, messages, their rules, and the ledger. Pure."""
