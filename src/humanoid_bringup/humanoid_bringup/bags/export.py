"""Bags as tables and curves."""

import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from humanoid_bringup.bags.bag import Bag, BagError
from humanoid_bringup.bags.fields import Decoder, scalars
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import nearest

TIME = "time"  # [ns], the column before the message's own fields
#: Rows that are in memory at once as Python objects, before they become columns of Parquet.
BATCH = 5000


def export(path: Path, output: Path, form: str, topics: Sequence[str] = ()) -> dict[Path, int]:
    """Write one table per topic into the new directory `output`; file -> rows.

    `form`: csv or parquet; without `topics` all that can be taken apart. Raises BagError,
    HumanoidError, OSError.
    """
    if output.exists():
        raise HumanoidError(f"{output} exists already and is kept; name another", Exit.USAGE)
    write = _parquet() if form == "parquet" else _write_csv
    with Bag(path) as bag:
        wanted = [topic if topic.startswith("/") else f"/{topic}" for topic in topics]
        for topic in wanted:
            _known(bag, topic)
        output.mkdir(parents=True)
        decoder = bag.decoder()
        written = {}
        for topic in wanted or sorted(bag.topics):
            if bag.topics[topic].count and (wanted or not decoder.unknown(bag.topics[topic].kind)):
                file = output / f"{topic.strip('/').replace('/', '.')}.{form}"
                written[file] = write(file, _rows(bag, decoder, topic))
    return written


def series(path: Path, fields: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    """``topic.field`` -> (seconds since the bag's start, value). Raises BagError, HumanoidError."""
    with Bag(path) as bag:
        decoder = bag.decoder()
        found: dict[str, list[tuple[float, float]]] = {}
        for name in fields:
            topic, field = _split(bag, name)
            points = []
            for message in bag.messages([topic]):
                values = dict(scalars(decoder.decode(bag.topics[topic].kind, message.data)))
                if field not in values:
                    guess = nearest(field, values)
                    hint = f"; did you mean '{guess}'?" if guess else ""
                    raise HumanoidError(f"{topic} has no number '{field}'{hint}", Exit.USAGE)
                value = values[field]
                if not isinstance(value, int | float):
                    raise HumanoidError(f"{name} is no number: {value!r}", Exit.USAGE)
                points.append(((message.time - bag.start) * 1e-9, float(value)))
            found[name] = points
        return found


def _split(bag: Bag, name: str) -> tuple[str, str]:
    """Topic and field; the topic is the longest one that the name begins with."""
    full = name if name.startswith("/") else f"/{name}"
    topics = [topic for topic in bag.topics if full.startswith(f"{topic}.")]
    if not topics:
        _known(bag, full.split(".")[0])
        raise HumanoidError(f"'{name}': expected topic.field", Exit.USAGE)
    topic = max(topics, key=len)
    return topic, full[len(topic) + 1 :]


def _known(bag: Bag, topic: str) -> None:
    if topic not in bag.topics:
        guess = nearest(topic, bag.topics)
        hint = f"; did you mean '{guess}'?" if guess else ""
        raise HumanoidError(f"{bag.path} has no topic {topic}{hint}", Exit.USAGE)


def _rows(bag: Bag, decoder: Decoder, topic: str) -> Iterator[dict[str, Any]]:
    kind = bag.topics[topic].kind
    for message in bag.messages([topic]):
        try:
            values = dict(scalars(decoder.decode(kind, message.data)))
        except HumanoidError as error:
            raise BagError(f"{bag.path}: {topic}: {error}") from error
        yield {TIME: message.time, **values}


def _write_csv(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """Floats as the shortest text that reads back to the same bits.

    Sequences may grow, so the header is known last: the rows wait beside it, not in memory.
    """
    columns: dict[str, None] = {}
    count = 0
    with (
        tempfile.TemporaryFile("w+", newline="", encoding="utf-8", dir=path.parent) as body,
        path.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(body)
        for row in rows:
            columns.update(dict.fromkeys(row))
            writer.writerow([row.get(name) for name in columns])
            count += 1
        body.seek(0)
        csv.field_size_limit(sys.maxsize)  # texts such as a URDF are longer than its 128 KiB
        whole = csv.writer(stream)
        whole.writerow(columns)
        for short in csv.reader(body):
            whole.writerow([*short, *[""] * (len(columns) - len(short))])
    return count


def _parquet() -> Any:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise HumanoidError(
            "Parquet needs pyarrow: './humanoid setup parquet' in a checkout, elsewhere "
            "'pip install pyarrow'; or take --format csv",
            Exit.ENVIRONMENT,
        ) from error

    def write(path: Path, rows: Iterator[dict[str, Any]]) -> int:
        tables = []
        while batch := list(islice(rows, BATCH)):
            names = dict.fromkeys(name for row in batch for name in row)
            tables.append(pyarrow.table({n: [row.get(n) for row in batch] for n in names}))
        table = pyarrow.concat_tables(tables, promote_options="default")
        parquet.write_table(table, path)
        return int(table.num_rows)

    return write
