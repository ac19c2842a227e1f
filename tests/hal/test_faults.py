"""docs/safety.md and the table in the code are the same table."""

import re
from pathlib import Path

import pytest

from humanoid_hal.faults import FAULTS, SECOND, Clears, Reaction

_PAGE = Path(__file__).parents[2] / "docs" / "safety.md"
_ROW = re.compile(
    r"^\| `(\w+)` \| (\d+) \| (\w+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE
)


def _time(nanoseconds: int) -> str:
    if nanoseconds < SECOND:
        return f"{nanoseconds // 1_000_000} ms"
    return f"{nanoseconds / SECOND:g} s"


def test_the_page_lists_exactly_the_faults_of_the_code() -> None:
    rows = _ROW.findall(_PAGE.read_text(encoding="utf-8"))
    assert [row[0] for row in rows] == list(FAULTS)


@pytest.mark.parametrize("row", _ROW.findall(_PAGE.read_text(encoding="utf-8")), ids=lambda r: r[0])
def test_each_row_of_the_page_says_what_the_code_does(row: tuple[str, ...]) -> None:
    name, number, detector, _, after, reaction, ends = row
    fault = FAULTS[name]
    assert int(number) == fault.row
    assert detector == fault.detector.value
    assert after == (_time(fault.after) if fault.after else "at once")
    then = f", {fault.escalates.name} after {_time(fault.escalates_after)}"
    assert reaction == fault.reaction.name + (then if fault.escalates else "")
    assert ends == fault.clears.value + (f" + {_time(fault.linger)}" if fault.linger else "")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_what_brings_the_robot_down_never_clears_by_itself(fault: object) -> None:
    if fault.reaction >= Reaction.SIT:
        assert fault.clears is not Clears.ON_CLEAR


def test_every_fault_has_something_that_reports_it() -> None:
    sources = Path(__file__).parents[2].glob("src/*/humanoid_*/**/*.py")
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in sources if path.name != "faults.py"
    )
    # A joint that is not a leg's is reported by the same place, with `arm_` before the name.
    silent = [n for n in FAULTS if not re.search(rf"[\"']{n.removeprefix('arm_')}[\"':]", text)]
    assert silent == []
