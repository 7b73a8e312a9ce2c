"""One check before every surface of the service: Host, Origin, token, and the rate of refused requests.

Imports nothing by itself: the stand-in uses `rules` without loading the rest.
"""
