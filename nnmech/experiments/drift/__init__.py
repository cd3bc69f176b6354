"""What probes say of the paper's question: does the claim become true inside, does a constraint change that, where does
release lead?"""
