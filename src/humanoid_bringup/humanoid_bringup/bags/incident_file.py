"""One incident as one MCAP file: the last seconds of all topics, why, parameters, versions, files.

Any MCAP reader plays it; `humanoid incident` explains it.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mcap.exceptions import McapError
from mcap.reader import make_reader

from humanoid_bringup.bags.bag import CUSTOM, BagError, Topic
from humanoid_bringup.bags.mcap_writer import McapWriter
from humanoid_bringup.incidents import KEPT, Incident

#: Names of the metadata records; the third is :data:`humanoid_bringup.bags.bag.CUSTOM`.
INCIDENT, VERSIONS = "humanoid.incident", "humanoid.versions"
#: Name of the attachment with the nodes' parameters; settings files have their own names.
PARAMETERS = "parameters.json"

#: (topic, time [ns], data, publish time [ns])
Row = tuple[str, int, bytes, int | None]


@dataclass(frozen=True)
class Circumstances:
    """What was so while it happened."""

    custom: Mapping[str, str] = field(default_factory=dict)  # robot, hardware, startup_mode
    versions: Mapping[str, str] = field(default_factory=dict)  # name -> version
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # node -> name, value
    files: Mapping[str, str] = field(default_factory=dict)  # settings: name -> text


def write_incident(
    directory: Path,
    incident: Incident,
    circumstances: Circumstances,
    topics: Iterable[Topic],
    rows: Iterable[Row],
) -> Path:
    """Write the file; only whole ones have the ending .mcap. Deletes old ones. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = _free_name(directory, incident)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    writer = McapWriter(part)
    try:
        for topic in topics:
            writer.add(topic)
        for sequence, (name, time, data, published) in enumerate(rows):
            writer.write(name, time, data, time if published is None else published, sequence)
        writer.note(INCIDENT, {key: json.dumps(value) for key, value in asdict(incident).items()})
        writer.note(VERSIONS, circumstances.versions)
        writer.note(CUSTOM, circumstances.custom)
        parameters = json.dumps(circumstances.parameters, indent=1, sort_keys=True)
        writer.attach(PARAMETERS, "application/json", parameters.encode())
        for name, text in circumstances.files.items():
            writer.attach(name, "application/yaml", text.encode())
    finally:
        writer.close()
    os.replace(part, path)
    for old in incident_files(directory)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def read_incident(path: Path) -> tuple[Incident, Circumstances]:
    """What a file says besides its messages. Raises BagError."""
    if not path.is_file():
        raise BagError(f"{path}: no such file; 'humanoid incident --list' shows what there is")
    try:
        with path.open("rb") as stream:
            reader = make_reader(stream, validate_crcs=True)
            notes = {record.name: record.metadata for record in reader.iter_metadata()}
            files = {a.name: a.data.decode() for a in reader.iter_attachments()}
        said = {key: json.loads(value) for key, value in notes[INCIDENT].items()}
        said["reasons"] = tuple(said["reasons"])
        parameters = json.loads(files.pop(PARAMETERS, "{}"))
        circumstances = Circumstances(notes[CUSTOM], notes[VERSIONS], parameters, files)
        return Incident(**said), circumstances
    except KeyError as error:
        raise BagError(f"{path}: a bag, but no incident: it has no record {error}") from error
    except (McapError, ValueError, TypeError, OSError, EOFError) as error:
        raise BagError(f"{path}: cannot be read as an incident: {error}") from error


def incident_files(directory: Path) -> list[Path]:
    """The files of a directory, newest first."""
    return sorted(directory.glob("[0-9]*-*.mcap"), reverse=True)


def _free_name(directory: Path, incident: Incident) -> Path:
    begin = datetime.fromtimestamp(incident.time // 1_000_000_000).strftime("%Y%m%d-%H%M%S")
    number = 1
    while True:
        again = "" if number == 1 else f"-{number}"
        path = directory / f"{begin}-{incident.name}{again}.mcap"
        if not path.exists():
            return path
        number += 1
