"""One HTTP worker: decodes, validates, answers by twins, and asks the processes of versions for the rest."""
