import libbedrock

# The first request is refused, as by a busy service. The library tries again.
refusal = {"status": 429, "code": "ThrottlingException", "message": "Too many requests"}
model = libbedrock.Model("any", transport={"replies": [{"error": refusal}, "Hello."]})
response = model.generate("Say hello.")
print(f"{response.text} ({response.attempts} attempts)")
