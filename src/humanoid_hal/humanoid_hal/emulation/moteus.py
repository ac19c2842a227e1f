"""Emulated moteus controllers: registers, console, position mode, time-out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import pi
from typing import Any

import numpy as np

from humanoid_hal.bus.can import CanBatch, joined
from humanoid_hal.can.frames import padded
from humanoid_hal.drivers.moteus import codec
from humanoid_hal.drivers.moteus.registers import GAIN_INT16, Mode, Register
from humanoid_hal.emulation.can import CanBoards
from humanoid_hal.emulation.motors import Motors

_TURN = 2.0 * pi
_FIRMWARE = 0x000100
#: What integers count, by register: (int8, int16, int32).
_STEPS = {
    Register.POSITION: (0.01, 1e-4, 1e-5),
    Register.VELOCITY: (0.1, 2.5e-4, 1e-5),
    Register.TORQUE: (0.5, 0.01, 0.001),
    Register.VOLTAGE: (0.5, 0.1, 0.001),
    Register.TEMPERATURE: (1.0, 0.1, 0.001),
    Register.COMMAND_POSITION: (0.01, 1e-4, 1e-5),
    Register.COMMAND_VELOCITY: (0.1, 2.5e-4, 1e-5),
    Register.COMMAND_FEEDFORWARD: (0.5, 0.01, 0.001),
    Register.COMMAND_KP_SCALE: (1 / 127, GAIN_INT16, 1 / 2147483647),
    Register.COMMAND_KD_SCALE: (1 / 127, GAIN_INT16, 1 / 2147483647),
}
_ONES = (1.0, 1.0, 1.0)
#: Smallest codes, which mean "not a number".
_NOTHING = (-0x80, -0x8000, -0x8000_0000)
_OVER_TEMPERATURE, _UNDER_VOLTAGE, _DRIVER = 38, 40, 33
#: [s] from the first command to torque: motor driver enabled in steps of 1 ms, current sensors calibrated
#: over 256 periods of 1/30 ms (fw/drv8323.cc and bldc_servo.cc of the firmware).
_PREPARATION = 0.0125


@dataclass
class _Board:
    """One controller."""

    mode: int = Mode.STOPPED
    fault: int = 0
    command: dict[int, float] = field(default_factory=dict)
    text: bytes = b""  # the console's output that nobody fetched
    fed: float = 0.0  # [s] when the last command came
    ready: float = 0.0  # [s] when it will have calibrated its current sensors
    config: dict[str, float] = field(default_factory=dict)
    stored: dict[str, float] = field(default_factory=dict)


class MoteusBoards(CanBoards):
    """See :class:`Boards`."""

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        super().__init__(motors, options)
        self.boards = [_Board(config=self._factory(board)) for board in self.ids]
        for board in self.boards:
            board.stored = dict(board.config)

    @staticmethod
    def _factory(board: int) -> dict[str, float]:
        return {
            "id.id": board,
            "servo.pid_position.kp": 4.0,
            "servo.pid_position.ki": 1.0,
            "servo.pid_position.kd": 0.05,
            "servo.default_timeout_s": 0.1,
            "servo.fault_temperature": 75.0,
        }

    # -- CanBoards --------------------------------------------------------------------------------

    def watch(self, now: float) -> None:
        """Time-outs and protections of boards with torque."""
        degrees, volts = self.temperature(), self.voltage()
        for index in np.flatnonzero(self.motors.powered):
            board = self.boards[index]
            if degrees[index] >= board.config["servo.fault_temperature"]:
                self._fail(int(index), _OVER_TEMPERATURE)
            elif volts[index] < 10.0:
                self._fail(int(index), _UNDER_VOLTAGE)
            elif now - board.fed > board.config["servo.default_timeout_s"]:
                board.mode = Mode.TIMEOUT
                self.switch(int(index), False)

    def reboot(self, index: int) -> None:
        """See :meth:`CanBoards.reboot`."""
        board = self.boards[index]
        self.boards[index] = _Board(config=dict(board.stored), stored=board.stored)
        self.switch(index, False)

    def overload(self, index: int) -> None:
        """See :meth:`CanBoards.overload`."""
        self._fail(index, _DRIVER)

    def execute(self, payload: CanBatch, now: float) -> Sequence[tuple[int, CanBatch]]:
        """See :meth:`CanBoards.execute`."""
        replies = []
        for identifier, data in payload.frames():
            index = self.at.get(identifier & 0x7F, -1)
            if index < 0 or not self.hears(np.array([index]))[0]:
                continue
            try:
                subframes = codec.parse_subframes(data)
            except ValueError:
                continue
            answer = self._obey(index, subframes, now)
            if identifier & codec.WANT_REPLY:
                size = padded(len(answer))
                answer = answer.ljust(size, bytes([codec.NOP]))
                replies.append((index, CanBatch.of([(self.ids[index] << 8, answer)], fd=True)))
        extended = [(i, _with_extended(batch)) for i, batch in replies]
        if self._faults:
            return extended
        return [(-1, joined([batch for _, batch in extended]))] if extended else ()

    # -- one board ----------------------------------------------------------------------------------

    def _fail(self, index: int, fault: int) -> None:
        board = self.boards[index]
        board.mode, board.fault = Mode.FAULT, fault
        self.switch(index, False)

    def _obey(self, index: int, subframes: Sequence[codec.Subframe], now: float) -> bytes:
        """Execute a frame from left to right; the answer's subframes."""
        board, answer, commanded = self.boards[index], b"", False
        for part in subframes:
            if part.kind == codec.WRITE and part.register == Register.MODE:
                self._set_mode(index, int(part.value), now)
                board.command = {}
                commanded = True
            elif part.kind == codec.WRITE:
                board.command[part.register] = _scaled(part)
            elif part.kind == codec.READ:
                answer += self._tell(index, part)
            elif part.kind == codec.STREAM_OUT:
                self._console(index, part.text)
            elif part.kind == codec.STREAM_POLL:
                text, board.text = board.text[:48], board.text[48:]
                answer += bytes([codec.STREAM_IN, codec.CONSOLE, len(text)]) + text
        if commanded and board.mode == Mode.POSITION:
            board.fed = now
            self._follow(index)
        return answer

    def _set_mode(self, index: int, mode: int, now: float) -> None:
        board = self.boards[index]
        if mode == Mode.STOPPED:
            board.mode, board.fault = Mode.STOPPED, 0
            self.switch(index, False)
        elif mode == Mode.POSITION and board.mode == Mode.STOPPED:
            board.mode, board.ready = Mode.PREPARING, now + _PREPARATION
        elif mode == Mode.POSITION and board.mode == Mode.PREPARING and now >= board.ready:
            board.mode = Mode.POSITION
            self.switch(index, True)

    def _follow(self, index: int) -> None:
        """The torque law of the newest command, in SI units."""
        board, motors = self.boards[index], self.motors
        command, config = board.command, board.config
        position = command.get(Register.COMMAND_POSITION, 0.0) * _TURN
        law = (
            motors.position[index] if np.isnan(position) else position,
            command.get(Register.COMMAND_VELOCITY, 0.0) * _TURN,
            command.get(Register.COMMAND_FEEDFORWARD, 0.0),
            command.get(Register.COMMAND_KP_SCALE, 1.0) * config["servo.pid_position.kp"] / _TURN,
            command.get(Register.COMMAND_KD_SCALE, 1.0) * config["servo.pid_position.kd"] / _TURN,
        )
        self.set_law(np.array([index]), tuple(np.array([value]) for value in law))

    def _tell(self, index: int, part: codec.Subframe) -> bytes:
        """One register in the resolution it is asked for in."""
        board = self.boards[index]
        position, velocity, torque = (float(v[0]) for v in self.measured(np.array([index])))
        values: dict[int, float] = {
            Register.MODE: board.mode,
            Register.POSITION: position / _TURN,
            Register.VELOCITY: velocity / _TURN,
            Register.TORQUE: torque,
            Register.VOLTAGE: float(self.voltage()[index]),
            Register.TEMPERATURE: float(self.temperature()[index]),
            Register.FAULT: board.fault,
            Register.FIRMWARE: _FIRMWARE,
        }
        value = values.get(part.register, 0.0)
        if part.resolution != codec.FLOAT:
            step = _steps(part.register)[part.resolution]
            largest = -_NOTHING[part.resolution] - 1
            value = min(max(round(value / step), -largest), largest)
        number = codec.make_number(part.resolution, value)
        if not part.count:
            return number
        head = codec.make_head(codec.REPLY, part.register, part.resolution, part.count)
        return head + number

    def _console(self, index: int, text: bytes) -> None:
        board = self.boards[index]
        for line in text.decode("ascii", "replace").split("\n"):
            if line:
                board.text += self._command(index, line.split()).encode() + b"\r\n"

    def _command(self, index: int, words: list[str]) -> str:
        config = self.boards[index].config
        match words:
            case ["conf", "get", name] if name in config:
                return f"{config[name]:f}"
            case ["conf", "set", name, value] if name in config:
                config[name] = float(np.float32(value))
                if name == "id.id":
                    self.ids[index] = int(config[name])
                    self.at = {board: place for place, board in enumerate(self.ids)}
                return "OK"
            case ["conf", "write"]:
                self.boards[index].stored = dict(config)
                return "OK"
        return "ERR unknown command or name"


def _steps(register: int) -> tuple[float, float, float]:
    return _STEPS.get(Register(register), _ONES) if register in set(Register) else _ONES


def _scaled(part: codec.Subframe) -> float:
    """The value of a written register in its unit."""
    if part.resolution == codec.FLOAT:
        return part.value
    if part.value == _NOTHING[part.resolution]:
        return float("nan")
    return part.value * _steps(part.register)[part.resolution]


def _with_extended(batch: CanBatch) -> CanBatch:
    ids = np.where(batch.ids > 0x7FF, batch.ids | np.uint32(0x8000_0000), batch.ids)
    return CanBatch(ids.astype(np.uint32), batch.lengths, batch.data, batch.fd)
