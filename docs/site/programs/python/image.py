import base64

import libbedrock

# A PNG file of one pixel. Your program reads a file.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"

model = libbedrock.Model("us.anthropic.claude-haiku-4-5-20251001-v1:0")
request = libbedrock.Request().image(base64.b64decode(PIXEL)).user("What is this?")
print(model.generate(request).text)
