"""The target: who left and what they brought. The only folder that may look at or past a cutoff."""
