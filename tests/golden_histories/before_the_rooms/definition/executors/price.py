# For reading only: a save takes the code that is registered.
# 'price': tests.golden_histories.executors.price, SHA-256 a568913180cb7c0ea6bbd7eb3dd811141e7f9fd50b1e9e6fc9c19433e04fac20

def price(step: fl.StepContext) -> Any:
    return {"gross": round(step.data["net"] * 1.2, 2)}
