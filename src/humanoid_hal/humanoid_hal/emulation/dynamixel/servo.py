"""One emulated Dynamixel: its control table, and what its registers do.

Written from the e-manual; the codec of the driver is not used, so that both can be wrong only in
different ways.
"""

from humanoid_hal.drivers.dynamixel.models import Model
from humanoid_hal.drivers.dynamixel.registers import BAUD_RATES, EEPROM_END
from humanoid_hal.emulation.motors import Motors

RANGE, LENGTH, LIMIT, ACCESS = 4, 5, 6, 7  # values of a status packet's error
FIRMWARE = 52
#: Registers that only the servo writes.
_READ_ONLY = ("model_number", "firmware", "hardware_error", "present_current", "present_velocity",
              "present_position", "voltage", "temperature")  # fmt: skip
_GOALS = ("goal_current", "goal_velocity", "goal_position")
#: Factory values that matter (e-manual, XM540-W270).
_FACTORY = {
    "return_delay": 250, "operating_mode": 3, "secondary_id": 255, "protocol_type": 2,
    "temperature_limit": 80, "voltage_max": 480, "voltage_min": 95, "shutdown": 0x34,
    "current_limit": 2047, "status_return": 2, "position_p": 800,
}  # fmt: skip
#: Current limit of the P series [mA] (e-manual, PH54-200).
_P_CURRENT_LIMIT = 22740
#: [rad] error at which the position controller of a servo with factory gains asks for all its
#: torque, and its damping over its stiffness [s]. Assumed.
_FULL_TORQUE_ERROR, _DAMPING_TIME = 0.1, 0.03
#: [V] below which the electronics restart. Assumed.
_DEAD_VOLTAGE = 5.0


