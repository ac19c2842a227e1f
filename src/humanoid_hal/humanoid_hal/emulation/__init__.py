"""Emulated boards: byte-true on ptys, with a plant behind them.

`boards` what a family's emulator implements; `motors` the shafts between boards and plant; `plant`
what moves them; `pty` the port; `bus` one wire with its timing; `emulator` all of them together.
"""
