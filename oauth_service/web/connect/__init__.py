"""The pages that a customer opens with a connect link."""
