"""pycparser, which knows no preprocessor, no comments and no standard types, reads bedrock.cdef.h."""

import json
import sys

from pycparser import c_ast, c_parser

cdef, description, _ = sys.argv[1:]
api = json.load(open(description, encoding="utf-8"))
known = {"size_t": "unsigned long", "int32_t": "int", "uint32_t": "unsigned int", "int64_t": "long long"}
typedefs = "".join(f"typedef {plain} {name};" for name, plain in known.items())
declarations = c_parser.CParser().parse(typedefs + open(cdef, encoding="utf-8").read()).ext

functions = {item.name: item.type for item in declarations if isinstance(getattr(item, "type", None), c_ast.FuncDecl)}
assert list(functions) == [function["name"] for function in api["functions"]]
for function in api["functions"]:
    arguments = functions[function["name"]].args.params
    names = [argument.name for argument in arguments if argument.name is not None]
    assert names == [parameter["name"] for parameter in function["parameters"]], function["name"]
