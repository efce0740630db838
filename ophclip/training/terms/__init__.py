"""The terms of the loss, one file each; `registry` lists them, `term` says what a term is."""
