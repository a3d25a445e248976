"""The collection: five models behind one service. Each folder is one model; ``service.py`` composes them."""
