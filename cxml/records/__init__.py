"""What passes from one wing to another: records that are written as JSON, names of columns, types that all speak of."""
