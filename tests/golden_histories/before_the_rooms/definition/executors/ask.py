# For reading only: a save takes the code that is registered.
# 'ask': tests.golden_histories.executors.ask, SHA-256 e75097484c0a4276bc9d320203268dff88977c5ef3a649535255af4e1cd12a46

def ask(step: fl.StepContext) -> Any:
    return fl.Pause("a person must look") if step.payload is None else step.payload
