"""New repositories and new models, written from the templates beside this file."""
