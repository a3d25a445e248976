"""The live console at ``/console``: plain files for a browser, and what their forms need to know of the cards."""

from bentos.console.cards import cards
from bentos.console.files import File, files

__all__ = ["File", "cards", "files"]
