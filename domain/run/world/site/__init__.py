"""The site: its electrical balance, storage, limits, forecasts, and the link to a microgrid controller."""
