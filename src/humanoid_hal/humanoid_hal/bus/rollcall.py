"""Who is asked in which order on a bus where devices answer one after the other, and who answered.

A device that should answer after a silent one may stay silent too (each waits for the one before
it), and everybody waits for the dead. So those who were silent go to the end of the row, and who
was silent for long is asked only now and then.
"""

from collections.abc import Sequence

import numpy as np

from humanoid_hal.bus.protocol import Mask

#: Questions in a row that a device left the row stuck at after which it is asked rarely: three
#: cycles, each asks twice.
SILENT = 6
#: Cycles between two questions to such a device.
PROBE_EVERY = 25
#: Answers of one device that may still come after all, on a computer that stutters.
_MOST_OWED = 20


class RollCall:
    """Counts for `n` devices; they are known by their index."""

    def __init__(self, n: int) -> None:
        self._misses = np.zeros(n, dtype=np.int64)  # questions in a row that stopped at it
        self.answered: Mask = np.zeros(n, dtype=bool)  # in this cycle
        self.order: tuple[int, ...] = ()  # who is asked in this cycle
        self._row: tuple[int, ...] = ()  # as they were asked last
        self.everybody = tuple(range(n))
        self._outstanding = 0  # of those asked
        self._late = False  # some misses are not 0
        self._cycle = 0
        self._owed = np.zeros(
            n, dtype=np.int64
        )  # questions that were given up, and may be answered
        self._over = True  # nobody is waited for

    def reset(self) -> None:
        """Everybody was found anew."""
        self._misses[:] = 0
        self._late = False

    def begin(self) -> tuple[int, ...]:
        """Begin a cycle: whom to ask, in this order."""
        self._cycle += 1
        self._over = False
        self.answered[:] = False
        misses = self._misses
        if not self._late:
            self.order = self.everybody
        else:
            probing = self._cycle % PROBE_EVERY == 0
            asked = np.flatnonzero((misses < SILENT) | probing)
            self.order = tuple(asked[np.argsort(misses[asked], kind="stable")].tolist())
        self._row = self.order
        self._outstanding = len(self.order)
        return self.order

    def hear(self, index: int) -> bool:
        """Note an answer; False: nobody asked, it has answered already, or the cycle is over."""
        if self._over or index not in self.order or self.answered[index]:
            return False
        self.answered[index] = True
        self._outstanding -= 1
        return True

    def hear_all(self) -> None:
        """All that were asked have answered."""
        self.answered[list(self.order) if self.order != self.everybody else slice(None)] = True
        self._outstanding = 0

    def owe(self, indices: Sequence[int]) -> None:
        """Their questions are given up: the answers may come after all."""
        at = list(indices)
        self._owed[at] = np.minimum(self._owed[at] + 1, _MOST_OWED)

    def excuse(self, index: int) -> bool:
        """Whether an answer that is not heard was asked for: it comes too late, or for the second time."""
        if index < 0 or not self._owed[index]:
            return False
        self._owed[index] -= 1
        return True

    @property
    def complete(self) -> bool:
        """Whether all that were asked have answered."""
        return self._outstanding == 0 and bool(self.order)

    def again(self) -> tuple[int, ...]:
        """Whom to ask once more: who has not answered, the first silent one last."""
        missing = self._missing()
        self._row = missing[1:] + missing[:1]
        return self._row

    def missed(self, index: int) -> bool:
        """Whether it has not answered since the row stopped at it."""
        return bool(self._misses[index])

    def end(self) -> Mask:
        """End the cycle: who answered, as a copy."""
        self._over = True
        if self._outstanding:
            self._missing()
        if self._late:
            self._misses[self.answered] = 0
            self._late = bool(self._misses.any())
        return self.answered.copy()

    def _missing(self) -> tuple[int, ...]:
        """Who has not answered. The first of them stopped the row; the others may be innocent."""
        missing = tuple(index for index in self._row if not self.answered[index])
        if missing:
            self.owe(missing)
            self._misses[missing[0]] += 1
            self._late = True
        return missing
