"""A stand-in for the platform under test, written from the public protocols alone.

It is an OSCP 2.0 flexibility provider, in this package, and it takes sensor packets in, in the package `packets`.

How to read it, from the inside out. The first six do no input or output and read no clock:

* `wire`           the messages as they travel
* `forecasts`      capacity forecasts in kW, and which block holds at an instant
* `constraint`     what limits the managed scope now: a pure function
* `managed_scope`  the scope under OSCP control, and its yellow fallback mode
* `connection`     one connection's lifecycle: every rule about which message is welcome when
* `metering`       closed measurement windows and the messages that report them

Around them is what a running provider needs:

* `journal`, `misbehaviour`   messages as they were, and faults that were asked for
* `outbound`, `inbound`       a message on its way to the capacity provider, and one that comes from it
* `link`                      a connection with its timers: heartbeats, deadlines, acknowledgements
* `orders`                    what an operator can have a connection do
* `protocol_api`, `control_api`, `page`, `server`   HTTP around all that, with `answers` and `html` for what they share
"""
