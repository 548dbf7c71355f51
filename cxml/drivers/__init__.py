"""Why customers leave: contributions of features, factors, reasons, and what stands behind them."""
