"""May this draft leave? Small rules over what it states, in which form, to whom."""
