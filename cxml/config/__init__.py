"""``cxml.toml``: reading it, its sections as data, and the text of a new one."""
