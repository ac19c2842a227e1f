#!/usr/bin/env python3
"""Coverage-guided fuzzing of every parser of the HAL. Needs atheris; see README.md.

The first byte of an input says which parser, the second how the rest is cut into chunks. What must
hold: no exception, and after any input a good frame that follows twice is found.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["humanoid_hal"]):
    import hal_parsers
    from hal_parsers import FRAMINGS, Wire, families, read_frames, read_slcan

_FRAMINGS = list(FRAMINGS.values())
_WIRES = [Wire(name) for name in families()]
for _wire in _WIRES:
    _wire.start()


def chunks_of(data: bytes, cut: int) -> list[bytes]:
    """`data` in pieces of `cut` bytes; 0: in one."""
    size = cut or max(len(data), 1)
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_one_input(data: bytes) -> None:
    """Called by the fuzzer with input after input."""
    if len(data) < 2:
        return
    which, chunks = data[0], chunks_of(data[2:], data[1] % 32)
    which %= len(_FRAMINGS) + len(_WIRES) + 1
    if which < len(_FRAMINGS):
        framing = _FRAMINGS[which]
        good = framing.golden[0]
        assert read_frames(framing, [*chunks, good, good])[-1] == good
    elif which < len(_FRAMINGS) + len(_WIRES):
        wire = _WIRES[which - len(_FRAMINGS)]
        wire.cycle(lambda answer: [wire.noise(chunk) for chunk in chunks])
        for chunk in chunks:
            wire.boards.receive(wire.noise(chunk), wire.now, wire.baud)
    else:
        assert read_slcan([*chunks, b"\r", b"t1231AB\r"])[-1] == (0x123, b"\xab")


def seeds(directory: Path) -> None:
    """Write the golden frames, for the fuzzer to begin with."""
    directory.mkdir(parents=True, exist_ok=True)
    for which, framing in enumerate(hal_parsers.FRAMINGS.values()):
        for number, golden in enumerate(framing.golden):
            (directory / f"{which}_{number}").write_bytes(bytes((which, 0)) + golden)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        seeds(Path(sys.argv[1]))
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
