"""The simulated world of a run: integers only, folded from events, advanced tick by tick.

depot      what the configuration says, compiled: specs, tree paths, curves
state      what changes: vehicles, connectors, nodes, sensors, BESS, PV, controllers
evolve     one handler per event; the only code that changes state
engine     one tick: schedule, demand, allocation, dispatch, integration, meters, breaches
"""
