"""Programs that run where other servers are installed are no tests."""

collect_ignore_glob = ["serving/programs/*"]
