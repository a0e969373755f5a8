"""An application for workers of the command line."""

import flowledger as fl

executors = fl.ExecutorRegistry()
executors.register("work")(lambda step: "done")
