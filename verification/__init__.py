"""The claims of the texts: the register, the machinery that judges it, scenes and checks."""
