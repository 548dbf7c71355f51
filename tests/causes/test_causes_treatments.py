"""What is asked of each factor, and that no control comes after it or says how the customer felt: over all factors."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cxml.causes import treatments
from cxml.causes.treatments import Question, exposure, questions, window_of
from cxml.errors import ConfigError
from cxml.features import FACTORS, Factor, Feature, planner, validate
from cxml.features.declare import LOOKBACKS, Treatment
from tests_support import EVERYTHING  # type: ignore[import-not-found]
