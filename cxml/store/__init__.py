"""Files: one writer, whose output is the old one or the new one, whole."""
