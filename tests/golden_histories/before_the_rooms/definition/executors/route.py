# For reading only: a save takes the code that is registered.
# 'route': tests.golden_histories.executors.route, SHA-256 b757180d99158873b129f4d8e60c8588b15b458f9ec7ee380e3b634737571206

def route(step: fl.StepContext) -> Any:
    return fl.StepResult(step.data["gross"], "dear" if step.data["gross"] > 110 else "cheap")
