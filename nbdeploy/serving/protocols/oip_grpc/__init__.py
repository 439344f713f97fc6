"""Open Inference Protocol v2 over gRPC: ``inference.GRPCInferenceService``.

Only :mod:`server` imports gRPC. Its threads do not survive a fork, so it is imported in the process that serves.
"""
