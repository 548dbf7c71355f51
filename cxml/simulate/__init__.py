"""A company whose truth is known: who will leave, why, and what they are worth."""

from cxml.simulate.climate import Climate
from cxml.simulate.company import Simulation, simulate
from cxml.simulate.effects import Effects

__all__ = ["Climate", "Effects", "Simulation", "simulate"]
