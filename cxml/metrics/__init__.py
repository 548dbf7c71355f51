"""How good a forecast is, how sure that is, and what it is worth."""
