"""A company whose truth is known: who will leave, why, and what they are worth."""

from cxml.simulate.company import Simulation, simulate
from cxml.simulate.effects import Effects

__all__ = ["Effects", "Simulation", "simulate"]
