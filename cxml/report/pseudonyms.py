"""Names for customers that only who has the key can tell."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac

from cxml.report.inputs import ReportInputs

_LENGTH = 16


def pseudonym(customer_id: str, key: str) -> str:
    """The name of a customer in a report without ids: the first 16 hexadecimal digits of HMAC-SHA256.

    >>> pseudonym("c-4711", "a secret")
    '8bb192e1cf8b4920'
    """
    return hmac.new(key.encode(), customer_id.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def without_ids(inputs: ReportInputs, key: str) -> ReportInputs:
    """The inputs with a ``pseudonym`` for every customer id."""
    scores = inputs.scores.assign(customer_id=[pseudonym(str(i), key) for i in inputs.scores["customer_id"]])
    stories = {pseudonym(str(i), key): one for i, one in inputs.stories.items()}
    return dataclasses.replace(inputs, scores=scores, stories=stories)
