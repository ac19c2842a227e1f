"""Running a campaign: resumed, the same whichever way it ran, with errors said."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from humanoid_bringup import cli
from humanoid_bringup.campaign import workers
from humanoid_bringup.campaign.definition import Scenario, load_campaign, scenarios
from humanoid_bringup.campaign.run import mean_velocity, run_scenario
from humanoid_bringup.campaign.store import Store
from humanoid_bringup.campaign.workers import Outcome
from humanoid_bringup.commands.campaign import execute, progress
from humanoid_bringup.errors import Exit
from humanoid_control.walk_to import Pose

TEXT = """\
commands: {slow: [0.3, 0.0, 0.0]}
seeds: [1, 2, 3]
seconds: 0.6
settle: 0.2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def wanted(path: Path) -> tuple[Scenario, ...]:
    return scenarios(load_campaign(path))


def figures(scenario: Scenario) -> dict[str, Any]:
    speeds = {"forward_m_s": 0.1 * scenario.seed, "left_m_s": 0.0, "turning_rad_s": float("nan")}
    return {"walked": True, "drift_m": 0.01, **speeds}


class Workers:
    """Answers backwards, refuses some seeds, and stops after `most` answers."""

    def __init__(self, bad: Sequence[int] = (), most: int = 99) -> None:
        self.asked: list[Scenario] = []
        self._bad, self._most = bad, most

    def __call__(self, wanted: Sequence[Scenario]) -> Iterator[Outcome]:
        for scenario in list(reversed(wanted))[: self._most]:
            self.asked.append(scenario)
            bad = scenario.seed in self._bad
            yield scenario, {} if bad else figures(scenario), "ValueError: no" if bad else ""
        if self._most < len(wanted):
            raise KeyboardInterrupt


def test_an_interrupted_campaign_goes_on_where_it_was(
    wanted: tuple[Scenario, ...], tmp_path: Path
) -> None:
    store = Store(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        execute(wanted, store, Workers(most=2))
    rest = Workers()
    results, errors = execute(wanted, store, rest)
    assert [scenario.seed for scenario in rest.asked] == [1]
    assert len(results) == 3
    assert not errors
    nobody = Workers()
    assert execute(wanted, store, nobody)[0] == results
    assert nobody.asked == []


def test_results_of_another_definition_and_broken_files_are_not_used(
    wanted: tuple[Scenario, ...], path: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "out")
    execute(wanted, store, Workers())
    (tmp_path / "out" / "runs" / f"{wanted[0].name}.json").write_text('{"digest": ')
    again = Workers()
    execute(wanted, store, again)
    assert again.asked == [wanted[0]]
    path.write_text(TEXT.replace("0.3", "0.4"))
    other = Workers()
    execute(scenarios(load_campaign(path)), store, other)
    assert len(other.asked) == 3


def test_what_cannot_be_run_is_tried_again_next_time(
    wanted: tuple[Scenario, ...], tmp_path: Path
) -> None:
    store = Store(tmp_path / "out")
    _, errors = execute(wanted, store, Workers(bad=[2]))
    assert [(scenario.seed, text) for scenario, text in errors.items()] == [(2, "ValueError: no")]
    again = Workers()
    execute(wanted, store, again)
    assert [scenario.seed for scenario in again.asked] == [2]


def test_the_command_sums_up_the_same_whatever_the_order(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "local", lambda processes: Workers())
    assert cli.main(["campaign", str(path), "--out", str(tmp_path / "a"), "--json"]) == Exit.OK
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["ok"]
    assert said["cases"][0]["forward_m_s"] == pytest.approx(0.2)
    assert said["runs"]["g1-walk-slow-none-flat-1"]["turning_rad_s"] is None
    monkeypatch.setattr(workers, "local", lambda processes: lambda w: reversed(list(Workers()(w))))
    assert cli.main(["campaign", str(path), "--out", str(tmp_path / "b")]) == Exit.OK
    shown = capsys.readouterr().out
    assert "walked" in shown
    assert "3/3" in shown
    for name in ("results.json", "results.txt"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_scenarios_that_cannot_run_and_wrong_files_have_exit_codes(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "local", lambda processes: Workers(bad=[3]))
    assert cli.main(["campaign", str(path)]) == Exit.FAILED
    assert "g1-walk-slow-none-flat-3: ValueError: no" in capsys.readouterr().err
    path.write_text("commands: 3\n")
    assert cli.main(["campaign", str(path)]) == Exit.CONFIGURATION
    assert "campaign.yaml:1" in capsys.readouterr().err


def test_without_ray_the_command_says_what_to_install(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert cli.main(["campaign", str(path), "--ray", "auto"]) == Exit.ENVIRONMENT
    assert "./humanoid setup ray" in capsys.readouterr().err


def test_on_a_cluster_every_result_comes_back_and_a_dead_worker_is_an_error(
    wanted: tuple[Scenario, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    class RayError(Exception):
        pass

    def get(number: int) -> Outcome:
        if wanted[number].seed == 2:
            raise RayError("worker died")
        return wanted[number], figures(wanted[number]), ""

    calls: list[Any] = []
    ray = SimpleNamespace(
        init=lambda **options: calls.append(options["address"]),
        shutdown=lambda: calls.append("shutdown"),
        remote=lambda function: SimpleNamespace(remote=wanted.index),
        wait=lambda waiting: (waiting[-1:], waiting[:-1]),
        get=get,
        exceptions=SimpleNamespace(RayError=RayError),
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    outcomes = list(workers.on_ray("auto")(wanted))
    assert [(scenario.seed, error) for scenario, _, error in outcomes] == [
        (3, ""), (2, "Ray: worker died"), (1, ""),
    ]  # fmt: skip
    assert calls == ["auto", "shutdown"]


def test_the_progress_line_counts() -> None:
    assert progress(1, 2, "g1") == f"[{'#' * 15}{'.' * 15}] 1/2 g1"


def test_speeds_are_in_the_bodys_own_heading() -> None:
    poses = [Pose(0.0, 0.0, 1.5), Pose(0.0, 0.02, 1.52)]
    forward, left, turning = mean_velocity(poses, 0.1)  # type: ignore[misc]
    assert (forward, left) == (pytest.approx(0.2, abs=1e-3), pytest.approx(0.014, abs=1e-3))
    assert turning == pytest.approx(0.2)
    assert mean_velocity(poses[:1], 0.1) is None


@pytest.mark.slow
def test_processes_give_what_this_process_gives(wanted: tuple[Scenario, ...]) -> None:
    alone = [run_scenario(scenario) for scenario in wanted[:2]]
    parallel = {s: kept for s, kept, _ in workers.local(2)(wanted[:2])}
    assert [parallel[scenario] for scenario in wanted[:2]] == alone
    assert alone[0] != alone[1]
    assert alone[0]["walked"]
    assert 0.0 < alone[0]["forward_m_s"] < 0.5


@pytest.mark.slow
def test_a_scenario_that_falls_says_when_and_one_that_cannot_start_why(path: Path) -> None:
    path.write_text(TEXT + "pushes: {hard: [{impulse: 60.0, at: 0.2}]}\n")
    fell = run_scenario(scenarios(load_campaign(path))[0])
    path.write_text(TEXT + "controllers: [flying]\n")
    _, _, error = workers.attempt(scenarios(load_campaign(path))[0])
    assert "unknown mode 'flying'" in error
    assert fell["tilt_rad"] > 0.1
