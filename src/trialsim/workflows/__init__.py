"""One module a command: what a user asks for, from its request to its results folder."""
