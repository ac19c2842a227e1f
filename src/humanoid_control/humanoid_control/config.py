"""The file ``control.yaml`` of a robot, as typed data. Every key has a default."""

from dataclasses import dataclass, field
from pathlib import Path

from humanoid_control.fall_prediction import FallPredictionConfig
from humanoid_control.policy.description import PolicyEntry
from humanoid_control.ready import ReadyConfig
from humanoid_control.references import ReferencesConfig
from humanoid_control.sit import SitConfig
from humanoid_control.stand import StandConfig
from humanoid_control.walk_to import WalkToConfig
from humanoid_control.walking.config import WalkConfig
from humanoid_control.whole_body import WholeBodyConfig
from humanoid_description.strict_yaml import key, load_config


@dataclass(frozen=True)
class ModesConfig:
    """The mode supervisor."""

    blend: float = key(0.2, above=0.0, max=2.0, unit="s", doc="fade from one mode to the next")
    handover: float = key(
        0.05, above=0.0, max=2.0, unit="s", doc="... when one gives up that balanced until then"
    )


@dataclass(frozen=True)
class ControlConfig:
    """Everything about control."""

    modes: ModesConfig = field(default_factory=ModesConfig)
    ready: ReadyConfig = field(default_factory=ReadyConfig)
    sit: SitConfig = field(default_factory=SitConfig)
    references: ReferencesConfig = field(default_factory=ReferencesConfig)
    stand: StandConfig = field(default_factory=StandConfig)
    walk: WalkConfig = field(default_factory=WalkConfig)
    whole_body: WholeBodyConfig = field(default_factory=WholeBodyConfig)
    falls: FallPredictionConfig = field(default_factory=FallPredictionConfig)
    walk_to: WalkToConfig = field(default_factory=WalkToConfig)
    policies: dict[str, PolicyEntry] = key(
        default_factory=dict, doc="learned walking: mode -> its description and network"
    )


def load_control_config(path: str | Path | None) -> ControlConfig:
    """Read `path`; without one (None or ""), the defaults hold. Raises ConfigError."""
    return load_config(path, ControlConfig) if path else ControlConfig()
