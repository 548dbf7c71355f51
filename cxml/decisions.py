"""Whom to contact: what a contact is expected to bring, whom to keep aside to learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxml.splits import hash_share

Floats = NDArray[np.float64]
_HOLDOUT_SEED = 1


def expected_profit(
    probability: ArrayLike, value: ArrayLike, *, save_rate: float, contact_cost: float, offer_cost: float
) -> Floats:
    """Money expected from contacting a customer with an offer.

    A leaver stays with probability *save_rate* and takes the offer; who would have stayed anyway takes it
    too; every contact costs::

        p * save_rate * (value - offer_cost) - (1 - p) * offer_cost - contact_cost

    Parameters
    ----------
    probability : array of shape (rows,)
        Churn probability.
    value : array of shape (rows,)
        Money the customer is expected to bring in the horizon; NaN where no value is known. It counts
        already that some leave, so a likely leaver's worth is understated: the list errs on the side of care.
    save_rate : float
        Share of leavers who stay when contacted, in [0, 1].
    contact_cost, offer_cost : float
        Money per contact, and per offer taken.

    References
    ----------
    Neslin, Gupta, Kamakura, Lu, Mason (2006), Defection detection, Journal of Marketing Research 43(2);
    Verbraken, Verbeke, Baesens (2013), IEEE Transactions on Knowledge and Data Engineering 25(5).

    Examples
    --------
    >>> expected_profit([0.5, 0.0], [1000.0, 1000.0], save_rate=0.2, contact_cost=1, offer_cost=10).tolist()
    [93.0, -11.0]
    """
    p, worth = np.asarray(probability, dtype=np.float64), np.asarray(value, dtype=np.float64)
    profit: Floats = p * save_rate * (worth - offer_cost) - (1 - p) * offer_cost - contact_cost
    return profit


def holdout_flag(customer_id: ArrayLike, share: float) -> NDArray[np.bool_]:
    """Who stays uncontacted so that the next campaign can be judged: *share* of the customers, by their id.

    The same customers every night, whatever model scores them: a changed group could not be judged.
    """
    flag: NDArray[np.bool_] = hash_share(customer_id, _HOLDOUT_SEED) < share
    return flag
