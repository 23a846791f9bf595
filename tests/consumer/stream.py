import libbedrock

model = libbedrock.Model("any", transport={"replies": ["Hello from a package."]})
with model.stream("Hello") as stream:
    print("".join(stream.text))
