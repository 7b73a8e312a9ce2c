"""The part of the stand-in that takes sensor packets in, as a platform would, and shows what it makes of them.

How to read it, from the inside out. All but the last three do no input or output and read no clock:

* `packet`, `findings`            a packet as it was understood, and what is odd about it
* `units`, `measurands`           the contract: keys, units, ranges and words
* `encodings`, `envelope`, `senml`  bytes to packets
* `sequence`                      gaps, repeats, order, restarts and the clock of one device
* `checks`                        what a packet says against the contract
* `document`, `configuration`, `routing`   which devices drive what, as the platform has it
* `capability`, `capacity`, `circuits`, `power_source`, `microgrid`   what the packets mean (COR-9, COR-38)
* `archive`, `misbehaviour`       packets as they were, and faults that were asked for
* `platform`, `intake`          a post on its way through all that
* `api`, `control`, `views`, `card`   HTTP around it
"""
