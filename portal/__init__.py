"""The portal: the frame that every area stands in. Imports nothing, so that `python3 -m portal.up` runs anywhere."""
