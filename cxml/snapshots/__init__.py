"""What was known at a cutoff, who was a customer then, and which cutoffs train and test."""
