"""Makes a package with a driver of its own that passes the conformance kit from the start."""

import re
from pathlib import Path

_TEMPLATE = Path(__file__).parent / "template"

#: What a driver may be called: part of a Python package's name.
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
#: What the template's driver is called.
_TEMPLATE_NAME = "acme"


def generate(name: str, directory: Path) -> list[Path]:
    """Write the package ``humanoid_<name>`` into `directory`; the files, in order.

    Raises ValueError when the name is none or the package is there already; OSError.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"'{name}' is no name for a driver; use small letters, digits and _")
    package = directory / f"humanoid_{name}"
    if package.exists():
        raise ValueError(f"{package} exists already; choose another name or --directory")
    written = []
    for source in sorted(_TEMPLATE.rglob("*.in")):
        parts = source.relative_to(_TEMPLATE).with_suffix("").parts
        target = package.joinpath(*(_renamed(part, name) for part in parts))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")
        written.append(target)
    return written


def _renamed(text: str, name: str) -> str:
    camel = "".join(part.capitalize() for part in name.split("_"))
    return text.replace(_TEMPLATE_NAME, name).replace(_TEMPLATE_NAME.capitalize(), camel)
