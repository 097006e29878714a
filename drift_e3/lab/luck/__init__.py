"""What the verdict is worth: searches over markets in which there is nothing to find, or a known something.

`market` makes such markets, `searching` searches them as `optimize` does, in reduced form, `calibration` says
how strong a planted edge has to be, `operating` counts the licences.
Only `licence-check` needs any of it.
"""
