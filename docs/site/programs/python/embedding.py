import libbedrock

model = libbedrock.Model("amazon.titan-embed-text-v2:0")
response = model.call("InvokeModel", body={"inputText": "Hello"})
for number in response.json()["embedding"]:
    print(f"{number:.2f}")