class Servo:
    """Bytes in and out by address; the law of its motor follows from them."""

    def __init__(self, motors: Motors, index: int, model: Model) -> None:
        self.motors, self.index, self.model = motors, index, model
        self.table = table = model.table
        self.memory = bytearray(1024)
        self.torque = False
        self.heard_at = 0.0  # [s] of the last instruction, for the watchdog
        self._constant = motors.devices[index].settings.get(
            "torque_constant", model.torque_constant
        )
        for name, value in _FACTORY.items():
            self.set(name, value)
        if table["torque_enable"].address >= 512:
            self.set("current_limit", _P_CURRENT_LIMIT)
        self.set("model_number", model.number)
        self.set("firmware", FIRMWARE)
        self.set("id", motors.devices[index].id)
        self._eeprom = (0, EEPROM_END)
        self._read_only = [table[name] for name in _READ_ONLY]
        self._goals = [table[name] for name in _GOALS]
        self.reboot()

    # -- registers ------------------------------------------------------------------------------

    def get(self, name: str) -> int:
        """Raw value of a register."""
        entry = self.table[name]
        data = self.memory[entry.address : entry.address + entry.size]
        return int.from_bytes(data, "little", signed=entry.signed)

    def set(self, name: str, raw: int) -> None:
        """Set a register past all rules."""
        entry = self.table[name]
        self.memory[entry.address : entry.address + entry.size] = raw.to_bytes(
            entry.size, "little", signed=entry.signed
        )

    @property
    def id(self) -> int:
        """Its address on the bus."""
        return self.get("id")

    @property
    def baud(self) -> int:
        """The rate it speaks."""
        return BAUD_RATES.get(self.get("baud_rate"), 0)

    @property
    def alert(self) -> bool:
        """Whether a hardware error is latched."""
        return self.get("hardware_error") != 0

    def read(self, address: int, length: int) -> bytes | None:
        """What a read instruction returns; None: beyond the table."""
        if address + length > len(self.memory):
            return None
        self._measure()
        base, places = self.table["indirect_data"].address, self.model.indirect
        if base <= address and address + length <= base + places:
            return bytes(self.memory[self._place(address + i)] for i in range(length))
        return bytes(self.memory[address : address + length])

    def write(self, address: int, data: bytes) -> int:
        """Execute a write instruction; 0, or the error it is answered with."""
        if address + len(data) > len(self.memory):
            return LENGTH
        base, places = self.table["indirect_data"].address, self.model.indirect
        if base <= address and address + len(data) <= base + places:
            errors = [self._write(self._place(address + i), data[i : i + 1], True)
                      for i in range(len(data))]  # fmt: skip
            error = max(errors)
        else:
            error = self._write(address, data, False)
        if not error:
            self._apply()
        return error

    def _write(self, address: int, data: bytes, mapped: bool) -> int:
        end = address + len(data)
        if self.torque and address < EEPROM_END:
            return ACCESS
        if any(address < r.address + r.size and r.address < end for r in self._read_only):
            return ACCESS
        stopped = self.get("bus_watchdog") < 0
        if stopped and any(address < r.address + r.size and r.address < end for r in self._goals):
            return RANGE
        goal = self.table["goal_current"]
        if address == goal.address and len(data) == goal.size and not mapped:
            asked = abs(int.from_bytes(data, "little", signed=True))
            if asked > self.get("current_limit"):
                return LIMIT
        if address == 7 and data[0] > 252:
            return RANGE
        self.memory[address:end] = data
        return 0

    def _place(self, address: int) -> int:
        """Where an indirect data register points."""
        at = self.table["indirect_address"].address
        at += 2 * (address - self.table["indirect_data"].address)
        return (self.memory[at] | self.memory[at + 1] << 8) % len(self.memory)

    # -- what it does -----------------------------------------------------------------------------

    def reboot(self) -> None:
        """RAM as after power-on: torque off, no goals, nothing mapped but to itself."""
        kept = bytes(self.memory[:EEPROM_END])
        defaults = {name: self.get(name) or _FACTORY[name] for name in ("position_p",)}
        self.memory = bytearray(1024)
        self.memory[:EEPROM_END] = kept
        self.set("status_return", 2)
        for name, value in defaults.items():
            self.set(name, value)
        data, at = self.table["indirect_data"].address, self.table["indirect_address"].address
        for place in range(self.model.indirect):
            self.memory[at + 2 * place : at + 2 * place + 2] = (data + place).to_bytes(2, "little")
        self._apply()

    def fail(self, bit: int) -> None:
        """Latch a hardware error; torque goes off if the shutdown register says so."""
        self.set("hardware_error", self.get("hardware_error") | 1 << bit)
        if self.get("shutdown") >> bit & 1:
            self.set("torque_enable", 0)
            self._apply()

    def tick(self, now: float) -> None:
        """Watchdog, temperature, supply."""
        watchdog = self.get("bus_watchdog")
        if self.torque and watchdog > 0 and now - self.heard_at > watchdog * 0.02:
            self.set("bus_watchdog", -1)
            self._apply()
        if self.motors.temperature[self.index] > self.get("temperature_limit"):
            self.fail(2)
        voltage = self.motors.voltage[self.index]
        if voltage < _DEAD_VOLTAGE:
            self.reboot()
        elif voltage < self.get("voltage_min") * 0.1:
            self.fail(0)

    def _measure(self) -> None:
        """Bring the registers of measured values up to date."""
        motors, i, model = self.motors, self.index, self.model
        position = round(motors.position[i] / model.radian) + model.zero
        velocity = round(motors.velocity[i] / self.table["present_velocity"].scale)
        self.set("present_position", max(-(2**31), min(2**31 - 1, position)))
        self.set("present_velocity", max(-(2**31), min(2**31 - 1, velocity)))
        unit = model.current_unit * self._constant
        current = round(motors.torque[i] / unit) if unit else 0
        self.set("present_current", max(-32768, min(32767, current)))
        self.set("temperature", max(0, min(255, round(motors.temperature[i]))))
        self.set("voltage", max(0, min(65535, round(motors.voltage[i] * 10))))

    def _apply(self) -> None:
        """The torque law that follows from the registers."""
        motors, i, model = self.motors, self.index, self.model
        self.torque = bool(self.get("torque_enable"))
        motors.relax(i)
        if not self.torque:
            return
        motors.powered[i] = True
        full = self.get("current_limit") * (model.current_unit or 2.69e-3) * (self._constant or 1.0)
        damping = full / _FULL_TORQUE_ERROR * _DAMPING_TIME
        if self.get("bus_watchdog") < 0:  # stopped
            motors.speed[i], motors.damping[i] = 0.0, damping
        elif self.get("operating_mode") == 0:
            motors.effort[i] = self.get("goal_current") * model.current_unit * self._constant
        else:
            motors.target[i] = (self.get("goal_position") - model.zero) * model.radian
            motors.speed[i] = 0.0
            motors.stiffness[i], motors.damping[i] = full / _FULL_TORQUE_ERROR, damping
