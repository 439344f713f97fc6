"""One module per protocol; each lists its routes and is thin over :mod:`nbdeploy.serving.dataplane`."""
