"""The pictures: canvas, eye, tissue, hands, instruments, and the make-up scene."""
