"""depot-sim: a simulated depot of electric buses. The folders beside this file are the packages below `depot_sim`."""
