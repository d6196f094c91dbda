//! Nothing: the dependencies are what matters.
