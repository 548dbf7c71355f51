"""The command ``cxml``: what it accepts and how it speaks."""
