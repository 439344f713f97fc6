"""The embedded endpoint: HTTP in front of predictors, with tokens, an own store and a state that survives."""
