"""What a training has fitted, kept until the run is done: a step that fails later does not cost the fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cxml.jobs.context import Kept, Tell
from cxml.store import manifest, writer

if TYPE_CHECKING:
    from cxml.training.fit import Trained

_TABLES = ("factors", "features", "forecasts")


def bundle_folder(kept: Kept) -> Path:
    """Where the fitted model lies until the run is done."""
    return kept.folder / "bundle"


def fitted(kept: Kept, make: Callable[[], Trained], threads: int, tell: Tell) -> Trained:
    """What *make* fits, or what an earlier run of the same config and data has fitted.

    It is read back from where it is kept, so that a run that goes on sees what one without a stop sees. The
    bundle is written last: where it is, the rest is too.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cxml.models.bundle import Bundle
    from cxml.training.fit import Trained

    home, folder = kept.folder, bundle_folder(kept)
    if folder.is_dir():
        tell("going on with the model that an earlier run has fitted")
    else:
        made = make()
        for name in _TABLES:
            table = pa.Table.from_pandas(getattr(made, name), preserve_index=False)
            writer.replace_table(home / f"{name}.parquet", table)
        writer.replace_text(home / "metrics.json", manifest.as_json(manifest.plain(made.metrics)))
        made.bundle.write(folder)
    tables = {name: pq.read_table(home / f"{name}.parquet").to_pandas() for name in _TABLES}
    metrics = json.loads((home / "metrics.json").read_text(encoding="utf-8"))
    return Trained(Bundle.read(folder, threads), metrics, **tables)


@contextmanager
def not_lost(kept: Kept, tell: Tell) -> Iterator[None]:
    """Say where the fitted model is when a later step fails; the failure itself goes on as it is."""
    try:
        yield
    except BaseException:
        tell(
            f"the fitted model is kept in {bundle_folder(kept)}: the next run with the same config and data goes on"
            " from it, and 'cxml score --model' takes it"
        )
        raise
