"""Few records to a version with a proven twin, answered at once: no table, no routing, no other thread.

The bytes of an answer are those of the usual way. Whatever is not plain, wrong requests first of all, takes that way
instead, with all that was read of it; so there is one place for coercions and errors.

- :mod:`~nbdeploy.serving.fast.inline`: what a version answers by itself.
- :mod:`~nbdeploy.serving.fast.lanes`: bodies in, bodies out, one lane per protocol.
- :mod:`~nbdeploy.serving.fast.dispatch`: requests that take a lane, and those that do not.
- :mod:`~nbdeploy.serving.fast.bodies`: bodies that are read once, and given to whoever answers.
"""
