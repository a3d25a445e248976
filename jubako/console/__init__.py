"""The live console at ``/console``: plain files for a browser, and what their forms need to know of the cards."""

from jubako.console.cards import cards
from jubako.console.files import File, files

__all__ = ["File", "cards", "files"]
