"""The stand-in's ``gz.sim8``: what Python systems in its server may ask of a model and its joints."""


class Model:
    """A model by its entity."""

    def __init__(self, entity):
        self._entity = entity

    def joint_by_name(self, ecm, name):
        """The entity of a joint."""
        return ecm.joint(name)


class Joint:
    """A joint by its entity; positions and velocities come only where they were asked for."""

    def __init__(self, entity):
        self._entity = entity
        self._positions = self._velocities = False

    def enable_position_check(self, ecm, enable=True):
        """Ask for positions."""
        self._positions = enable

    def enable_velocity_check(self, ecm, enable=True):
        """Ask for velocities."""
        self._velocities = enable

    def position(self, ecm):
        """[rad], a list of one; None where it was not asked for."""
        return [ecm.position(self._entity)] if self._positions else None

    def velocity(self, ecm):
        """[rad/s], as `position`."""
        return [ecm.velocity(self._entity)] if self._velocities else None

    def set_force(self, ecm, forces):
        """[N m] for the next physics step only."""
        ecm.forces[self._entity] = forces[0]

    def reset_position(self, ecm, positions):
        """Put the joint there before the next step."""
        ecm.place(self._entity, positions[0])

    def reset_velocity(self, ecm, velocities):
        """As `reset_position`."""
        ecm.speed(self._entity, velocities[0])
