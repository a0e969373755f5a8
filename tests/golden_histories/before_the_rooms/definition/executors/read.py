# For reading only: a save takes the code that is registered.
# 'read': tests.golden_histories.executors.read, SHA-256 a0cb107417b79816c0ce1ba726210b141107d722fe33a1795637be141b409745

def read(step: fl.StepContext) -> Any:
    step.log.info("reading %s", step.data["what"])
    return {"what": step.data["what"], "net": 100.0}
