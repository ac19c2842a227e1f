"""Buses: what carries bytes or CAN frames between the HAL and boards, whatever they speak.

`device` one board as data; `protocol` the contract of a board family (no port, no clock);
`framing` frames out of byte streams; `transport` the ports; `exchange` all buses of a robot in one
thread; `families` protocols by name.
"""
