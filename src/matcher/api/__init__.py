"""The way in by HTTP: wire models, routes and problems; knows HTTP so that nothing else need."""
