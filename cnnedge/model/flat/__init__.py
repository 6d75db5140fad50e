"""Anyone's model as one flat graph of plain layers: nothing nested, nothing shared, operations become layers."""
