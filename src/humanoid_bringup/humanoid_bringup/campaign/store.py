"""The folder of a campaign: one result per scenario, written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

from humanoid_bringup.campaign.definition import Scenario, finite
from humanoid_bringup.errors import Exit, HumanoidError

RESULTS, TABLE = "results.json", "results.txt"


class Store:
    """Results that are there already need not be computed again."""

    def __init__(self, folder: Path) -> None:
        """Raises HumanoidError when `folder` cannot be made."""
        self._folder = folder
        self._runs = folder / "runs"
        try:
            self._runs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HumanoidError(f"{folder}: {error.strerror}", Exit.ENVIRONMENT) from error

    def load(self, scenario: Scenario) -> dict[str, Any] | None:
        """The result of `scenario`; None if there is none, or one of another definition."""
        try:
            kept = json.loads(self._path(scenario).read_text())
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or kept.get("digest") != scenario.digest:
            return None
        figures = kept.get("figures")
        return figures if isinstance(figures, dict) else None

    def save(self, scenario: Scenario, figures: dict[str, Any]) -> dict[str, Any]:
        """Keep a result, and return it as :meth:`load` will."""
        kept = finite(figures)
        row = {"name": scenario.name, "digest": scenario.digest, "figures": kept}
        self._write(self._path(scenario), json.dumps(row, indent=1, sort_keys=True) + "\n")
        return kept

    def sum_up(self, summary: dict[str, Any], table: str) -> None:
        """Keep what the whole campaign says."""
        text = json.dumps(summary, indent=1, sort_keys=True) + "\n"
        self._write(self._folder / RESULTS, text)
        self._write(self._folder / TABLE, table + "\n")

    def _path(self, scenario: Scenario) -> Path:
        return self._runs / f"{scenario.name}.json"

    @staticmethod
    def _write(path: Path, text: str) -> None:
        draft = path.with_suffix(f".draft{os.getpid()}")
        draft.write_text(text)
        os.replace(draft, path)
