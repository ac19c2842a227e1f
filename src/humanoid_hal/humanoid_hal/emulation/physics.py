"""The robot in MuJoCo as the plant behind emulated boards."""

from collections.abc import Sequence

from humanoid_description import RobotDescription
from humanoid_hal.driver import Array, Command
from humanoid_hal.drivers.mujoco import MujocoDriver, MujocoOptions
from humanoid_hal.emulation.plant import Driven, Group


class Physics(Driven):
    """Stands still in its start pose until the first board has torque."""

    def __init__(
        self, robot: RobotDescription, groups: Sequence[Group], options: MujocoOptions
    ) -> None:
        """Raises DriverError if the robot cannot stand in its start pose."""
        super().__init__(robot, groups)
        self.driver = MujocoDriver(robot, options)
        self.driver.open()
        self.world = self.driver.world
        self._enabled = False
        self.advance(0.0)

    def _move(self, law: Command, powered: bool, period: float) -> tuple[Array, Array, Array]:
        if powered != self._enabled:
            self.driver.enable(powered)
            self._enabled = powered
        self.driver.write(law)
        sample = self.driver.read()
        self.stamp, self.imu, self.wrenches = sample.stamp, sample.imu, sample.wrenches
        return sample.position, sample.velocity, sample.effort
