"""The input tables: from sources to views of the contract, and what is wrong with them."""
