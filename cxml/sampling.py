"""Customers drawn by a hash of their ids: the same ones on every machine, in every run, whatever the order of the rows."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cxml.errors import ConfigError


def customer_folds(customer_id: ArrayLike | pd.Series, n: int, seed: int = 0) -> NDArray[np.int64]:
    """Fold number in ``0 .. n - 1`` of each row; all rows of a customer share one.

    The fold depends on the id as text and on *seed* alone: not on row order, on other customers or
    on the machine.

    >>> customer_folds(["a", "b", "a"], 10).tolist()
    [5, 9, 5]
    """
    if n < 2:
        raise ConfigError(
            f"{n} folds cannot be held out", where="customer_folds", expected="2 or more", fix="n=10"
        )
    return np.minimum((hash_share(customer_id, seed) * n).astype(np.int64), n - 1)


def hash_share(customer_id: ArrayLike | pd.Series, seed: int = 0) -> NDArray[np.float64]:
    """A number in [0, 1) for each row, uniform over ids and fixed for each id and *seed*.

    It is the first 52 bits of BLAKE2b of the id, keyed by the seed.
    """
    codes, ids = pd.factorize(pd.Series(customer_id), use_na_sentinel=False)
    key = str(int(seed)).encode()
    words = (hashlib.blake2b(str(one).encode(), digest_size=8, key=key).digest() for one in ids)
    whole = np.frombuffer(b"".join(words), dtype=">u8").astype(np.uint64) >> np.uint64(12)
    share: NDArray[np.float64] = (whole.astype(np.float64) / 2.0**52)[codes]
    return share
