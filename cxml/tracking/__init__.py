"""MLflow: runs, registered models and the champion among them."""
