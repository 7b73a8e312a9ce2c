"""The OSCP Capacity Provider service: sessions, what they receive and send, their timers."""
