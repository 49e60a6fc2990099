"""The self-test: proof on the user's own machine and model that the site works, as a qualification record."""
